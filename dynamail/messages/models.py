from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, NullIf
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.tenancy import DataPlaneModel
from dynamail.lib.ids import to_public_id
from dynamail.lib.personal_data import Category, Purpose, Retention, Subject, annotated, operational, personal

_LOG, _BODY = Retention.MESSAGE_LOG, Retention.MESSAGE_BODY


class MessageState(models.TextChoices):
    DELIVERED = "delivered", _("Delivered")  # accepted by the next hop; not "in the inbox"
    BOUNCED = "bounced", _("Bounced")
    SUPPRESSED = "suppressed", _("Suppressed")
    CANCELED = "canceled", _("Canceled")
    EXPIRED = "expired", _("Expired")
    UNKNOWN = "unknown", _("In doubt")  # the connection ended between the final dot and the reply


class SourceKind(models.TextChoices):
    CAMPAIGN = "campaign", _("Campaign")
    API = "api", _("API")
    SMTP = "smtp", _("SMTP")
    SCENARIO = "scenario", _("Scenario")
    SYSTEM = "system", _("System")
    TEST = "test", _("Test")


@annotated(
    operational(
        "account_id",
        "id",
        "at",
        "source_kind",
        "source_id",
        "state",
        "domain",
        "transport_id",
        retention=_LOG,
    ),
    operational("bounce_class", "smtp_code", "enhanced_code", "attempts", "size_bytes", retention=_LOG),
    operational("email_id", "stream", retention=_LOG),
    personal(
        "contact_id",
        category=Category.BEHAVIOR,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
        retention=_LOG,
    ),
    personal(
        "recipient",
        "recipient_folded",
        "reply",
        category=Category.IDENTIFIER,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
        retention=_LOG,
    ),
)
class Message(DataPlaneModel):
    """One email to one recipient: how it ended. Written once, never updated; partitioned by month of `id`.

    The id is also the left part of the Message-ID header, and derived from campaign and contact: a second outcome for the
    same person meets the key.
    """

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()
    at = models.DateTimeField()
    source_kind = models.CharField(max_length=12, choices=SourceKind.choices)
    source_id = models.UUIDField(null=True)
    contact_id = models.UUIDField(null=True)
    recipient = models.CharField(max_length=254, default="")
    domain = models.CharField(max_length=253, default="")
    state = models.CharField(max_length=12, choices=MessageState.choices)
    bounce_class = models.CharField(max_length=24, default="")
    smtp_code = models.SmallIntegerField(default=0)
    enhanced_code = models.CharField(max_length=12, default="")
    reply = models.CharField(max_length=500, default="")  # hostile text: shown as text
    transport_id = models.BigIntegerField(null=True)  # none: the Mailbox
    attempts = models.SmallIntegerField(default=1)
    size_bytes = models.IntegerField(default=0)
    email_id = models.UUIDField(null=True)  # of a single message that a program sent
    stream = models.CharField(max_length=40, default="")  # the stream's key; "": by the source's kind
    # Of single mail, where the recipient is not in lower case already: the log is searched by it.
    recipient_folded = models.GeneratedField(
        expression=models.Case(
            models.When(email_id__isnull=False, then=NullIf(Lower("recipient"), "recipient"))
        ),
        output_field=models.TextField(null=True),
        db_persist=True,
    )

    class Meta(DataPlaneModel.Meta):
        db_table = "message"
        managed = False

    @property
    def public_id(self) -> str:
        return to_public_id("msg", self.id)


@annotated(
    operational(
        "shard", "id", "account_id", "source_kind", "source_id", "priority", "run_at", "attempts", "lane"
    ),
    operational("worker", "lease_until", "created_at", "in_doubt", "last_code"),
    operational("email_id", "stream", "topic_id", "to_mailbox"),
    personal("contact_id", category=Category.BEHAVIOR, subject=Subject.CONTACT, purpose=Purpose.CAMPAIGNS),
    personal(
        "recipient",
        "last_reply",
        category=Category.IDENTIFIER,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
    ),
    personal(
        "payload",
        "one_time_sealed",
        category=Category.CONTENT,
        subject=Subject.CONTACT,
        purpose=Purpose.TRANSACTIONAL,
        retention=_BODY,
    ),
)
class Outbox(DataPlaneModel):
    """One message that waits: single sends, and campaign recipients who met a temporary failure."""

    pk = models.CompositePrimaryKey("shard", "id")
    shard = models.SmallIntegerField()
    id = models.UUIDField()
    source_kind = models.CharField(max_length=12, choices=SourceKind.choices)
    source_id = models.UUIDField(null=True)
    contact_id = models.UUIDField(null=True)
    recipient = models.CharField(max_length=254)
    payload = models.JSONField(
        null=True
    )  # {"from", "subject", "html", "text", "headers"}; none: the source's content
    priority = models.SmallIntegerField(default=1)  # 0 transactional, 1 retries, 2 bulk, 9 held by a pause
    lane = models.SmallIntegerField(default=0)
    run_at = models.DateTimeField()
    attempts = models.SmallIntegerField(default=0)
    worker = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    in_doubt = models.BooleanField(default=False)
    last_code = models.SmallIntegerField(default=0)
    last_reply = models.CharField(max_length=500, default="")
    created_at = models.DateTimeField()
    email_id = models.UUIDField(null=True)  # none: `payload` or the campaign's content
    stream = models.CharField(max_length=40, default="", db_default="")
    topic_id = models.BigIntegerField(null=True)  # consent is asked for it again before sending
    to_mailbox = models.BooleanField(default=False, db_default=False)  # test keys and simulated addresses
    one_time_sealed = models.BinaryField(null=True)  # the content with its one-time values; gone with the row

    class Meta(DataPlaneModel.Meta):
        db_table = "outbox"
        indexes = [
            models.Index(fields=["priority", "run_at"], condition=models.Q(worker=None), name="outbox_ready"),
            models.Index(
                fields=["lease_until"], condition=models.Q(worker__isnull=False), name="outbox_lease"
            ),
            models.Index(fields=["account_id", "source_id"], name="outbox_source"),
            models.Index(
                fields=["account_id", "email_id"],
                condition=models.Q(email_id__isnull=False),
                name="outbox_email",
            ),
        ]


@annotated(
    operational(
        "account_id", "id", "at", "source_kind", "api_key_id", "stream", "template_uid", retention=_LOG
    ),
    operational("topic_id", "track_opens", "track_clicks", "send_at", "is_test", "header_id", retention=_LOG),
    operational("from_email", "from_name", "reply_to", "tags", "size_bytes", "one_time", retention=_LOG),
    personal(
        "recipients",
        "subject",
        "metadata",
        category=Category.CONTENT,
        subject=Subject.CONTACT,
        purpose=Purpose.TRANSACTIONAL,
        retention=_LOG,
    ),
)
class Email(DataPlaneModel):
    """What a program asked to send, once, to however many recipients; each of them gets a `message` of its own.

    Written once at accept, partitioned by month of `id`. Its state is that of its messages.
    """

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()
    at = models.DateTimeField()
    source_kind = models.CharField(max_length=12, choices=SourceKind.choices)
    api_key_id = models.BigIntegerField(null=True)
    stream = models.CharField(max_length=40)
    from_email = models.CharField(max_length=254)
    from_name = models.CharField(max_length=200, default="")
    reply_to = models.JSONField(default=list)  # texts such as "Ann <ann@example.com>"
    subject = models.CharField(max_length=998)
    # [{"id": the message's uuid, "email", "name", "kind": "to" | "cc" | "bcc"}], in the order of the header
    recipients = models.JSONField()
    tags = ArrayField(models.CharField(max_length=100), default=list)
    metadata = models.JSONField(default=dict)  # texts by key
    template_uid = models.UUIDField(null=True)
    topic_id = models.BigIntegerField(null=True)
    track_opens = models.BooleanField(default=False)
    track_clicks = models.BooleanField(default=False)
    send_at = models.DateTimeField(null=True)  # as first asked; the outbox has the present time
    is_test = models.BooleanField(default=False)
    header_id = models.CharField(max_length=250, default="")  # the sender's own Message-ID without brackets
    size_bytes = models.IntegerField(default=0)
    one_time = models.BooleanField(default=False)  # it had one-time values, which the kept body hides

    class Meta(DataPlaneModel.Meta):
        db_table = "email"
        managed = False

    @property
    def public_id(self) -> str:
        return to_public_id("eml", self.id)


@annotated(
    operational("account_id", "id", "kind", retention=_BODY),
    personal(
        "content",
        "raw",
        category=Category.CONTENT,
        subject=Subject.CONTACT,
        purpose=Purpose.TRANSACTIONAL,
        retention=_BODY,
    ),
)
class EmailBody(DataPlaneModel):
    """What an email says: until its stream's retention ends, and at least until nothing of it waits. Same id as the email."""

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()
    kind = models.CharField(max_length=8)  # "parts": content; "raw": a whole message that a program composed
    # {"html", "text", "headers": [[name, value]], "attachments": [{"blob", "filename", "content_type", "content_id", "size"}]}
    content = models.JSONField(null=True)
    raw = models.BinaryField(null=True)

    class Meta(DataPlaneModel.Meta):
        db_table = "email_body"
        managed = False


@annotated(
    operational(
        "shard",
        "id",
        "account_id",
        "source_id",
        "lane",
        "priority",
        "tag",
        "run_at",
        "size",
        "done",
        "started",
    ),
    operational("state", "lease_until", "worker", "epoch"),
    personal("contact_ids", category=Category.BEHAVIOR, subject=Subject.CONTACT, purpose=Purpose.CAMPAIGNS),
)
class Chunk(DataPlaneModel):
    """Up to 500 recipients of a launched campaign. `done` outcomes are recorded; `done…started` may be on the wire.

    `worker` is set while a worker holds the chunk. Pausing and canceling change `state` alone: the worker learns of it when it
    commits its window, settles what is on the wire and lets the chunk go.
    """

    class State(models.IntegerChoices):
        READY = 0
        LEASED = 1
        PAUSED = 2
        FINISHED = 3
        CANCELED = 4

    pk = models.CompositePrimaryKey("shard", "id")
    shard = models.SmallIntegerField()
    id = models.UUIDField()
    source_id = models.UUIDField()
    lane = models.SmallIntegerField(default=0)
    priority = models.SmallIntegerField(default=2)
    tag = models.FloatField(default=0)  # start-time fair queueing: set at launch, smaller goes first
    run_at = models.DateTimeField()
    contact_ids = ArrayField(models.UUIDField())
    size = models.SmallIntegerField()
    done = models.SmallIntegerField(default=0)
    started = models.SmallIntegerField(default=0)
    state = models.SmallIntegerField(choices=State.choices, default=State.READY)
    lease_until = models.DateTimeField(null=True)
    worker = models.UUIDField(null=True)
    epoch = models.IntegerField(default=0)

    class Meta(DataPlaneModel.Meta):
        db_table = "chunk"
        indexes = [
            models.Index(fields=["priority", "tag", "id"], condition=models.Q(state=0), name="chunk_ready"),
            models.Index(
                fields=["lease_until"], condition=models.Q(worker__isnull=False), name="chunk_lease"
            ),
            models.Index(fields=["account_id", "source_id", "state"], name="chunk_source"),
        ]


@annotated(
    operational("account_id", "id", "created_at", "kind", "source", "sender", "settings", retention=_LOG),
)
class FrozenContent(DataPlaneModel):
    """What a launched campaign says, as it was at launch: the workers compile it, the report shows it."""

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()  # the campaign's uid
    kind = models.CharField(max_length=8)  # mjml, html, text
    source = models.JSONField()  # {"subject", "preheader", "body", "text"}
    sender = models.JSONField()  # {"name", "email", "reply_to"}
    settings = models.JSONField(
        default=dict
    )  # topic id and name, tracking mode, utm, account name and address
    created_at = models.DateTimeField()

    class Meta(DataPlaneModel.Meta):
        db_table = "frozen_content"


@annotated(operational("account_id", "lane", "last_tag"))
class FairShare(DataPlaneModel):
    """The last tag that an account's launches used: one number makes the queue fair."""

    pk = models.CompositePrimaryKey("account_id", "lane")
    lane = models.SmallIntegerField(default=0)
    last_tag = models.FloatField(default=0)

    class Meta(DataPlaneModel.Meta):
        db_table = "fair_share"


@annotated(operational("id", "tag"))
class QueueClock(models.Model):
    """One row: the largest tag that a worker has claimed. A launch begins there, so it waits for nobody's backlog."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    tag = models.FloatField(default=0)

    class Meta:
        db_table = "queue_clock"


@annotated(operational("id", "started_at", "seen_at", "host", "pid", "stats"))
class DeliverWorker(models.Model):
    """A deliver process and when it last showed itself."""

    id = models.UUIDField(primary_key=True)
    host = models.CharField(max_length=200)
    pid = models.IntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    stats = models.JSONField(default=dict)

    class Meta:
        db_table = "deliver_worker"
