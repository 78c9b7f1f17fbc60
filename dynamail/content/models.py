from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.tenancy import PublicIdModel, TenantModel
from dynamail.content import compiling
from dynamail.content.compiling import EmailSource, Stream
from dynamail.lib.personal_data import Purpose, annotated, operational


@annotated(
    operational(
        "id",
        "account_id",
        "uid",
        "created_at",
        "name",
        "kind",
        "subject",
        "preheader",
        "source",
        "updated_at",
        "archived_at",
        "version",
        purpose=Purpose.CAMPAIGNS,
    ),
)
class Template(TenantModel, PublicIdModel):
    """Reusable content of an account: the start of a campaign, or what a transactional message is made from."""

    class Kind(models.TextChoices):
        MJML = compiling.Kind.MJML.value, _("MJML")
        HTML = compiling.Kind.HTML.value, _("HTML")
        TEXT = compiling.Kind.TEXT.value, _("Plain text")

    open_to_workers = True
    public_prefix = "tpl"

    name = models.CharField(_("Name"), max_length=150)
    kind = models.CharField(_("Kind"), max_length=8, choices=Kind.choices, default=Kind.MJML)
    subject = models.CharField(_("Subject"), max_length=300, blank=True, default="")
    preheader = models.CharField(_("Preheader"), max_length=300, blank=True, default="")
    source = models.TextField(_("Source"), blank=True, default="")
    updated_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)
    version = models.IntegerField(default=1)  # raised by each save: two editors do not overwrite each other

    class Meta(TenantModel.Meta):
        db_table = "template"
        indexes = [models.Index(fields=["account", "-updated_at"], name="template_account")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None

    def as_email(self, *, stream: Stream = Stream.MARKETING) -> EmailSource:
        """What the compiler takes."""
        return EmailSource(
            compiling.Kind(self.kind), self.source, self.subject, self.preheader, stream=stream
        )
