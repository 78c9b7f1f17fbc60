"""What is recorded about one contact here and below: edits, tags, consent, suppression. Messages join it in the door."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from dynamail.consent.models import ConsentRecord
from dynamail.events.models import Event


@dataclass(frozen=True)
class Moment:
    """One entry of a timeline. `kind` is an event kind or `consent.<act>`; `data` holds what its sentence needs."""

    at: datetime
    kind: str
    data: dict[str, Any] = field(default_factory=dict)
    source_kind: str = ""
    source_id: UUID | None = None
    topic_id: int | None = None
    message_id: UUID | None = None


# A consent record says more than the event that goes with it.
TOLD_BY_CONSENT = ("contact.subscribed", "contact.unsubscribed")


def list_moments(account_id: int, contact_id: UUID, *, before: datetime | None, limit: int) -> list[Moment]:
    """Newest first, at most `limit`, older than `before`."""
    moments = _list_events(account_id, contact_id, before, limit) + _list_consent(
        account_id, contact_id, before, limit
    )
    # An import writes all of a person at one moment: being added comes first.
    return sorted(moments, key=lambda moment: (moment.at, moment.kind != "contact.created"), reverse=True)[
        :limit
    ]


def _list_events(account_id: int, contact_id: UUID, before: datetime | None, limit: int) -> list[Moment]:
    rows = (
        Event.objects.for_account(account_id).filter(contact_id=contact_id).exclude(kind__in=TOLD_BY_CONSENT)
    )
    if before is not None:
        rows = rows.filter(at__lt=before)
    return [
        Moment(row.at, row.kind, row.data, row.source_kind, row.source_id, message_id=row.message_id)
        for row in rows.order_by("-id")[:limit]
    ]


def _list_consent(account_id: int, contact_id: UUID, before: datetime | None, limit: int) -> list[Moment]:
    rows = ConsentRecord.objects.for_account(account_id).filter(contact_id=contact_id)
    if before is not None:
        rows = rows.filter(at__lt=before)
    return [
        Moment(
            row.at,
            f"consent.{row.act}",
            {
                "method": row.method,
                "text": row.text,
                "since": row.since,
                "basis": row.basis,
                "actor": row.actor,
            },
            row.source_kind,
            None,
            row.topic_id,
        )
        for row in rows.order_by("-at", "-id")[:limit]
    ]
