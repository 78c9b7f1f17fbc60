"""Deliveries that are due: claimed, made ready to be posted, and settled. Each step is a short transaction; the request itself has none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.db import connections, transaction

from dynamail.lib.ids import to_public_id
from dynamail.lib.sealing import CannotOpen
from dynamail.lib.sql import load_sql
from dynamail.protocols.standard_webhooks import SigningKeys, sign_headers
from dynamail.webhooks.keys import choose_signing_keys, open_keys
from dynamail.webhooks.kinds import TEST, list_groups
from dynamail.webhooks.leases import LostClaim, note_lost
from dynamail.webhooks.models import WebhookEndpoint
from dynamail.webhooks.payloads import encode, fit
from dynamail.webhooks.posting import TOTAL_SECONDS, Post, Reply

FRESH_SECONDS = 3.0  # behind its claim a request begins, or not at all: its time stamp and its endpoint's wishes are of that moment
LEASE = timedelta(seconds=FRESH_SECONDS + TOTAL_SECONDS + 2)
HEALTHY, FAILING = (
    48,
    1,
)  # claimed at once for one endpoint, as it answers or does not; posters.py says how many are on their way
VERSION_HEADER = "dynamail-version"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours until the lease ends."""

    account_id: int
    id: UUID
    endpoint_id: int
    event_id: UUID
    kind: str
    contact_id: UUID | None
    payload: dict[str, Any] | None
    attempts: int
    created_at: datetime
    requested_by: str
    claim: UUID
    person_id: UUID | None = None  # whose data it holds

    @property
    def is_test(self) -> bool:
        return self.kind == TEST


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be posted, or the reply that stands for it when nothing may be."""

    delivery: Claimed
    post: Post | None
    refusal: Reply | None = None
    sent_fields: tuple[str, ...] = ()
    authorization_id: int | None = None  # that it goes out under


def claim_jobs(*, now: datetime, room: int, mark: int | None = None) -> list[Job]:
    """Up to `room` deliveries that are due, fair between endpoints. One statement, whatever the number; `mark` tells whose claims they are."""
    if room < 1:
        return []
    claim = make_claim(mark)
    parameters: dict[str, Any] = {
        "now": now,
        "lease_until": now + LEASE,
        "claim": claim,
        "room": room,
        "healthy": HEALTHY,
        "failing": FAILING,
    }
    with transaction.atomic():
        with connections["default"].cursor() as cursor:
            cursor.execute(load_sql("webhooks", "claim_deliveries"), parameters)
            rows = [_Row._make(row) for row in cursor.fetchall()]
        note_lost([_describe_lost(row) for row in rows if row.before is not None], now=now)
    ways = {row.endpoint_id: row for row in rows}
    opened = {key: _open_way(row, now) for key, row in ways.items()}
    return [_prepare(row, _read_row(row, claim), opened[row.endpoint_id], now) for row in rows]


def give_back(jobs: Sequence[Job], *, now: datetime) -> None:
    """What was claimed and not sent is due again at once."""
    parameters: dict[str, Any] = {
        "account_ids": [one.delivery.account_id for one in jobs],
        "ids": [one.delivery.id for one in jobs],
        "claims": [one.delivery.claim for one in jobs],
        "now": now,
    }
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("webhooks", "give_back_claims"), parameters)


def make_claim(mark: int | None) -> UUID:
    """The first 32 bits are the mark of the process, if it has one (free_claims.sql)."""
    claim = uuid4()
    return claim if mark is None else UUID(int=claim.int & (1 << 96) - 1 | mark << 96)


class _Row(NamedTuple):
    """A row of `claim_deliveries.sql`."""

    account_id: int
    id: UUID
    endpoint_id: int
    event_id: UUID
    kind: str
    contact_id: UUID | None
    payload: str | None
    attempts: int
    created_at: datetime
    requested_by: str
    address_id: UUID | None
    before: UUID | None
    url: str
    fields: list[str]
    version: str
    keys_sealed: bytes | None
    old_keys_until: datetime | None
    authorization_id: int | None
    is_restricted: bool


@dataclass(frozen=True, slots=True)
class _Way:
    """What all deliveries to one endpoint have in common. Without keys nothing can be signed."""

    url: str
    fields: Sequence[str]
    version: str
    keys: SigningKeys | None


def _describe_lost(row: _Row) -> LostClaim:
    payload = json.loads(row.payload) if row.payload else None
    person = row.contact_id or row.address_id
    return LostClaim(row.account_id, row.id, row.kind, payload, person, row.authorization_id)


def _open_way(row: _Row, now: datetime) -> _Way:
    endpoint = WebhookEndpoint(pk=row.endpoint_id, account_id=row.account_id, keys_sealed=row.keys_sealed)
    try:
        keys = choose_signing_keys(open_keys(endpoint), row.old_keys_until, now=now)
    except CannotOpen:
        keys = None
    return _Way(row.url, row.fields, row.version, keys)


def _read_row(row: _Row, claim: UUID) -> Claimed:
    return Claimed(
        account_id=row.account_id,
        id=row.id,
        endpoint_id=row.endpoint_id,
        event_id=row.event_id,
        kind=row.kind,
        contact_id=row.contact_id,
        payload=json.loads(row.payload) if row.payload else None,
        attempts=row.attempts,
        created_at=row.created_at,
        requested_by=row.requested_by,
        claim=claim,
        person_id=row.contact_id or row.address_id,
    )


def _prepare(row: _Row, delivery: Claimed, way: _Way, now: datetime) -> Job:
    if delivery.payload is None:
        return Job(delivery, None, Reply("erased"))
    if row.is_restricted:
        return Job(delivery, None, Reply("restricted"))
    if way.keys is None:
        return Job(delivery, None, Reply("keys"))
    # Narrowed again: what was taken from the endpoint since is not sent, however long a delivery has waited.
    payload = fit(delivery.payload, way.fields)
    body = encode(payload)
    message_id = to_public_id("evt", delivery.event_id)
    headers = sign_headers(way.keys, message_id=message_id, timestamp=int(now.timestamp()), body=body)
    post = Post(way.url, {**headers, VERSION_HEADER: way.version}, body)
    groups = tuple(list_groups(delivery.kind, payload["data"]))
    return Job(delivery, post, sent_fields=groups, authorization_id=row.authorization_id)
