from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.tenancy import DataPlaneModel, PublicIdModel, TenantModel
from dynamail.lib.ids import to_public_id
from dynamail.lib.personal_data import (
    Category,
    Erase,
    Purpose,
    Retention,
    Subject,
    annotated,
    operational,
    personal,
)

SUPPRESSION_PREFIX = "sup"


@annotated(
    operational(
        "id", "account_id", "uid", "created_at", "name", "description", "is_public", "tracking", "position"
    ),
    operational("archived_at"),
)
class Topic(TenantModel, PublicIdModel):
    """A subject one may opt in to or out of ("Product news")."""

    class Tracking(models.TextChoices):
        NONE = "none", _("Nothing is recorded")
        AGGREGATE = "aggregate", _("Totals per campaign, no person")
        INDIVIDUAL = "individual", _("Per person")

    open_to_workers = True
    public_prefix = "top"

    name = models.CharField(_("Name"), max_length=100)
    description = models.CharField(_("Description"), max_length=300, blank=True, default="")
    is_public = models.BooleanField(_("Shown on the preference page"), default=True)
    tracking = models.CharField(_("Tracking"), max_length=12, choices=Tracking.choices, default=Tracking.NONE)
    position = models.IntegerField(default=0)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "topic"
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="topic_name_once")]

    def __str__(self) -> str:
        return self.name


class ConsentState(models.TextChoices):
    SUBSCRIBED = "subscribed", _("Subscribed")
    PENDING = "pending", _("Waiting for confirmation")
    UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")


class LawfulBasis(models.TextChoices):
    CONSENT = "consent", _("Consent")
    CONTRACT = "contract", _("Contract")
    LAW = "law", _("Required by law")


@annotated(
    operational("account_id", "topic_id"),
    personal(
        "contact_id",
        "state",
        "basis",
        "changed_at",
        "tracking_allowed",
        category=Category.CONSENT,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
    ),
)
class Subscription(DataPlaneModel):
    """Where a contact stands on a topic now; no row means never asked, which means no."""

    pk = models.CompositePrimaryKey("account_id", "topic_id", "contact_id")
    topic_id = models.BigIntegerField()
    contact_id = models.UUIDField()
    state = models.CharField(max_length=12, choices=ConsentState.choices)
    basis = models.CharField(max_length=12, choices=LawfulBasis.choices, default=LawfulBasis.CONSENT)
    tracking_allowed = models.BooleanField(null=True, default=None)  # none: never asked; then only totals
    changed_at = models.DateTimeField()

    class Meta(DataPlaneModel.Meta):
        db_table = "subscription"
        indexes = [models.Index(fields=["account_id", "contact_id"], name="subscription_contact")]


@annotated(
    operational(
        "account_id", "id", "topic_id", "at", "source_kind", "source_id", "actor", retention=Retention.PROOF
    ),
    personal(
        "contact_id",
        "act",
        "basis",
        "method",
        "text",
        "since",
        "evidence",
        category=Category.CONSENT,
        subject=Subject.CONTACT,
        purpose=Purpose.LAW,
        retention=Retention.PROOF,
        erase=Erase.KEEP_PROOF,
    ),
)
class ConsentRecord(DataPlaneModel):
    """Who agreed to what, when, how, with which words. Rows are only ever added."""

    class Act(models.TextChoices):
        GIVEN = "given", _("Given")
        REQUESTED = "requested", _("Confirmation asked for")
        CONFIRMED = "confirmed", _("Confirmed")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        IMPORTED = "imported", _("Stated by the account at import")
        TRACKING_ALLOWED = "tracking_on", _("Tracking allowed")
        TRACKING_REFUSED = "tracking_off", _("Tracking refused")

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()
    contact_id = models.UUIDField()
    topic_id = models.BigIntegerField()
    act = models.CharField(max_length=12, choices=Act.choices)
    basis = models.CharField(max_length=12, choices=LawfulBasis.choices)
    method = models.CharField(max_length=30)  # import, page, one_click, preference_page, api, member
    text = models.TextField(default="", blank=True)  # the words that were agreed to, or the statement made
    since = models.DateField(null=True)
    at = models.DateTimeField()
    source_kind = models.CharField(max_length=20, default="")
    source_id = models.CharField(max_length=64, default="")
    actor = models.CharField(max_length=254, default="", blank=True)
    evidence = models.JSONField(default=dict)

    class Meta(DataPlaneModel.Meta):
        db_table = "consent_record"
        indexes = [models.Index(fields=["account_id", "contact_id", "at"], name="consent_record_contact")]


class SuppressionScope(models.TextChoices):
    ALL = "all", _("All mail")
    MARKETING = "marketing", _("Campaigns only")
    TRANSACTIONAL = "transactional", _("Transactional mail only")


class SuppressionReason(models.TextChoices):
    HARD_BOUNCE = "hard_bounce", _("The address does not exist")
    COMPLAINT = "complaint", _("Marked our mail as spam")
    UNSUBSCRIBE = "unsubscribe", _("Unsubscribed from everything")
    MANUAL = "manual", _("Added by a member")
    ERASURE = "erasure", _("The person was erased")


@annotated(
    operational("account_id", "reason", "scope", "at", "source_kind", "source_id", "expires_at"),
    personal(
        "address_hash",
        category=Category.CONSENT,
        subject=Subject.CONTACT,
        purpose=Purpose.LAW,
        retention=Retention.WHILE_ACCOUNT_EXISTS,
        erase=Erase.KEEP_HASH,
        export=False,
    ),
    personal(
        "email",
        "detail",
        category=Category.IDENTIFIER,
        subject=Subject.CONTACT,
        purpose=Purpose.LAW,
        erase=Erase.CLEAR,
    ),
)
class Suppression(DataPlaneModel):
    """An address that we must not mail. Found by keyed hash; the address itself is cleared by an erasure."""

    pk = models.CompositePrimaryKey("account_id", "address_hash", "scope")
    address_hash = models.BinaryField(
        max_length=16
    )  # HMAC-SHA-256 of email_key under the account's key, 128 bits
    scope = models.CharField(max_length=16, default=SuppressionScope.ALL, choices=SuppressionScope.choices)
    email = models.CharField(max_length=254, default="", blank=True)
    reason = models.CharField(max_length=16, choices=SuppressionReason.choices)
    detail = models.CharField(max_length=500, default="", blank=True)
    at = models.DateTimeField()
    source_kind = models.CharField(max_length=20, default="")
    source_id = models.CharField(max_length=64, default="")
    expires_at = models.DateTimeField(null=True)

    class Meta(DataPlaneModel.Meta):
        db_table = "suppression"
        indexes = [
            models.Index(fields=["account_id", "at", "address_hash", "scope"], name="suppression_newest"),
            models.Index(fields=["account_id", "email"], name="suppression_email"),  # of audiences
            models.Index(
                fields=["expires_at"],
                name="suppression_expiring",
                condition=models.Q(expires_at__isnull=False),
            ),
        ]

    @property
    def public_id(self) -> str:
        """Names the address, in whatever scopes it is suppressed."""
        return to_public_id(SUPPRESSION_PREFIX, UUID(bytes=bytes(self.address_hash)))

    @property
    def is_erased(self) -> bool:
        """The person was erased: only the hash of the address is left."""
        return not self.email or self.reason == SuppressionReason.ERASURE

    def is_in_force(self, *, now: datetime) -> bool:
        return self.expires_at is None or self.expires_at > now
