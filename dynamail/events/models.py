from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.tenancy import DataPlaneModel, PublicIdModel, TenantModel
from dynamail.events.kinds import EventKind
from dynamail.lib.personal_data import Category, Purpose, Retention, Subject, annotated, operational, personal

_LOG = Retention.MESSAGE_LOG


@annotated(
    operational("account_id", "id", "at", "kind", "source_kind", "source_id", "tx", retention=_LOG),
    personal(
        "contact_id",
        "message_id",
        "data",
        category=Category.BEHAVIOR,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
        retention=_LOG,
    ),
)
class Event(DataPlaneModel):
    """An immutable fact. The table is partitioned by month of `id` (UUIDv7); `tx` is for cursors alone."""

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=40, choices=EventKind.choices)
    contact_id = models.UUIDField(null=True)
    message_id = models.UUIDField(null=True)
    source_kind = models.CharField(max_length=20, default="")
    source_id = models.UUIDField(null=True)
    data = models.JSONField(default=dict)

    class Meta(DataPlaneModel.Meta):
        db_table = "event"
        managed = False  # partitioned: the migration's SQL makes it


@annotated(operational("name", "after_tx", "after_id", "updated_at"))
class EventCursor(models.Model):
    """How far a reader of the event table has come."""

    name = models.CharField(primary_key=True, max_length=60)
    after_tx = models.BigIntegerField(default=0)
    after_id = models.UUIDField(null=True)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "event_cursor"


@annotated(
    operational(
        "account_id", "source_id", "kind", "hour", "domain_lane", "shard", "n", purpose=Purpose.QUALITY
    )
)
class RollupHour(DataPlaneModel):
    """How many of a kind in an hour, for one source. `shard` keeps writers off each other's row; readers sum.

    Kinds: delivered bounced suppressed canceled unknown opened clicked machine_opened machine_clicked unique_opened
    unique_clicked unsubscribed complained.
    """

    pk = models.CompositePrimaryKey("account_id", "source_id", "kind", "hour", "domain_lane", "shard")
    source_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    hour = models.DateTimeField()
    domain_lane = models.SmallIntegerField(default=0)
    shard = models.SmallIntegerField(default=0)
    n = models.BigIntegerField(default=0)

    class Meta(DataPlaneModel.Meta):
        db_table = "rollup_hour"


@annotated(
    operational("account_id"),
    personal(
        "contact_id",
        "last_sent_at",
        "last_opened_at",
        "last_clicked_at",
        "sent",
        "opened",
        "clicked",
        category=Category.BEHAVIOR,
        subject=Subject.CONTACT,
        purpose=Purpose.SEGMENTATION,
    ),
)
class Engagement(DataPlaneModel):
    """One row a contact: when last, how often. Segments read this, never the raw log."""

    pk = models.CompositePrimaryKey("account_id", "contact_id")
    contact_id = models.UUIDField()
    last_sent_at = models.DateTimeField(null=True)
    last_opened_at = models.DateTimeField(null=True)
    last_clicked_at = models.DateTimeField(null=True)
    sent = models.IntegerField(default=0)
    opened = models.IntegerField(default=0)
    clicked = models.IntegerField(default=0)

    class Meta(DataPlaneModel.Meta):
        db_table = "engagement"


@annotated(
    operational("account_id", "source_id", "kind", "link_number"),
    personal(
        "contact_id",
        "first_at",
        "last_at",
        "times",
        category=Category.BEHAVIOR,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
        retention=_LOG,
    ),
)
class Interaction(DataPlaneModel):
    """Who opened or clicked what, once per person, source and link: the narrow fact behind uniques and segments."""

    pk = models.CompositePrimaryKey("account_id", "source_id", "kind", "contact_id", "link_number")
    source_id = models.UUIDField()
    kind = models.CharField(max_length=10)  # opened, clicked
    contact_id = models.UUIDField()
    link_number = models.SmallIntegerField(default=-1)  # -1: any, the row that counts the person once
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.IntegerField(default=1)

    class Meta(DataPlaneModel.Meta):
        db_table = "interaction"
        indexes = [models.Index(fields=["account_id", "contact_id", "kind"], name="interaction_contact")]


@annotated(operational("id", "rows", "at"))
class IngestSegment(models.Model):
    """A shipped file of hits; its id in the same transaction makes shipping happen exactly once."""

    id = models.UUIDField(primary_key=True)
    rows = models.IntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "ingest_segment"


class ActivityKind(models.TextChoices):
    OPENED = "opened", _("Opened")
    CLICKED = "clicked", _("Clicked")


@annotated(
    operational("account_id", "kind", "source_id", "link_number", retention=_LOG),
    personal(
        "contact_id",
        "at",
        "n",
        category=Category.BEHAVIOR,
        subject=Subject.CONTACT,
        purpose=Purpose.SEGMENTATION,
        retention=_LOG,
    ),
)
class Activity(DataPlaneModel):
    """How often a person opened or clicked what in a quarter of an hour: what segments count over a period.

    A quarter, because every time zone of the world begins its days on one. Human acts of known persons alone. Partitioned by
    month of `at`.
    """

    pk = models.CompositePrimaryKey("account_id", "kind", "at", "contact_id", "source_id", "link_number")
    kind = models.CharField(max_length=10, choices=ActivityKind.choices)
    at = models.DateTimeField()  # the beginning of the quarter
    contact_id = models.UUIDField()
    source_id = models.UUIDField()
    link_number = models.SmallIntegerField(default=-1)  # -1: an open
    n = models.IntegerField(default=1)

    class Meta(DataPlaneModel.Meta):
        db_table = "activity"
        managed = False


@annotated(
    operational("id", "account_id", "uid", "created_at", "name", "description", "properties", "last_at")
)
class EventName(TenantModel, PublicIdModel):
    """A kind of event of the account's own, such as `order.placed`: known from the first one on."""

    open_to_workers = True
    public_prefix = "evn"

    name = models.CharField(_("Name"), max_length=100)
    description = models.CharField(_("Description"), max_length=300, blank=True, default="")
    properties = models.JSONField(default=dict)  # {"<name>": "text|number|boolean|list|object"} as last seen
    last_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        db_table = "event_name"
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="event_name_once")]

    def __str__(self) -> str:
        return self.name


@annotated(
    operational("account_id", "id", "name_id", "source_kind", "tx", retention=_LOG),
    personal(
        "contact_id",
        "at",
        "properties",
        category=Category.BEHAVIOR,
        subject=Subject.CONTACT,
        purpose=Purpose.SEGMENTATION,
        retention=_LOG,
    ),
)
class CustomEvent(DataPlaneModel):
    """One event of the account's own about a contact. Partitioned by month of `id`; `tx` is for cursors alone."""

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()
    name_id = models.BigIntegerField()
    contact_id = models.UUIDField()
    at = models.DateTimeField()
    properties = models.JSONField(default=dict)
    source_kind = models.CharField(max_length=20, default="api")

    class Meta(DataPlaneModel.Meta):
        db_table = "custom_event"
        managed = False


@annotated(operational("account_id", "key", "event_id", "at", retention=_LOG))
class CustomEventKey(DataPlaneModel):
    """An event id of the sender that was taken: the same one again is the same event. `key` is a hash of name and id."""

    pk = models.CompositePrimaryKey("account_id", "key")
    key = models.UUIDField()
    event_id = models.UUIDField()
    at = models.DateTimeField()

    class Meta(DataPlaneModel.Meta):
        db_table = "custom_event_key"
        indexes = [models.Index(fields=["at"], name="custom_event_key_age")]
