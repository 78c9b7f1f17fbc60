from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.tenancy import DataPlaneModel, PublicIdModel, TenantModel
from dynamail.lib.ids import to_public_id
from dynamail.lib.personal_data import Category, Purpose, Retention, Subject, annotated, operational, personal


@annotated(
    operational("id", "account_id", "uid", "created_at", "verified_at", "is_default", "reply_to"),
    personal("name", "email", category=Category.IDENTIFIER, subject=Subject.USER, purpose=Purpose.CAMPAIGNS),
)
class Sender(TenantModel, PublicIdModel):
    """A verified identity that may stand in From."""

    open_to_workers = True
    public_prefix = "snd"

    name = models.CharField(_("Name"), max_length=100, blank=True, default="")
    email = models.EmailField(_("Email"), max_length=254)
    reply_to = models.EmailField(_("Reply to"), max_length=254, blank=True, default="")
    verified_at = models.DateTimeField(null=True, blank=True)
    is_default = models.BooleanField(default=False)

    class Meta(TenantModel.Meta):
        db_table = "sender"
        constraints = [models.UniqueConstraint(fields=["account", "email"], name="sender_email_once")]

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.name else self.email


@annotated(
    operational(
        "id",
        "account_id",
        "uid",
        "created_at",
        "name",
        "kind",
        "host",
        "port",
        "security",
        "verify_certificate",
        "username",
        "connections",
        "rate_per_second",
        "is_default",
        "checked_at",
        "check_result",
        "authorized_by_id",
        "authorized_at",
    ),
    personal(
        "password_sealed",
        category=Category.CREDENTIAL,
        subject=Subject.USER,
        purpose=Purpose.ACCESS,
        export=False,
    ),
)
class Transport(TenantModel, PublicIdModel):
    """A way out. The default one carries the account's mail; without a default, the Mailbox does.

    Handing mail to a relay is a transfer to a third party: who authorized it, and when, is on the row (P7.1).
    """

    class Kind(models.TextChoices):
        SMTP = "smtp", _("SMTP relay")

    class Security(models.TextChoices):
        NONE = "none", _("None")
        STARTTLS = "starttls", _("STARTTLS")
        TLS = "tls", _("TLS from the start")

    open_to_workers = True
    public_prefix = "trn"

    name = models.CharField(_("Name"), max_length=100)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.SMTP)
    host = models.CharField(_("Host"), max_length=253)
    port = models.IntegerField(_("Port"), default=587)
    security = models.CharField(
        _("Encryption"), max_length=10, choices=Security.choices, default=Security.STARTTLS
    )
    verify_certificate = models.BooleanField(_("Check the certificate"), default=True)
    username = models.CharField(_("User name"), max_length=254, blank=True, default="")
    password_sealed = models.BinaryField(null=True, blank=True)
    connections = models.IntegerField(_("Connections at once"), default=5)
    rate_per_second = models.IntegerField(_("Messages per second at most"), null=True, blank=True)
    is_default = models.BooleanField(default=False)
    authorized_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    authorized_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    check_result = models.JSONField(
        default=dict, blank=True
    )  # {"ok": bool, "steps": [{"name", "ok", "text"}]}

    class Meta(TenantModel.Meta):
        db_table = "transport"
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=models.Q(is_default=True), name="transport_one_default"
            )
        ]


@annotated(
    operational("account_id", "id", "at", "size_bytes", "message_id", retention=Retention.MESSAGE_BODY),
    personal(
        "envelope_from",
        "envelope_to",
        category=Category.IDENTIFIER,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
        retention=Retention.MESSAGE_BODY,
    ),
    personal(
        "subject",
        "from_text",
        "raw",
        category=Category.CONTENT,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
        retention=Retention.MESSAGE_BODY,
    ),
)
class CapturedMessage(DataPlaneModel):
    """A message that the Mailbox received. Account 0 is the system's own mail (verification, password reset)."""

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()
    at = models.DateTimeField()
    envelope_from = models.CharField(max_length=320, default="")
    envelope_to = models.CharField(max_length=320)
    from_text = models.CharField(max_length=500, default="")
    subject = models.CharField(max_length=500, default="")
    message_id = models.CharField(max_length=255, default="")
    size_bytes = models.IntegerField()
    raw = models.BinaryField()

    class Meta(DataPlaneModel.Meta):
        db_table = "captured_message"
        indexes = [models.Index(fields=["account_id", "envelope_to"], name="captured_message_to")]

    @property
    def public_id(self) -> str:
        return to_public_id("cap", self.id)
