from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.tenancy import DataPlaneModel, PublicIdModel, TenantModel
from dynamail.lib.ids import to_public_id
from dynamail.lib.personal_data import Category, Purpose, Retention, Subject, annotated, operational, personal

_LOG = Retention.MESSAGE_LOG


class Source(models.TextChoices):
    """How a report reached us."""

    SMTP = "smtp", _("By mail")
    MAILBOX = "mailbox", _("From a mailbox")
    PROVIDER = "provider", _("From the provider")


class Kind(models.TextChoices):
    """What a report says."""

    BOUNCE = "bounce", _("Bounce")
    COMPLAINT = "complaint", _("Complaint")
    DELAY = "delay", _("Delay")
    AUTO_REPLY = "auto_reply", _("Automatic reply")
    UNSUBSCRIBE = "unsubscribe", _("Unsubscribed at the provider")
    OTHER = "other", _("Other")


@annotated(
    operational(
        "account_id", "id", "at", "kind", "source", "source_kind", "source_id", "message_id", retention=_LOG
    ),
    operational("bounce_class", "reason", "code", "status", "is_hard", "consequence", retention=_LOG),
    personal(
        "contact_id",
        category=Category.BEHAVIOR,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
        retention=_LOG,
    ),
    personal(
        "recipient",
        "text",
        category=Category.IDENTIFIER,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
        retention=_LOG,
    ),
    personal(
        "raw",
        category=Category.CONTENT,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
        retention=Retention.REPORT,
    ),
)
class FeedbackReport(DataPlaneModel):
    """One report about one of our messages. Its id follows from message and kind: the same report twice is one row."""

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=12, choices=Kind.choices)
    source = models.CharField(max_length=10, choices=Source.choices)
    message_id = models.UUIDField()
    source_kind = models.CharField(max_length=12, default="")  # of the message
    source_id = models.UUIDField(null=True)
    contact_id = models.UUIDField(null=True)
    recipient = models.CharField(max_length=254, default="")
    bounce_class = models.CharField(max_length=24, default="")
    reason = models.CharField(max_length=24, default="")
    code = models.SmallIntegerField(default=0)
    status = models.CharField(max_length=12, default="")  # enhanced code
    text = models.CharField(max_length=500, default="")  # hostile: shown as text
    is_hard = models.BooleanField(default=False)
    consequence = models.CharField(max_length=20, default="")
    raw = models.BinaryField(null=True)

    class Meta(DataPlaneModel.Meta):
        db_table = "feedback_report"
        indexes = [
            models.Index(fields=["account_id", "-at"], name="feedback_report_latest"),
            models.Index(fields=["account_id", "message_id"], name="feedback_report_message"),
        ]

    @property
    def public_id(self) -> str:
        return to_public_id("rep", self.id)


@annotated(operational("id", "day", "source", "kind", "n", retention=_LOG))
class FeedbackCount(models.Model):
    """Reports of a day that were not kept: about no message of ours, too old, repeated."""

    day = models.DateField()
    source = models.CharField(max_length=10)
    kind = models.CharField(max_length=20)
    n = models.BigIntegerField(default=0)

    class Meta:
        db_table = "feedback_count"
        constraints = [models.UniqueConstraint(fields=["day", "source", "kind"], name="feedback_count_once")]


@annotated(
    operational("id", "account_id", "uid", "created_at", "protocol", "host", "port", "security", "username"),
    operational("folder", "delete_processed", "is_enabled", "checked_at", "problem", "position", "taken"),
    operational("authorized_by_id", "authorized_at"),
    personal(
        "password_sealed",
        category=Category.CREDENTIAL,
        subject=Subject.USER,
        purpose=Purpose.ACCESS,
        export=False,
    ),
)
class ReportMailbox(TenantModel, PublicIdModel):
    """A mailbox elsewhere in which reports arrive, read every minute."""

    class Protocol(models.TextChoices):
        IMAP = "imap", _("IMAP")
        POP3 = "pop3", _("POP3")

    class Security(models.TextChoices):
        NONE = "none", _("None")
        STARTTLS = "starttls", _("STARTTLS")
        TLS = "tls", _("TLS from the start")

    open_to_workers = True
    public_prefix = "rbx"

    protocol = models.CharField(_("Protocol"), max_length=5, choices=Protocol.choices, default=Protocol.IMAP)
    host = models.CharField(_("Host"), max_length=253)
    port = models.IntegerField(_("Port"), default=993)
    security = models.CharField(
        _("Encryption"), max_length=10, choices=Security.choices, default=Security.TLS
    )
    username = models.CharField(_("User name"), max_length=254)
    password_sealed = models.BinaryField(null=True, blank=True)
    folder = models.CharField(_("Folder"), max_length=200, default="INBOX")  # IMAP
    delete_processed = models.BooleanField(_("Delete reports that were taken"), default=False)
    is_enabled = models.BooleanField(_("In use"), default=True)
    position = models.JSONField(default=dict)  # IMAP: {"validity", "uid"}; POP3: {"kept": [unique ids]}
    checked_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=500, blank=True, default="")
    taken = models.BigIntegerField(default=0)  # reports that were about messages of ours
    authorized_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    authorized_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "report_mailbox"

    def __str__(self) -> str:
        return f"{self.username}@{self.host}" if "@" not in self.username else self.username
