from __future__ import annotations

import secrets
from collections.abc import Sequence
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.tenancy import DataPlaneModel, PublicIdModel, TenantModel
from dynamail.inbound.erasing import erase_letters
from dynamail.lib.ids import to_public_id
from dynamail.lib.personal_data import Category, Purpose, Retention, Subject, annotated, operational, personal

_LOG, _BODY = Retention.MESSAGE_LOG, Retention.MESSAGE_BODY


def make_token() -> str:
    return secrets.token_hex(16)


@annotated(operational("id", "account_id", "uid", "created_at", "name", "token", "verified_at", "checked_at"))
class InboundDomain(TenantModel, PublicIdModel):
    """A domain whose mail comes to the account, whatever stands before the @. Its MX leads here; a TXT record proves whose it is."""

    open_to_workers = True
    public_prefix = "ibd"

    name = models.CharField(_("Domain"), max_length=253)  # A-labels, lower case
    token = models.CharField(max_length=40, default=make_token)
    verified_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "inbound_domain"
        verbose_name = _("domain for incoming mail")
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="inbound_domain_once"),
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(verified_at__isnull=False),
                name="inbound_domain_verified_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name


@annotated(operational("id", "account_id", "uid", "created_at", "local", "note"))
class InboundAddress(TenantModel, PublicIdModel):
    """An address of the account at the installation's own domain (`settings.INBOUND_DOMAIN`)."""

    open_to_workers = True
    public_prefix = "iba"

    local = models.CharField(max_length=64, unique=True)  # lower case; no two accounts share one
    note = models.CharField(_("What it is for"), max_length=100, blank=True, default="")

    class Meta(TenantModel.Meta):
        db_table = "inbound_address"
        verbose_name = _("address for incoming mail")

    def __str__(self) -> str:
        return self.local


@annotated(
    operational(
        "account_id", "id", "at", "fingerprint", "size_bytes", "spf", "dkim", "dmarc", retention=_LOG
    ),
    operational("message_id", "email_id", "is_auto_reply", "attachments", retention=_LOG),
    personal(
        "contact_id",
        category=Category.BEHAVIOR,
        subject=Subject.CONTACT,
        purpose=Purpose.SUPPORT,
        retention=_LOG,
    ),
    personal(
        "envelope_from",
        "envelope_to",
        "from_email",
        "from_key",
        "from_name",
        "header_id",
        "client_ip",
        category=Category.IDENTIFIER,
        subject=Subject.CONTACT,
        purpose=Purpose.SUPPORT,
        retention=_LOG,
    ),
    personal(
        "subject",
        "raw",
        category=Category.CONTENT,
        subject=Subject.CONTACT,
        purpose=Purpose.SUPPORT,
        retention=_BODY,
    ),
)
class ReceivedMessage(DataPlaneModel):
    """A message that came in. What it says is read from `raw` when it is shown; after thirty days that is gone."""

    class Verdict(models.TextChoices):
        PASS = "pass", _("Passed")
        FAIL = "fail", _("Failed")
        NEUTRAL = "neutral", _("Neutral")
        NONE = "none", _("Not published")
        UNKNOWN = "unknown", _("Unknown")  # the DNS did not answer

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()
    at = models.DateTimeField()
    fingerprint = (
        models.BinaryField()
    )  # SHA-256 of recipient and octets: a sender who did not see our 250 comes again
    envelope_from = models.CharField(max_length=320, default="")
    envelope_to = models.CharField(max_length=320)
    client_ip = models.CharField(max_length=45, default="")
    from_email = models.CharField(max_length=320, default="")
    from_key = models.CharField(max_length=320, default="")  # as contacts are found by
    from_name = models.CharField(max_length=200, default="")
    subject = models.CharField(max_length=998, default="")
    header_id = models.CharField(max_length=255, default="")
    message_id = models.UUIDField(null=True)  # of ours, which it answers
    email_id = models.UUIDField(null=True)
    contact_id = models.UUIDField(null=True)
    is_auto_reply = models.BooleanField(default=False)
    spf = models.CharField(max_length=8, choices=Verdict.choices, default=Verdict.UNKNOWN)
    dkim = models.CharField(max_length=8, choices=Verdict.choices, default=Verdict.UNKNOWN)
    dmarc = models.CharField(max_length=8, choices=Verdict.choices, default=Verdict.UNKNOWN)
    attachments = models.JSONField(default=list)  # [{"filename", "content_type", "size"}]
    size_bytes = models.IntegerField()
    raw = models.BinaryField(null=True)

    class Meta(DataPlaneModel.Meta):
        db_table = "received_message"
        constraints = [
            models.UniqueConstraint(fields=["account_id", "fingerprint"], name="received_message_once")
        ]
        indexes = [
            models.Index(
                fields=["account_id", "contact_id", "-id"],
                condition=models.Q(contact_id__isnull=False),
                name="received_message_contact",
            ),
            models.Index(fields=["account_id", "from_key"], name="received_message_from"),
        ]

    @classmethod
    def erase_people(cls, account_id: int, contact_ids: Sequence[UUID], addresses: Sequence[str]) -> None:
        erase_letters(account_id, contact_ids, addresses)

    @property
    def public_id(self) -> str:
        return to_public_id("rcv", self.id)
