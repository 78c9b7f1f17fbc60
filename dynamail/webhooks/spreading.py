"""The log, tailed: each event becomes one delivery for each endpoint that wants it, in the transaction that moves the cursor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from dynamail.contacts.aliases import find_merged
from dynamail.events.kinds import EventKind
from dynamail.events.tailing import LoggedEvent, take_events
from dynamail.lib.ids import new_id
from dynamail.webhooks.endpoints import READER, wants
from dynamail.webhooks.erasing import erase_deliveries
from dynamail.webhooks.facts import gather_facts
from dynamail.webhooks.models import WebhookDelivery, WebhookEndpoint
from dynamail.webhooks.payloads import fit, make_payload, tell
from dynamail.webhooks.persons import find_address_id

EVENTS_AT_ONCE = 1_000
ROWS_AT_ONCE = 2_000
DELETED = EventKind.CONTACT_DELETED.value


@transaction.atomic
def spread_events(*, now: datetime, limit: int = EVENTS_AT_ONCE) -> int:
    """One step; returns how many events were read."""
    events = take_events(READER, limit=limit, now=now)
    by_account: dict[int, list[LoggedEvent]] = defaultdict(list)
    for event in events:
        by_account[event.account_id].append(event)
    endpoints = _find_endpoints(by_account)
    for account_id, some in by_account.items():
        _forget_the_deleted(account_id, some)
        make_deliveries(account_id, endpoints.get(account_id, ()), some, now=now)
    return len(events)


def make_deliveries(
    account_id: int, endpoints: Sequence[WebhookEndpoint], events: Sequence[LoggedEvent], *, now: datetime
) -> int:
    """Rows for those who want them, each event once for each endpoint. Returns how many there would be."""
    wanted = [one for one in events if any(wants(endpoint, one.kind) for endpoint in endpoints)]
    if not wanted:
        return 0
    facts = gather_facts(account_id, wanted)
    gone = _find_gone(account_id, wanted, facts.addresses) | {
        one.contact_id for one in events if one.kind == DELETED and one.contact_id
    }
    rows = []
    for event in wanted:
        if event.contact_id in facts.restricted or (event.contact_id in gone and event.kind != DELETED):
            continue
        said = tell(event, facts)
        payload = make_payload(event.kind, event.at, said)
        address_id = _find_address_id(account_id, event, said)
        rows += [
            _make_row(endpoint, event, fit(payload, endpoint.fields), address_id, now)
            for endpoint in endpoints
            if wants(endpoint, event.kind)
        ]
    objects = WebhookDelivery.objects.across_accounts(reason="the rows name their account")
    objects.bulk_create(rows, batch_size=ROWS_AT_ONCE, ignore_conflicts=True)
    return len(rows)


def _make_row(
    endpoint: WebhookEndpoint,
    event: LoggedEvent,
    payload: dict[str, object],
    address_id: UUID | None,
    now: datetime,
) -> WebhookDelivery:
    return WebhookDelivery(
        account_id=endpoint.account_id,
        id=new_id(now),
        created_at=now,
        endpoint_id=endpoint.pk,
        event_id=event.id,
        kind=event.kind,
        contact_id=event.contact_id,
        address_id=address_id,
        payload=payload,
        next_at=now,
    )


def _find_address_id(account_id: int, event: LoggedEvent, said: dict[str, Any]) -> UUID | None:
    """Whom an event is about that names no contact: who got the message, or who wrote it."""
    if event.contact_id is not None:
        return None
    return find_address_id(account_id, said.get("recipient") or said.get("from"))


def _find_endpoints(account_ids: Collection[int]) -> Mapping[int, list[WebhookEndpoint]]:
    rows = WebhookEndpoint.objects.across_accounts(reason="the log of all accounts is read").filter(
        account_id__in=list(account_ids),
        state=WebhookEndpoint.State.ACTIVE,
        authorized_at__isnull=False,
        removed_at=None,
    )
    found: dict[int, list[WebhookEndpoint]] = defaultdict(list)
    for row in rows.order_by("pk"):
        found[row.account_id].append(row)
    return found


def _find_gone(account_id: int, events: Iterable[LoggedEvent], known: Collection[UUID]) -> set[UUID]:
    """Contacts who were deleted since, and not merged into somebody: the log still has what happened with them, and nobody is told (P8)."""
    missing = {one.contact_id for one in events if one.contact_id} - set(known)
    return missing - find_merged(account_id, missing).keys()


def _forget_the_deleted(account_id: int, events: Iterable[LoggedEvent]) -> None:
    gone: list[UUID] = [one.contact_id for one in events if one.kind == DELETED and one.contact_id]
    if gone:
        erase_deliveries(account_id, gone)
