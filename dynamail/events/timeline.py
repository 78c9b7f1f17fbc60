from __future__ import annotations

from uuid import UUID

from dynamail.events.models import Event


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
