"""To whom one person's data was handed over (P7.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dynamail.contacts.aliases import list_aliases
from dynamail.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookDisclosure, WebhookEndpoint

# Nothing was sent where the connection itself failed; what ended behind that may have arrived.
NOT_SENT = frozenset(("url", "port", "name", "address", "tls"))


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What one receiver was told of one person. `doubtful` of the `times` had no answer: they may have arrived or not."""

    endpoint: str  # public id
    url: str
    authorized_by: str
    kind: str
    fields: tuple[str, ...]  # kinds.FieldGroup, beyond ids and codes
    first_at: datetime
    last_at: datetime
    times: int
    doubtful: int = 0


@dataclass(slots=True)
class _Sum:
    first_at: datetime
    last_at: datetime
    times: int = 0
    doubtful: int = 0
    fields: frozenset[str] = frozenset()


def list_disclosures(account_id: int, contact_id: UUID) -> list[Disclosure]:
    """By receiver and kind, the latest first; also of endpoints that were removed, and what was told before a merge."""
    ids = [contact_id, *(alias.id for alias in list_aliases(account_id, contact_id))]
    sums: dict[tuple[int, str], _Sum] = {}
    for row in WebhookDisclosure.objects.for_account(account_id).filter(contact_id__in=ids):
        one = sums.setdefault((row.endpoint_id, row.kind), _Sum(row.first_at, row.last_at))
        one.first_at, one.last_at = min(one.first_at, row.first_at), max(one.last_at, row.last_at)
        one.times += row.times
        one.fields |= frozenset(row.fields)
    _add_recent(sums, account_id, ids)
    rows = WebhookEndpoint.objects.for_account(account_id).filter(pk__in={key[0] for key in sums})
    endpoints = {row.pk: row for row in rows}
    found = [_describe(endpoints[pk], kind, one) for (pk, kind), one in sums.items() if pk in endpoints]
    return sorted(found, key=lambda one: (one.last_at, one.kind), reverse=True)


def _add_recent(sums: dict[tuple[int, str], _Sum], account_id: int, contact_ids: Sequence[UUID]) -> None:
    rows = WebhookDelivery.objects.for_account(account_id).filter(contact_id__in=contact_ids)
    deliveries = {row.id: row for row in rows.defer("payload", "answer")}
    attempts: dict[UUID, list[WebhookAttempt]] = defaultdict(list)
    tried = WebhookAttempt.objects.for_account(account_id).filter(delivery_id__in=list(deliveries))
    for attempt in tried.exclude(error__in=NOT_SENT).order_by("id"):
        attempts[attempt.delivery_id].append(attempt)
    for delivery_id, some in attempts.items():
        delivery = deliveries[delivery_id]
        key = (delivery.endpoint_id, delivery.kind)
        one = sums.setdefault(key, _Sum(some[0].at, some[-1].at))
        one.first_at, one.last_at = min(one.first_at, some[0].at), max(one.last_at, some[-1].at)
        one.times += len(some)
        one.doubtful += sum(not attempt.status for attempt in some)
        one.fields |= frozenset(delivery.sent_fields)


def _describe(endpoint: WebhookEndpoint, kind: str, one: _Sum) -> Disclosure:
    return Disclosure(
        endpoint.public_id,
        endpoint.url,
        endpoint.authorized_name,
        kind,
        tuple(sorted(one.fields)),
        one.first_at,
        one.last_at,
        one.times,
        one.doubtful,
    )
