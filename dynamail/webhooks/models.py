from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
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
from dynamail.webhooks.erasing import erase_deliveries

_BODY = Retention.MESSAGE_BODY
ANSWER_LENGTH = 1_000  # letters of an answer that are kept


@annotated(
    operational("id", "account_id", "uid", "created_at", "url", "description", "kinds", "fields", "version"),
    operational("state", "why", "state_at", "failing_since", "held_until", "succeeded_at", "old_keys_until"),
    operational("authorized_at", "authorized_text", "authorization_id", "removed_at", "updated_at"),
    personal(
        "authorized_by_id",
        category=Category.IDENTIFIER,
        subject=Subject.USER,
        purpose=Purpose.LAW,
        erase=Erase.CLEAR,
    ),
    personal(
        "authorized_name",
        category=Category.IDENTIFIER,
        subject=Subject.USER,
        purpose=Purpose.LAW,
        erase=Erase.KEEP_PROOF,
    ),
    personal(
        "keys_sealed",
        category=Category.CREDENTIAL,
        subject=Subject.USER,
        purpose=Purpose.ACCESS,
        export=False,
    ),
)
class WebhookEndpoint(TenantModel, PublicIdModel):
    """An address that is told of events. Nothing goes there until a member has authorized the transfer (P7.1).

    A removed one keeps its row for the list of disclosures; its keys are gone.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused")
        DISABLED = "disabled", _("Switched off")

    open_to_workers = True
    public_prefix = "whk"

    url = models.CharField(_("Address"), max_length=2_000)
    description = models.CharField(_("Description"), max_length=200, blank=True, default="")
    kinds = ArrayField(models.CharField(max_length=40))  # of events; "*": all
    fields = ArrayField(models.CharField(max_length=20), default=list)  # of kinds.FieldGroup
    version = models.CharField(max_length=10)  # of the payloads, a date
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    why = models.CharField(max_length=20, blank=True, default="")  # of state disabled: gone, failing
    state_at = models.DateTimeField()
    failing_since = models.DateTimeField(null=True)  # the first failure behind the last success
    held_until = models.DateTimeField(null=True)  # the receiver asked for patience
    succeeded_at = models.DateTimeField(null=True)  # to the minute
    keys_sealed = models.BinaryField(null=True)  # JSON: keys.Keys
    old_keys_until = models.DateTimeField(null=True)
    authorized_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    authorized_name = models.CharField(max_length=254, default="")  # of the member or the API key
    authorized_at = models.DateTimeField(null=True)
    authorized_text = models.TextField(default="")  # what was agreed to, with the address and the fields
    authorization_id = models.BigIntegerField(null=True)  # the present one of WebhookAuthorization
    removed_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        db_table = "webhook_endpoint"
        indexes = [models.Index(fields=["account", "created_at"], name="webhook_endpoint_account")]

    def __str__(self) -> str:
        return self.description or self.url

    @property
    def is_authorized(self) -> bool:
        return self.authorized_at is not None


@annotated(
    operational("id", "account_id", "uid", "created_at", "endpoint_id", "url", "kinds", "fields", "text"),
    operational("ended_at", "end"),
    personal(
        "by_id",
        category=Category.IDENTIFIER,
        subject=Subject.USER,
        purpose=Purpose.LAW,
        erase=Erase.CLEAR,
    ),
    personal(
        "name",
        "ended_name",
        category=Category.IDENTIFIER,
        subject=Subject.USER,
        purpose=Purpose.LAW,
        erase=Erase.KEEP_PROOF,
    ),
)
class WebhookAuthorization(TenantModel, PublicIdModel):
    """Who allowed which transfer, and until when it held. Each attempt names the one that it went out under (P7.1)."""

    class End(models.TextChoices):
        WITHDRAWN = "withdrawn", _("Withdrawn")
        REPLACED = "replaced", _("Replaced by another one")
        REMOVED = "removed", _("Ended with the webhook")

    open_to_workers = True
    public_prefix = "wha"

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="authorizations")
    url = models.CharField(max_length=2_000)
    kinds = ArrayField(models.CharField(max_length=40))
    fields = ArrayField(models.CharField(max_length=20), default=list)
    text = models.TextField()  # what was agreed to
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=254)  # of the member or the API key
    ended_at = models.DateTimeField(null=True)
    ended_name = models.CharField(max_length=254, default="")
    end = models.CharField(max_length=10, choices=End.choices, blank=True, default="")

    class Meta(TenantModel.Meta):
        db_table = "webhook_authorization"
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint"], condition=models.Q(ended_at=None), name="webhook_authorization_one"
            )
        ]

    def __str__(self) -> str:
        return self.name


@annotated(
    operational(
        "account_id", "id", "created_at", "endpoint_id", "event_id", "kind", "state", retention=_BODY
    ),
    operational("attempts", "next_at", "claim", "status", "ms", "error", "delivered_at", retention=_BODY),
    operational("requested_by", "sent_fields", retention=_BODY),
    personal(
        "contact_id",
        "address_id",
        category=Category.BEHAVIOR,
        subject=Subject.CONTACT,
        purpose=Purpose.LAW,
        retention=_BODY,
    ),
    personal(
        "payload",
        "answer",
        category=Category.CONTENT,
        subject=Subject.CONTACT,
        purpose=Purpose.TRANSACTIONAL,
        retention=_BODY,
        erase=Erase.CLEAR,
    ),
)
class WebhookDelivery(DataPlaneModel):
    """One event for one endpoint, and how far it has come.

    A claim moves `next_at` to the end of its lease: a delivery whose worker was killed is due again by itself.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Failed")  # and will be tried again
        GIVEN_UP = "given_up", _("Given up")

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()
    created_at = models.DateTimeField()
    endpoint_id = models.BigIntegerField()
    event_id = models.UUIDField()  # of the log, or made up for a test; outside it is the message's id
    kind = models.CharField(max_length=40)
    contact_id = models.UUIDField(null=True)
    address_id = models.UUIDField(null=True)  # persons.identify_address, where it is about nobody's contact
    payload = models.JSONField(null=True)  # null once the person was erased
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.SmallIntegerField(default=0)  # in the present round; a replay begins anew
    next_at = models.DateTimeField(null=True)
    claim = models.UUIDField(null=True)
    status = models.SmallIntegerField(default=0)  # of the last answer; 0: none
    ms = models.IntegerField(default=0)
    error = models.CharField(
        max_length=20, default=""
    )  # of the last attempt: lib.egress codes, status, redirect …
    answer = models.CharField(max_length=ANSWER_LENGTH, default="")
    delivered_at = models.DateTimeField(null=True)
    requested_by = models.CharField(max_length=12, default="")  # "": the event itself; test, replay
    sent_fields = ArrayField(
        models.CharField(max_length=20), default=list
    )  # beyond the ids, in what was sent last

    class Meta(DataPlaneModel.Meta):
        db_table = "webhook_delivery"
        constraints = [
            models.UniqueConstraint(
                fields=["account_id", "endpoint_id", "event_id"], name="webhook_delivery_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["endpoint_id", "next_at"],
                condition=models.Q(state__in=["waiting", "failed"]),
                name="webhook_delivery_due",
            ),
            models.Index(
                fields=["endpoint_id"],
                condition=models.Q(claim__isnull=False),
                name="webhook_delivery_claimed",
            ),
            models.Index(fields=["account_id", "endpoint_id", "-id"], name="webhook_delivery_latest"),
            models.Index(
                fields=["account_id", "contact_id"],
                condition=models.Q(contact_id__isnull=False),
                name="webhook_delivery_contact",
            ),
            models.Index(
                fields=["account_id", "address_id"],
                condition=models.Q(address_id__isnull=False),
                name="webhook_delivery_address",
            ),
            models.Index(fields=["created_at"], name="webhook_delivery_age"),
        ]

    @classmethod
    def erase_people(cls, account_id: int, contact_ids: Sequence[UUID], addresses: Sequence[str]) -> None:
        erase_deliveries(account_id, contact_ids, addresses)

    @property
    def public_id(self) -> str:
        return to_public_id("whd", self.id)

    @property
    def message_id(self) -> str:
        """The `webhook-id`: the same for every attempt, replay and endpoint."""
        return to_public_id("evt", self.event_id)

    @property
    def is_over(self) -> bool:
        return self.state in (self.State.DELIVERED, self.State.GIVEN_UP)

    def is_on_its_way(self, *, now: datetime) -> bool:
        return self.claim is not None and self.next_at is not None and self.next_at > now


@annotated(
    operational("account_id", "id", "at", "delivery_id", "status", "ms", "error", retention=_BODY),
    operational("authorization_id", "fields", retention=_BODY),
    personal(
        "person_id",
        category=Category.BEHAVIOR,
        subject=Subject.CONTACT,
        purpose=Purpose.LAW,
        retention=_BODY,
        erase=Erase.CLEAR,
    ),
    personal(
        "answer",
        category=Category.CONTENT,
        subject=Subject.CONTACT,
        purpose=Purpose.TRANSACTIONAL,
        retention=_BODY,
        erase=Erase.CLEAR,
    ),
)
class WebhookAttempt(DataPlaneModel):
    """One request and what came of it. `person_id` is empty where nothing left, and where it was about nobody."""

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()
    at = models.DateTimeField()
    delivery_id = models.UUIDField()
    status = models.SmallIntegerField(default=0)
    ms = models.IntegerField(default=0)
    error = models.CharField(max_length=20, default="")
    answer = models.CharField(max_length=ANSWER_LENGTH, default="")
    authorization_id = models.BigIntegerField(null=True)  # that it went out under
    person_id = models.UUIDField(
        null=True
    )  # whose data was handed over: a contact, or persons.identify_address
    fields = ArrayField(models.CharField(max_length=20), null=True)  # beyond the ids; null: nothing left

    class Meta(DataPlaneModel.Meta):
        db_table = "webhook_attempt"
        indexes = [
            models.Index(
                fields=["account_id", "person_id", "id"],
                condition=models.Q(person_id__isnull=False),
                name="webhook_attempt_person",
            ),
            models.Index(fields=["account_id", "delivery_id", "id"], name="webhook_attempt_delivery"),
            models.Index(fields=["at"], name="webhook_attempt_age"),
        ]


@annotated(
    operational("account_id", "endpoint_id", "kind", "authorization_id"),
    personal(
        "contact_id",
        "first_at",
        "last_at",
        "times",
        "taken",
        "doubtful",
        "fields",
        category=Category.BEHAVIOR,
        subject=Subject.CONTACT,
        purpose=Purpose.LAW,
        retention=Retention.MESSAGE_LOG,
    ),
)
class WebhookDisclosure(DataPlaneModel):
    """What stays of deliveries about a person when they go: to whom, of what kind, how often (P7.1).

    `contact_id` is a person's as in attempts. `taken` of the `times` were answered with a success, `doubtful` with nothing.
    """

    pk = models.CompositePrimaryKey("account_id", "contact_id", "endpoint_id", "kind", "authorization_id")
    contact_id = models.UUIDField()
    endpoint_id = models.BigIntegerField()
    kind = models.CharField(max_length=40)
    authorization_id = models.BigIntegerField(
        default=0, db_default=0
    )  # 0: of a time before they were kept apart
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.IntegerField()
    taken = models.IntegerField(null=True)  # null: of a time before it was kept
    doubtful = models.IntegerField(null=True)
    fields = ArrayField(models.CharField(max_length=20), default=list)

    class Meta(DataPlaneModel.Meta):
        db_table = "webhook_disclosure"
        indexes = [models.Index(fields=["last_at"], name="webhook_disclosure_age")]
