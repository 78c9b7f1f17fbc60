"""What recipients did with single mail, asked of the log of events: which messages were opened, clicked, complained of, returned later.

What a machine fetched is nobody's reaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import Exists, Min, OuterRef, QuerySet

from dynamail.events.kinds import EventKind
from dynamail.events.models import Event
from dynamail.lib.ids import lowest_id
from dynamail.messages.models import SourceKind

BLOCK = 500  # messages that are read at once
_SINGLE_KINDS = (SourceKind.API.value, SourceKind.SMTP.value)
_TAIL_BITS = 80  # of an id, after its milliseconds


class Reaction(StrEnum):
    OPENED = "opened"
    CLICKED = "clicked"
    COMPLAINED = "complained"
    RETURNED = "returned"  # by a report that came after a server had taken it


_KINDS = {
    Reaction.OPENED: EventKind.MESSAGE_OPENED,
    Reaction.CLICKED: EventKind.MESSAGE_CLICKED,
    Reaction.COMPLAINED: EventKind.MESSAGE_COMPLAINED,
    Reaction.RETURNED: EventKind.MESSAGE_BOUNCED,
}


def has_reaction(account_id: int, reaction: str) -> Exists:
    """Of rows of messages: is there such an event? Index: event_single_reaction."""
    return Exists(_find_single(account_id, reaction).filter(message_id=OuterRef("id")))


def walk_reactions(
    account_id: int, reaction: str, *, before: UUID | None, since: datetime | None, until: datetime | None
) -> Iterator[list[UUID]]:
    """Ids of messages that have it, in blocks, the latest accepted first.

    A block ends with a whole millisecond, within which ids have no order; `before` lets its own one in. Index: event_single_reaction.
    """
    rows = _find_single(account_id, reaction).order_by("-message_id")
    if since is not None:
        rows = rows.filter(message_id__gte=lowest_id(since), id__gte=lowest_id(since))
    if until is not None:
        rows = rows.filter(message_id__lt=lowest_id(until))
    if before is not None:
        rows = rows.filter(message_id__lt=_floor(before, milliseconds=1))
    while block := _read(rows, BLOCK):
        if len(block) < BLOCK:
            yield block
            return
        floor = _floor(block[-1])
        yield block + _read(rows.filter(message_id__gte=floor, message_id__lt=block[-1]))
        rows = rows.filter(message_id__lt=floor)


def find_first_reactions(
    account_id: int, message_ids: Sequence[UUID]
) -> dict[UUID, dict[Reaction, datetime]]:
    """When each of these messages was first opened and so on. Index: event_single_reaction."""
    found: dict[UUID, dict[Reaction, datetime]] = {}
    if not message_ids:
        return found
    for reaction in Reaction:
        rows = _find_single(account_id, reaction).filter(
            message_id__in=message_ids, id__gte=_floor(min(message_ids))
        )
        for message_id, at in rows.values_list("message_id").annotate(Min("at")):
            found.setdefault(message_id, {})[reaction] = at
    return found


def find_campaigns_with_reaction(account_id: int, contact_ids: Sequence[UUID], reaction: str) -> set[UUID]:
    """The campaigns and scenarios whose mail these contacts reacted to. Index: event_contact."""
    rows = _find(account_id, reaction).filter(contact_id__in=contact_ids, source_id__isnull=False)
    ids = rows.exclude(source_kind__in=_SINGLE_KINDS).values_list("source_id", flat=True).distinct()
    return {source_id for source_id in ids if source_id}


def _find(account_id: int, reaction: str) -> QuerySet[Event]:
    rows = Event.objects.for_account(account_id).filter(kind=_KINDS[Reaction(reaction)])
    rows = rows.exclude(data__has_key="machine")
    return rows.filter(data__has_key="late") if reaction == Reaction.RETURNED else rows


def _find_single(account_id: int, reaction: str) -> QuerySet[Event]:
    return _find(account_id, reaction).filter(source_kind__in=_SINGLE_KINDS, message_id__isnull=False)


def _read(rows: QuerySet[Event], limit: int | None = None) -> list[UUID]:
    ids = rows.values_list("message_id", flat=True).distinct()[:limit]
    return [message_id for message_id in ids if message_id]


def _floor(value: UUID, *, milliseconds: int = 0) -> UUID:
    """The smallest id of its millisecond, or of one after it."""
    return UUID(int=((value.int >> _TAIL_BITS) + milliseconds) << _TAIL_BITS)
