from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from dynamail.events.models import CustomEvent, Event
from dynamail.lib.ids import lowest_id


def find_contact_events(
    account_id: int, contact_id: UUID, *, limit: int = 50, before: UUID | None = None
) -> list[Event]:
    """What happened to a contact, newest first; `before` is the last id of the previous page. Index: event_contact."""
    rows = Event.objects.for_account(account_id).filter(contact_id=contact_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.order_by("-id")[:limit])


def find_source_events(
    account_id: int,
    source_id: UUID,
    *,
    kinds: tuple[str, ...] = (),
    limit: int = 50,
    before: UUID | None = None,
) -> list[Event]:
    """What came of a campaign or another source, newest first. Index: event_source."""
    rows = Event.objects.for_account(account_id).filter(source_id=source_id)
    if kinds:
        rows = rows.filter(kind__in=kinds)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.order_by("-id")[:limit])


def find_contact_own_events(
    account_id: int, contact_id: UUID, *, limit: int = 50, before: datetime | None = None
) -> list[CustomEvent]:
    """The account's own events about a contact, newest first. Index: custom_event_contact; an id begins with its moment."""
    rows = CustomEvent.objects.for_account(account_id).filter(contact_id=contact_id)
    if before is not None:
        rows = rows.filter(at__lt=before, id__lt=lowest_id(before + timedelta(milliseconds=1)))
    return list(rows.order_by("-id")[:limit])


def find_latest_own_events(account_id: int, name_id: int, *, limit: int = 20) -> list[CustomEvent]:
    """The latest events of one name. Index: custom_event_name."""
    rows = CustomEvent.objects.for_account(account_id).filter(name_id=name_id)
    return list(rows.order_by("-at")[:limit])
