"""Plain functions that make segments, and follow the log of a test whose transaction never commits."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from dynamail.accounts.models import Account
from dynamail.contacts.models import Contact, Tag
from dynamail.events.models import CustomEvent, Event, EventName
from dynamail.events.tailing import LoggedEvent, TakenOwnEvent
from dynamail.lib.ids import new_id
from dynamail.segments.membership import refresh_whole, settle_touched
from dynamail.segments.models import Segment, SegmentMember
from dynamail.segments.saving import create_segment
from dynamail.segments.settling import Tally
from tests.support.personas import NOW

EVERYBODY: dict[str, Any] = {"all": []}


def in_city(city: str) -> dict[str, Any]:
    return {"kind": "attribute", "attribute": "city", "op": "equals", "value": city}


def lacks(tag: Tag) -> dict[str, Any]:
    return {"kind": "tag", "op": "has_none", "tags": [tag.public_id]}


def within(segment: Segment, *, negated: bool = False) -> dict[str, Any]:
    return {"kind": "segment", "segment": segment.public_id, "not": negated}


def make_segment(
    account: Account, name: str = "Minsk", definition: Any = None, *, built: bool = True, **values: Any
) -> Segment:
    """A segment, with its first members unless `built` is False."""
    wanted = in_city("Minsk") if definition is None else definition
    segment = create_segment(account.pk, name=name, definition=wanted, by=None, now=NOW, **values)
    if built:
        refresh_whole(account.pk, segment.pk, now=NOW)
        segment.refresh_from_db()
    return segment


def list_members(segment: Segment) -> set[str]:
    """Addresses of the kept members."""
    ids = SegmentMember.objects.for_account(segment.account_id).filter(segment_id=segment.pk)
    found = Contact.objects.for_account(segment.account_id).filter(id__in=ids.values("contact_id"))
    return set(found.values_list("email", flat=True))


def list_told(segment: Segment) -> list[tuple[str, UUID | None]]:
    """What the log says of who joined and left, in order: `entered` or `left`, and the contact."""
    events = Event.objects.for_account(segment.account_id).filter(
        source_id=segment.uid, source_kind="segment"
    )
    return [(row.kind.removeprefix("segment."), row.contact_id) for row in events.order_by("at", "id")]


class LogReader:
    """Stands in for the cursors, which read only what other transactions have committed."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.seen: set[UUID] = set()
        self.skip()

    def skip(self) -> None:
        self._take_facts()
        self._take_own()

    def follow(self, *, now: Any = NOW) -> Tally:
        """Settle what happened since the last call."""
        return settle_touched(self._take_facts(), self._take_own(), now=now)

    def _take_facts(self) -> list[LoggedEvent]:
        rows = [
            row for row in Event.objects.for_account(self.account).order_by("id") if row.id not in self.seen
        ]
        self.seen |= {row.id for row in rows}
        return [
            LoggedEvent(
                row.account_id,
                row.id,
                row.at,
                row.kind,
                row.contact_id,
                row.message_id,
                row.source_kind,
                row.source_id,
                row.data,
            )
            for row in rows
        ]

    def _take_own(self) -> list[TakenOwnEvent]:
        rows = [row for row in CustomEvent.objects.for_account(self.account) if row.id not in self.seen]
        self.seen |= {row.id for row in rows}
        return [
            TakenOwnEvent(
                row.account_id, row.id, row.at, row.contact_id, row.name_id, row.source_kind, row.properties
            )
            for row in rows
        ]


def add_own_event(contact: Contact, name: str, *, at: datetime = NOW, **properties: Any) -> None:
    known, _made = EventName.objects.for_account(contact.account_id).get_or_create(
        account_id=contact.account_id, name=name
    )
    CustomEvent.objects.add(
        contact.account_id,
        id=new_id(NOW),
        name_id=known.pk,
        contact_id=contact.id,
        at=at,
        properties=properties,
    )
