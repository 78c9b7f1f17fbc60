"""To whom one person's data was handed over: webhooks, relays and providers (P7.1).

Each request of the last 30 days is an entry of its own; of older ones there is one for each receiver, kind and authorization, for 13 months. Each message
that a relay or a provider carried is one, for 13 months. What left as a file is told by files.py: a file keeps its conditions, not its people.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db import connections

from dynamail.accounts.models import User
from dynamail.lib.ids import derived_id, to_public_id
from dynamail.lib.sql import load_sql
from dynamail.messages.models import MessageState
from dynamail.senders.models import Transport
from dynamail.webhooks.models import WebhookAuthorization, WebhookDisclosure, WebhookEndpoint
from dynamail.webhooks.persons import Person

PREFIX = "dis"
LAST_ID = UUID(int=2**128 - 1)
MESSAGE = "message"  # in place of a kind of event: the message itself
MESSAGE_FIELDS = ("address", "subject", "content")
NEVER_SENT = (MessageState.SUPPRESSED.value, MessageState.CANCELED.value)


class ReceiverKind(StrEnum):
    """`removed`: a way of delivery that was removed since, so that nobody can say which it was."""

    WEBHOOK = "webhook"
    RELAY = "relay"
    PROVIDER = "provider"
    REMOVED = "removed"


class Received(StrEnum):
    """What the receiver said. Also one that refuses has seen what it was sent."""

    YES = "yes"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # no answer came: it may have arrived
    PARTLY = "partly"  # of several: some, or not known of which


@dataclass(frozen=True, slots=True)
class Receiver:
    """A third party. `host` is where the data went; of an address no more, its path may be a secret."""

    kind: ReceiverKind
    id: str = ""  # public
    host: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Agreed:
    """The account's authorization. Of a relay or a provider it has no id."""

    id: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Disclosure:
    """`times` requests from `first_at` to `at` that handed over `fields` (kinds.FieldGroup, besides ids and codes)."""

    id: UUID  # sorts by time
    at: datetime
    first_at: datetime
    times: int
    what: str  # a kind of event, or MESSAGE
    fields: tuple[str, ...]
    received: Received
    receiver: Receiver
    authorization: Agreed | None

    @property
    def public_id(self) -> str:
        return to_public_id(PREFIX, self.id)


@dataclass(frozen=True, slots=True)
class _Entry:
    """Before its receiver is looked up: an endpoint's or a transport's number, and an authorization's."""

    told: Disclosure
    endpoint_id: int = 0
    authorization_id: int = 0
    transport_id: int = 0


def list_disclosures(
    account_id: int, person: Person, *, before: UUID | None = None, limit: int
) -> list[Disclosure]:
    """The latest first, at most `limit`; `before` is the id of the last one seen. Reads a page, however much there is."""
    bound = before or LAST_ID
    sources = (
        _list_told(account_id, person, bound, limit),
        _list_folded(account_id, person, bound),
        _list_relayed(account_id, person, bound, limit),
    )
    entries = heapq.nlargest(limit, [one for some in sources for one in some], key=lambda one: one.told.id)
    return _name_receivers(account_id, entries)


# ── What each table knows ────────────────────────────────────────────────────────────────────────────────────────────
def _list_told(account_id: int, person: Person, before: UUID, limit: int) -> list[_Entry]:
    rows = _ask("list_told", account_id=account_id, person_ids=person.ids, before=before, most=limit)
    return [
        _Entry(_make(key, at, kind, fields, _judge(status, error)), endpoint_id, authorization_id or 0)
        for key, at, endpoint_id, kind, authorization_id, fields, status, error in rows
    ]


def _judge(status: int, error: str) -> Received:
    if not error:
        return Received.YES
    return Received.REFUSED if status else Received.UNKNOWN


def _list_folded(account_id: int, person: Person, before: UUID) -> list[_Entry]:
    """A few for each receiver: all of them are read."""
    rows = WebhookDisclosure.objects.for_account(account_id).filter(contact_id__in=person.ids)
    entries = [_tell_folded(row) for row in rows]
    return [one for one in entries if one.told.id < before]


def _tell_folded(row: WebhookDisclosure) -> _Entry:
    key = derived_id(row.last_at, row.contact_id, row.endpoint_id, row.kind, row.authorization_id)
    told = _make(key, row.last_at, row.kind, row.fields, _judge_folded(row))
    told = replace(told, first_at=row.first_at, times=row.times)
    return _Entry(told, row.endpoint_id, row.authorization_id)


def _judge_folded(row: WebhookDisclosure) -> Received:
    if row.taken == row.times:
        return Received.YES
    if row.doubtful == row.times:
        return Received.UNKNOWN
    return Received.REFUSED if (row.taken, row.doubtful) == (0, 0) else Received.PARTLY


def _list_relayed(account_id: int, person: Person, before: UUID, limit: int) -> list[_Entry]:
    direct = Transport.objects.for_account(account_id).filter(kind=Transport.Kind.MX)
    rows = _ask(
        "list_relayed",
        account_id=account_id,
        contact_ids=person.contact_ids,
        addresses=person.addresses,
        direct=list(direct.values_list("pk", flat=True)),
        before=before,
        never_sent=list(NEVER_SENT),
        most=limit,
    )
    return [
        _Entry(
            _make(key, at, MESSAGE, MESSAGE_FIELDS, _MESSAGES.get(state, Received.UNKNOWN)),
            transport_id=transport_id,
        )
        for key, at, state, transport_id, _source_kind in rows
    ]


_MESSAGES = {MessageState.DELIVERED.value: Received.YES, MessageState.BOUNCED.value: Received.REFUSED}


def _make(key: UUID, at: datetime, what: str, fields: Sequence[str], received: Received) -> Disclosure:
    nobody = Receiver(ReceiverKind.REMOVED)
    return Disclosure(key, at, at, 1, what, tuple(sorted(fields)), received, nobody, None)


def _ask(name: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("webhooks", name), parameters)
        return list(cursor.fetchall())


# ── Receivers, looked up for a page at once ──────────────────────────────────────────────────────────────────────────
def _name_receivers(account_id: int, entries: Sequence[_Entry]) -> list[Disclosure]:
    endpoints = _find_endpoints(account_id, {one.endpoint_id for one in entries})
    agreed = _find_authorizations(account_id, {one.authorization_id for one in entries})
    ways = _find_ways(account_id, {one.transport_id for one in entries})
    return [
        _tell_way(one, ways) if one.transport_id else _tell_endpoint(one, endpoints, agreed)
        for one in entries
    ]


def _tell_endpoint(
    entry: _Entry, endpoints: dict[int, WebhookEndpoint], agreed: dict[int, WebhookAuthorization]
) -> Disclosure:
    endpoint, row = endpoints.get(entry.endpoint_id), agreed.get(entry.authorization_id)
    if endpoint is None:
        return entry.told
    host = urlsplit(row.url if row else endpoint.url).hostname or ""
    receiver = Receiver(ReceiverKind.WEBHOOK, endpoint.public_id, host, endpoint.description)
    authorization = Agreed(row.public_id, row.created_at, row.name) if row else None
    return replace(entry.told, receiver=receiver, authorization=authorization)


def _tell_way(entry: _Entry, ways: dict[int, Transport]) -> Disclosure:
    way = ways.get(entry.transport_id)
    if way is None:
        return entry.told
    kind = ReceiverKind.PROVIDER if way.kind == Transport.Kind.API else ReceiverKind.RELAY
    receiver = Receiver(kind, way.public_id, way.host or way.provider, way.name)
    by: User | None = way.authorized_by
    authorization = Agreed("", way.authorized_at, str(by or "")) if way.authorized_at else None
    return replace(entry.told, receiver=receiver, authorization=authorization)


def _find_endpoints(account_id: int, ids: Collection[int]) -> dict[int, WebhookEndpoint]:
    return WebhookEndpoint.objects.for_account(account_id).in_bulk(list(ids))


def _find_authorizations(account_id: int, ids: Collection[int]) -> dict[int, WebhookAuthorization]:
    return WebhookAuthorization.objects.for_account(account_id).in_bulk(list(ids))


def _find_ways(account_id: int, ids: Collection[int]) -> dict[int, Transport]:
    return Transport.objects.for_account(account_id).select_related("authorized_by").in_bulk(list(ids))
