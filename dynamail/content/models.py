from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.tenancy import DataPlaneModel, PublicIdModel, TenantModel
from dynamail.content import compiling
from dynamail.content.compiling import EmailSource, Stream
from dynamail.lib.personal_data import (
    Category,
    Purpose,
    Retention,
    Subject,
    annotated,
    operational,
    personal,
)


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


@annotated(
    operational("account_id", "id", "sha256", "size_bytes", "last_used_at", retention=Retention.MESSAGE_BODY),
    personal(
        "data",
        category=Category.CONTENT,
        subject=Subject.CONTACT,
        purpose=Purpose.TRANSACTIONAL,
        retention=Retention.MESSAGE_BODY,
    ),
)
class Blob(DataPlaneModel):
    """The octets of a file, once per account however many messages carry it. Unused ones go with the last message that did."""

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()
    sha256 = models.BinaryField(max_length=32)
    size_bytes = models.IntegerField()
    data = models.BinaryField()
    last_used_at = models.DateTimeField()

    class Meta(DataPlaneModel.Meta):
        db_table = "blob"
        constraints = [models.UniqueConstraint(fields=["account_id", "sha256"], name="blob_once")]
        indexes = [models.Index(fields=["last_used_at"], name="blob_age")]


@annotated(
    operational(
        "id",
        "account_id",
        "uid",
        "created_at",
        "filename",
        "content_type",
        "size_bytes",
        "blob_id",
        purpose=Purpose.CAMPAIGNS,
    ),
)
class Media(TenantModel, PublicIdModel):
    """A file that the account keeps, to attach it or to show it in emails."""

    open_to_workers = True
    public_prefix = "med"

    filename = models.CharField(_("File name"), max_length=255)
    content_type = models.CharField(max_length=127)
    size_bytes = models.IntegerField()
    blob_id = models.UUIDField()

    class Meta(TenantModel.Meta):
        db_table = "media"
        indexes = [models.Index(fields=["account", "blob_id"], name="media_blob")]

    def __str__(self) -> str:
        return self.filename
