"""Deliveries that are due: claimed, made ready to be posted, and settled. Each step is a short transaction; the request itself has none."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connections, transaction

from dynamail.lib.ids import to_public_id
from dynamail.lib.sealing import CannotOpen
from dynamail.lib.sql import load_sql
from dynamail.protocols.standard_webhooks import sign_headers
from dynamail.webhooks.facts import find_restricted
from dynamail.webhooks.keys import choose_signing_keys, open_keys
from dynamail.webhooks.kinds import TEST, list_groups
from dynamail.webhooks.models import WebhookEndpoint
from dynamail.webhooks.payloads import encode, fit
from dynamail.webhooks.posting import TOTAL_SECONDS, Post, Reply

LEASE = timedelta(seconds=4 * TOTAL_SECONDS)
HEALTHY, FAILING = 8, 1  # on their way at once to one endpoint, as it answers or does not
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


@transaction.atomic
def claim_jobs(*, now: datetime, room: int) -> list[Job]:
    """Up to `room` deliveries that are due, fair between endpoints."""
    if room < 1:
        return []
    claimed = _claim(now, room)
    if not claimed:
        return []
    rows = WebhookEndpoint.objects.across_accounts(reason="a batch is of several accounts")
    endpoints = {row.pk: row for row in rows.filter(pk__in={one.endpoint_id for one in claimed})}
    restricted = _find_restricted(claimed)
    return [_prepare(one, endpoints[one.endpoint_id], one.contact_id in restricted, now) for one in claimed]


def _claim(now: datetime, room: int) -> list[Claimed]:
    claim = uuid4()
    parameters: dict[str, Any] = {
        "now": now,
        "lease_until": now + LEASE,
        "claim": claim,
        "room": room,
        "healthy": HEALTHY,
        "failing": FAILING,
    }
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("webhooks", "claim_deliveries"), parameters)
        rows = cursor.fetchall()
    return [_read_row(row, claim) for row in rows]


def _read_row(row: tuple[Any, ...], claim: UUID) -> Claimed:
    account_id, key, endpoint_id, event_id, kind, contact_id, payload, attempts, created_at, requested_by = (
        row
    )
    return Claimed(
        account_id=account_id,
        id=key,
        endpoint_id=endpoint_id,
        event_id=event_id,
        kind=kind,
        contact_id=contact_id,
        payload=json.loads(payload) if payload else None,
        attempts=attempts,
        created_at=created_at,
        requested_by=requested_by,
        claim=claim,
    )


def _find_restricted(claimed: Sequence[Claimed]) -> set[UUID]:
    people: dict[int, set[UUID]] = defaultdict(set)
    for one in claimed:
        if one.contact_id is not None:
            people[one.account_id].add(one.contact_id)
    return {found for account_id, ids in people.items() for found in find_restricted(account_id, ids)}


def _prepare(delivery: Claimed, endpoint: WebhookEndpoint, is_restricted: bool, now: datetime) -> Job:
    if delivery.payload is None:
        return Job(delivery, None, Reply("erased"))
    if is_restricted:
        return Job(delivery, None, Reply("restricted"))
    try:
        keys = choose_signing_keys(open_keys(endpoint), endpoint.old_keys_until, now=now)
    except CannotOpen:
        return Job(delivery, None, Reply("keys"))
    # Narrowed again: what was taken from the endpoint since is not sent, however long a delivery has waited.
    payload = fit(delivery.payload, endpoint.fields)
    body = encode(payload)
    message_id = to_public_id("evt", delivery.event_id)
    headers = sign_headers(keys, message_id=message_id, timestamp=int(now.timestamp()), body=body)
    post = Post(endpoint.url, {**headers, VERSION_HEADER: endpoint.version}, body)
    return Job(delivery, post, sent_fields=tuple(list_groups(delivery.kind, payload["data"])))
