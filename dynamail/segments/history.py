"""How a segment grew: one row a day of the account, and who joined and left, from the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connections

from dynamail.accounts.models import Account
from dynamail.accounts.zones import find_zone
from dynamail.contacts.models import Contact
from dynamail.events.kinds import EventKind
from dynamail.events.timeline import find_source_events
from dynamail.lib.sql import load_sql
from dynamail.segments.models import Segment, SegmentDay

PAGE = 50
KINDS = (EventKind.SEGMENT_ENTERED.value, EventKind.SEGMENT_LEFT.value)


@dataclass(frozen=True)
class Change:
    """Somebody joined or left. `contact` is None when they are gone since."""

    event_id: UUID  # the cursor of the page after
    at: datetime
    entered: bool
    contact_id: UUID
    contact: Contact | None


def find_day(account_id: int, now: datetime) -> date:
    """The account's day at a moment."""
    zone = Account.objects.values_list("timezone", flat=True).get(pk=account_id)
    return now.astimezone(find_zone(zone)).date()


def record_day(segment: Segment, *, day: date, size: int, joined: int = 0, departed: int = 0) -> None:
    """Write today's row in the caller's transaction; the last one written stands for the end of the day."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("segments", "put_day"),
            {
                "account_id": segment.account_id,
                "segment_id": segment.pk,
                "day": day,
                "size": size,
                "joined": joined,
                "departed": departed,
            },
        )


def list_days(segment: Segment, days: int = 90) -> list[SegmentDay]:
    """The latest days that are known, the earliest of them first."""
    rows = SegmentDay.objects.for_account(segment.account_id).filter(segment_id=segment.pk)
    return list(rows.order_by("-day")[:days])[::-1]


def list_changes(
    segment: Segment, *, entered: bool | None = None, before: UUID | None = None, limit: int = PAGE
) -> list[Change]:
    """Who joined and left, newest first; `entered` narrows to one of both, `before` is the last event of the page before."""
    kinds = KINDS if entered is None else KINDS[:1] if entered else KINDS[1:]
    events = find_source_events(segment.account_id, segment.uid, kinds=kinds, limit=limit, before=before)
    named = [(event, event.contact_id) for event in events if event.contact_id is not None]
    contacts = _find_contacts(segment.account_id, [contact_id for _event, contact_id in named])
    return [
        Change(event.id, event.at, event.kind == KINDS[0], contact_id, contacts.get(contact_id))
        for event, contact_id in named
    ]


def _find_contacts(account_id: int, ids: Sequence[UUID]) -> dict[UUID, Contact]:
    return {row.id: row for row in Contact.objects.for_account(account_id).filter(id__in=ids)}
