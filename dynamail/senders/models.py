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
    operational(
        "is_enabled",
        "provider",
        "source_address",
        "helo_name",
        "per_hour",
        "per_day",
        "warmup_started_on",
        "warmup_plan",
    ),
    personal(
        "password_sealed",
        "provider_settings_sealed",
        category=Category.CREDENTIAL,
        subject=Subject.USER,
        purpose=Purpose.ACCESS,
        export=False,
    ),
)
class Transport(TenantModel, PublicIdModel):
    """A way out. The default one carries what no routing rule sends elsewhere; without a default, the Mailbox does.

    Handing mail to a relay is a transfer to a third party: who authorized it, and when, is on the row (P7.1).
    """

    class Kind(models.TextChoices):
        SMTP = "smtp", _("SMTP relay")
        MX = "mx", _("Directly to the recipient's server")
        API = "api", _("Provider API")

    class Security(models.TextChoices):
        NONE = "none", _("None")
        STARTTLS = "starttls", _("STARTTLS")
        TLS = "tls", _("TLS from the start")

    open_to_workers = True
    public_prefix = "trn"

    name = models.CharField(_("Name"), max_length=100)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.SMTP)
    host = models.CharField(_("Host"), max_length=253, blank=True, default="")  # of a relay
    port = models.IntegerField(_("Port"), default=587)
    security = models.CharField(
        _("Encryption"), max_length=10, choices=Security.choices, default=Security.STARTTLS
    )
    verify_certificate = models.BooleanField(_("Check the certificate"), default=True)
    username = models.CharField(_("User name"), max_length=254, blank=True, default="")
    password_sealed = models.BinaryField(null=True, blank=True)
    connections = models.IntegerField(_("Connections at once"), default=5)
    rate_per_second = models.IntegerField(_("Messages per second at most"), null=True, blank=True)
    is_enabled = models.BooleanField(_("In use"), default=True)
    is_default = models.BooleanField(default=False)
    provider = models.CharField(max_length=30, blank=True, default="")  # of an API: its name in anymail
    provider_settings_sealed = models.BinaryField(null=True, blank=True)  # JSON
    source_address = models.GenericIPAddressField(null=True, blank=True)  # that direct mail leaves from
    helo_name = models.CharField(max_length=253, blank=True, default="")  # none: the installation's
    per_hour = models.IntegerField(_("Messages per hour at most"), null=True, blank=True)
    per_day = models.IntegerField(_("Messages per day at most"), null=True, blank=True)
    warmup_started_on = models.DateField(null=True, blank=True)
    warmup_plan = models.JSONField(default=list, blank=True)  # messages allowed on day 1, 2, …; then per_day
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
    operational(
        "id", "account_id", "uid", "created_at", "name", "state", "return_path_label", "tracking_label"
    ),
    operational("verified_at", "failing_since", "checked_at", "check_due_at", "check_result"),
    operational("return_path_verified_at", "tracking_verified_at"),
)
class SendingDomain(TenantModel, PublicIdModel):
    """A domain that may stand in From once its DNS proves that it is the account's.

    Its records are checked again on a schedule: `failing_since` is set while a record that was right is missing.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting for DNS")
        VERIFIED = "verified", _("Verified")
        LOST = "lost", _("No longer verified")

    open_to_workers = True
    public_prefix = "dom"

    name = models.CharField(_("Domain"), max_length=253)  # A-labels, lower case
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    return_path_label = models.CharField(max_length=63, default="bounce")  # <label>.<name> receives bounces
    tracking_label = models.CharField(max_length=63, default="click")  # <label>.<name> serves tracked links
    verified_at = models.DateTimeField(null=True, blank=True)
    return_path_verified_at = models.DateTimeField(null=True, blank=True)  # none: the installation's is used
    tracking_verified_at = models.DateTimeField(null=True, blank=True)  # none: PUBLIC_URL is used
    failing_since = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    check_due_at = models.DateTimeField(null=True, blank=True)
    check_result = models.JSONField(default=dict, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "sending_domain"
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="sending_domain_once")]
        indexes = [models.Index(fields=["check_due_at"], name="sending_domain_due")]

    def __str__(self) -> str:
        return self.name


@annotated(
    operational("id", "account_id", "domain_id", "algorithm", "selector", "state", "public_record"),
    operational("created_at", "activated_at", "retired_at"),
    personal(
        "private_key_sealed",
        category=Category.CREDENTIAL,
        subject=Subject.USER,
        purpose=Purpose.ACCESS,
        export=False,
    ),
)
class DkimKey(TenantModel):
    """A signing key of a sending domain. A rotation adds keys under new selectors; the old ones stay published for a while."""

    class Algorithm(models.TextChoices):
        RSA = "rsa-sha256", "RSA-2048"
        ED25519 = "ed25519-sha256", "Ed25519"

    class State(models.TextChoices):
        UPCOMING = "upcoming", _("To be published")
        ACTIVE = "active", _("Signs")
        RETIRED = "retired", _("Retired")

    open_to_workers = True

    domain = models.ForeignKey(SendingDomain, on_delete=models.CASCADE, related_name="keys")
    algorithm = models.CharField(max_length=16, choices=Algorithm.choices)
    selector = models.CharField(max_length=63)
    state = models.CharField(max_length=10, choices=State.choices, default=State.UPCOMING)
    public_record = models.TextField()  # the TXT record's value
    private_key_sealed = models.BinaryField()  # PKCS#8 DER
    created_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "dkim_key"
        constraints = [models.UniqueConstraint(fields=["domain", "selector"], name="dkim_key_selector_once")]


@annotated(operational("id", "account_id", "uid", "created_at", "name"))
class Pool(TenantModel, PublicIdModel):
    """Several transports that share the work and stand in for each other."""

    open_to_workers = True
    public_prefix = "pool"

    name = models.CharField(_("Name"), max_length=100)

    class Meta(TenantModel.Meta):
        db_table = "pool"
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="pool_name_once")]

    def __str__(self) -> str:
        return self.name


@annotated(operational("id", "account_id", "pool_id", "transport_id", "weight"))
class PoolMember(TenantModel):
    """A transport's part in a pool. Weight 0: only while no other member works."""

    open_to_workers = True

    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="members")
    transport = models.ForeignKey(Transport, on_delete=models.CASCADE, related_name="memberships")
    weight = models.SmallIntegerField(_("Weight"), default=1)

    class Meta(TenantModel.Meta):
        db_table = "pool_member"
        constraints = [models.UniqueConstraint(fields=["pool", "transport"], name="pool_member_once")]


@annotated(
    operational(
        "id", "account_id", "uid", "created_at", "position", "stream", "sender_domain", "recipient_domain"
    ),
    operational("pool_id", "transport_id"),
)
class RoutingRule(TenantModel, PublicIdModel):
    """Which way mail goes: the first rule whose conditions all hold decides; an empty condition holds always.

    Exactly one of pool and transport is set.
    """

    class Stream(models.TextChoices):
        MARKETING = "marketing", _("Campaigns")
        TRANSACTIONAL = "transactional", _("Transactional")

    open_to_workers = True
    public_prefix = "rule"

    position = models.IntegerField(default=0)
    stream = models.CharField(max_length=40, blank=True, default="")  # a stream's key, or a kind of streams
    sender_domain = models.CharField(max_length=253, blank=True, default="")
    recipient_domain = models.CharField(max_length=253, blank=True, default="")
    pool = models.ForeignKey(Pool, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    transport = models.ForeignKey(
        Transport, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )

    class Meta(TenantModel.Meta):
        db_table = "routing_rule"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(pool__isnull=True) ^ models.Q(transport__isnull=True),
                name="routing_rule_one_target",
            )
        ]


@annotated(
    operational("id", "account_id", "uid", "created_at", "transport_id", "site", "connections", "per_second"),
    operational("per_minute", "per_hour", "per_day", "per_connection"),
)
class DestinationRule(TenantModel, PublicIdModel):
    """An account's own limits towards one destination; each empty limit leaves the built-in one in force."""

    open_to_workers = True
    public_prefix = "drl"

    transport = models.ForeignKey(
        Transport, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )  # none: all
    site = models.CharField(max_length=253)  # an MX site ("google.com") or a provider ("gmail")
    connections = models.IntegerField(null=True, blank=True)
    per_second = models.FloatField(null=True, blank=True)
    per_minute = models.IntegerField(null=True, blank=True)
    per_hour = models.IntegerField(null=True, blank=True)
    per_day = models.IntegerField(null=True, blank=True)
    per_connection = models.IntegerField(null=True, blank=True)  # messages before a connection is closed

    class Meta(TenantModel.Meta):
        db_table = "destination_rule"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "transport", "site"], nulls_distinct=False, name="destination_rule_once"
            )
        ]


@annotated(
    operational("id", "account_id", "uid", "created_at", "key", "name", "kind", "body_days", "log_days"),
    operational("tracks_opens", "tracks_clicks", "archived_at"),
)
class Stream(TenantModel, PublicIdModel):
    """A kind of mail that lives its own life: routing, reputation, suppressions, tracking and retention are kept apart by it.

    Every account has `transactional` and `marketing`; it may add others of either kind. Roll-ups count under `uid`.
    """

    class Kind(models.TextChoices):
        TRANSACTIONAL = "transactional", _("Transactional")
        MARKETING = "marketing", _("Marketing")

    open_to_workers = True
    public_prefix = "str"

    key = models.CharField(_("Key"), max_length=40)  # what requests and routing rules say
    name = models.CharField(_("Name"), max_length=100)
    kind = models.CharField(_("Kind"), max_length=14, choices=Kind.choices, default=Kind.TRANSACTIONAL)
    body_days = models.SmallIntegerField(_("Days that contents are kept"), default=30)  # 0…365
    log_days = models.SmallIntegerField(_("Days that the log is kept"), default=396)  # 1…396
    tracks_opens = models.BooleanField(_("Count opens"), default=False)
    tracks_clicks = models.BooleanField(_("Count clicks"), default=False)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "stream"
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="stream_key_once")]

    def __str__(self) -> str:
        return self.name


@annotated(operational("account_id", "key", "tokens", "filled_at"))
class ThrottleBucket(DataPlaneModel):
    """What is taken of one limit; all workers lease slices of it. `key` names limit, transport and destination, and an hour or a day."""

    pk = models.CompositePrimaryKey("account_id", "key")
    key = models.CharField(max_length=300)
    tokens = models.FloatField()
    filled_at = models.DateTimeField()

    class Meta(DataPlaneModel.Meta):
        db_table = "throttle_bucket"


@annotated(operational("account_id", "transport_id", "site", "until", "factor", "reason", "changed_at"))
class DestinationState(DataPlaneModel):
    """What replies taught about a destination: closed until a time, or only a part of its rate allowed. Shared by all workers."""

    pk = models.CompositePrimaryKey("account_id", "transport_id", "site")
    transport_id = models.BigIntegerField()
    site = models.CharField(max_length=253)
    until = models.DateTimeField(null=True)
    factor = models.FloatField(default=1.0)  # of the rate and the connections
    reason = models.CharField(max_length=500, default="")  # the server's words: shown as text
    changed_at = models.DateTimeField()

    class Meta(DataPlaneModel.Meta):
        db_table = "destination_state"


@annotated(
    operational("account_id", "transport_id", "site", "hour", "delivered", "deferred", "bounced", "failed"),
)
class TransportHour(DataPlaneModel):
    """How a transport fared towards a destination in an hour: written by the workers every few seconds, for the eye only."""

    pk = models.CompositePrimaryKey("account_id", "transport_id", "site", "hour")
    transport_id = models.BigIntegerField()  # 0: the Mailbox
    site = models.CharField(max_length=253, default="")  # "": of a relay
    hour = models.DateTimeField()
    delivered = models.IntegerField(default=0)
    deferred = models.IntegerField(default=0)
    bounced = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)  # connections

    class Meta(DataPlaneModel.Meta):
        db_table = "transport_hour"


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
