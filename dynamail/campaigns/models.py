from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.tenancy import PublicIdModel, TenantModel
from dynamail.lib.personal_data import Purpose, annotated, operational


class CampaignState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    SCHEDULED = "scheduled", _("Scheduled")
    LAUNCHING = "launching", _("Launching")
    RUNNING = "running", _("Sending")
    PAUSED = "paused", _("Paused")
    FINISHED = "finished", _("Sent")
    CANCELED = "canceled", _("Canceled")


@annotated(
    operational(
        "id",
        "account_id",
        "uid",
        "created_at",
        "name",
        "state",
        "topic_id",
        "include_tags",
        "exclude_tags",
        "condition",
        "sender_id",
        "subject",
        "preheader",
        "kind",
        "body",
        "text",
        "version",
        "scheduled_at",
        "launched_at",
        "finished_at",
        "updated_at",
        "frozen",
        "created_by_id",
        "problem",
        "stopped_by",
        "guard_baseline",
        "utm",
        purpose=Purpose.CAMPAIGNS,
    ),
)
class Campaign(TenantModel, PublicIdModel):
    """One content to one audience, once."""

    class Kind(models.TextChoices):
        MJML = "mjml", _("MJML")
        HTML = "html", _("HTML")
        TEXT = "text", _("Plain text")

    State = CampaignState
    open_to_workers = True
    public_prefix = "cmp"

    name = models.CharField(_("Name"), max_length=150)
    state = models.CharField(max_length=12, choices=CampaignState.choices, default=CampaignState.DRAFT)
    topic = models.ForeignKey(
        "consent.Topic", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    include_tags = ArrayField(
        models.BigIntegerField(), default=list, blank=True
    )  # any of these; empty: everybody
    exclude_tags = ArrayField(models.BigIntegerField(), default=list, blank=True)
    condition = models.JSONField(
        default=dict, db_default={}, blank=True
    )  # in the condition language; empty: nobody is left out
    sender = models.ForeignKey(
        "senders.Sender", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    subject = models.CharField(_("Subject"), max_length=300, blank=True, default="")
    preheader = models.CharField(_("Preheader"), max_length=300, blank=True, default="")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.MJML)
    body = models.TextField(blank=True, default="")
    text = models.TextField(blank=True, default="")  # a text part of one's own; empty: made from the HTML
    utm = models.JSONField(default=dict, blank=True)
    version = models.IntegerField(default=1)  # raised by each save: two editors do not overwrite each other
    scheduled_at = models.DateTimeField(null=True, blank=True)
    launched_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()
    frozen = models.BigIntegerField(default=0)  # recipients at launch
    problem = models.CharField(max_length=500, blank=True, default="")
    stopped_by = models.JSONField(
        default=dict, db_default={}, blank=True
    )  # guard rail: {"cause", "count", "of"}
    guard_baseline = models.JSONField(
        default=dict, db_default={}, blank=True
    )  # counts at the last resume: guard_rails.Tally
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta(TenantModel.Meta):
        db_table = "campaign"
        indexes = [
            models.Index(fields=["account", "-created_at"], name="campaign_account"),
            models.Index(fields=["scheduled_at"], condition=models.Q(state="scheduled"), name="campaign_due"),
            models.Index(fields=["account"], condition=models.Q(state="running"), name="campaign_running"),
        ]

    @property
    def is_editable(self) -> bool:
        return self.state == CampaignState.DRAFT

    @property
    def is_live(self) -> bool:
        return self.state in (CampaignState.LAUNCHING, CampaignState.RUNNING, CampaignState.PAUSED)

    def __str__(self) -> str:
        return self.name
