"""Who is in a segment is kept for those that record who joins and leaves; here it is made right and told.

Two ways lead to the same step, `settling.settle`, which looks at some contacts of one segment with its row locked and writes what differs
together with the events:

1. `refresh_touched` reads the logs behind a cursor and looks at exactly the contacts that something happened to, in the segments that
   depend on it. Cursor, members and events are one transaction: a kill at any point neither loses nor doubles an event.
2. `refresh_whole` finds in one reading statement who differs from what is kept, and settles those in small blocks. Since the
   condition is asked again under the lock, it does not matter how old that reading is.

Joining by a new definition is no event: nothing happened to the contact. The same for the first members of a new segment.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, LiteralString, cast
from uuid import UUID

from django.db import DatabaseError, connections, transaction
from django.db.models import Q

from dynamail.accounts.tenancy import account_scope
from dynamail.conditions.catalog import Catalog
from dynamail.conditions.faults import ConditionFault
from dynamail.events.kinds import EventKind
from dynamail.events.models import EventCursor
from dynamail.events.tailing import LoggedEvent, TakenOwnEvent, skip_to_end, take_custom_events, take_events
from dynamail.lib.sql import SqlFragment, load_sql
from dynamail.segments.asking import TimedOut, ask_account, run
from dynamail.segments.aspects import (
    EVERYTHING,
    NOTHING,
    Aspects,
    changes_unheard,
    do_meet,
    find_aspects,
    name_changed,
    name_changed_for_all,
    name_event,
)
from dynamail.segments.compiling import Form
from dynamail.segments.history import find_day, record_day
from dynamail.segments.models import Segment, SegmentMember
from dynamail.segments.queueing import queue_refresh
from dynamail.segments.settling import (
    Question,
    Tally,
    ask_now,
    find_sooner,
    is_current,
    is_disconnected,
    limit_statements,
    postpone,
    settle,
)

READER, OWN_READER = "segments", "segments.own"
EVENTS_AT_ONCE = 2_000  # of each log in one transaction
BLOCK = 5_000  # contacts settled in one transaction
DIFFERENCE_SECONDS = 120.0  # at most, to look at everybody
CARD_SECONDS = 3.0  # at most, to find the segments of one contact
CLOCKS_DIFFER = timedelta(seconds=5)  # between servers, and between asking the time and reading a log
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_UPDATED_BY_IMPORT = (EventKind.CONTACT_UPDATED.value, "import")
MINUTES_APART = 10  # whole refreshes of many segments do not begin together

log = logging.getLogger(__name__)


@dataclass
class _Touched:
    """What happened in one account since the reader's last step."""

    contacts: dict[UUID, Aspects] = field(default_factory=dict)
    everybody: Aspects = NOTHING
    facts: list[LoggedEvent] = field(default_factory=list)
    own: list[TakenOwnEvent] = field(default_factory=list)


# ── What the logs tell ───────────────────────────────────────────────────────────────────────────────────────────────
def is_anything_kept() -> bool:
    """Does any segment of any account keep its members?"""
    return _kept_anywhere().exists()


@transaction.atomic
def begin_following(*, now: datetime) -> bool:
    """Stand behind the logs' ends, unless the readers stand somewhere already; True when they did not.

    Everybody is looked at after that: what happened before was not read.
    """
    if _are_readers_there():
        return False
    for reader in (READER, OWN_READER):
        skip_to_end(reader, now=now)
    # One order for all who lock several: by key.
    kept = _kept_anywhere().order_by("pk").select_for_update(of=("self",), no_key=True)
    list(kept.values_list("pk", flat=True))
    _kept_anywhere().update(next_refresh_at=now)
    return True


def end_following() -> None:
    """Nothing keeps members: the readers are forgotten, so that a later start does not read what nobody asked for."""
    EventCursor.objects.filter(name__in=(READER, OWN_READER)).delete()


def _are_readers_there() -> bool:
    """Both; held until the transaction ends."""
    readers = EventCursor.objects.filter(name__in=(READER, OWN_READER)).order_by("name")
    return len(readers.select_for_update()) == 2


@transaction.atomic
def refresh_touched(*, now: datetime, limit: int = EVENTS_AT_ONCE) -> Tally:
    """Read on in the logs and settle whom it touched, in one transaction. Two at once take turns.

    Nothing is read without readers: new ones would stand at the logs' beginning.
    """
    if not _are_readers_there():
        return Tally()
    facts = take_events(READER, limit=limit, now=now)
    own = take_custom_events(OWN_READER, limit=limit, now=now)
    return settle_touched(facts, own, now=now)


def settle_touched(facts: Sequence[LoggedEvent], own: Sequence[TakenOwnEvent], *, now: datetime) -> Tally:
    """What follows from these events for the members of segments, in the caller's transaction."""
    tally = Tally(events=len(facts) + len(own))
    for account_id, touched in sorted(_sort_by_account(facts, own).items(), key=itemgetter(0)):
        with account_scope(account_id):
            tally += _follow(account_id, touched, now)
    return tally


def _sort_by_account(facts: Iterable[LoggedEvent], own: Iterable[TakenOwnEvent]) -> dict[int, _Touched]:
    accounts: dict[int, _Touched] = {}
    for fact in facts:
        accounts.setdefault(fact.account_id, _Touched()).facts.append(fact)
    for event in own:
        accounts.setdefault(event.account_id, _Touched()).own.append(event)
    return accounts


def _follow(account_id: int, touched: _Touched, now: datetime) -> Tally:
    """The part of one account, asked at the moment of its latest event: conditions take none that lies ahead."""
    rows = Segment.objects.for_account(account_id).filter(keeps_members=True, archived_at=None)
    # One order for all who lock several: by key. What is asked is read under the lock.
    segments = list(rows.order_by("pk").select_for_update(of=("self",), no_key=True))
    if not segments:
        return Tally()
    question = ask_now(account_id, _find_moment(touched, now))
    ahead = _list_ahead(touched, question.now)
    limit_statements()
    _note_changes(touched, question.catalog)
    tally = Tally()
    for segment in segments:
        if (condition := question.find(segment)) is None:
            continue
        asked = find_aspects(condition, question.catalog)
        if do_meet(touched.everybody, asked):
            Segment.objects.for_account(account_id).filter(pk=segment.pk).update(next_refresh_at=now)
            queue_refresh(account_id, segment.pk)
        ids = [contact_id for contact_id, changed in touched.contacts.items() if do_meet(changed, asked)]
        if (early := ahead.keys() & set(ids)) and changes_unheard(condition, question.catalog):
            _look_at_later(segment, min(ahead[one] for one in early))
        tally += _settle_or_postpone(segment, ids, touched, question)
    return tally


def _find_moment(touched: _Touched, now: datetime) -> datetime:
    """`now` was taken before the logs were read, and clocks differ a little: not before the latest of the events, then."""
    moments = (*(fact.at for fact in touched.facts), *(event.at for event in touched.own))
    return max((at for at in moments if now < at <= now + CLOCKS_DIFFER), default=now)


def _list_ahead(touched: _Touched, now: datetime) -> dict[UUID, datetime]:
    """Contacts with an event of a sender whose clock is further ahead: it counts when its time has come."""
    ahead: dict[UUID, datetime] = {}
    for event in touched.own:
        if event.at > now:
            ahead[event.contact_id] = min(event.at, ahead.get(event.contact_id, event.at))
    return ahead


def _look_at_later(segment: Segment, moment: datetime) -> None:
    rows = Segment.objects.for_account(segment.account_id).filter(pk=segment.pk)
    rows.filter(Q(next_refresh_at=None) | Q(next_refresh_at__gt=moment)).update(next_refresh_at=moment)


def _note_changes(touched: _Touched, catalog: Catalog) -> None:
    keys = {attribute.number: key for key, attribute in catalog.attributes.items()}
    names = {known.id: name for name, known in catalog.events.items()}
    for fact in touched.facts:
        touched.everybody |= name_changed_for_all(fact)
        # An import tells of all its rows together when it ends.
        if fact.contact_id is not None and (fact.kind, fact.source_kind) != _UPDATED_BY_IMPORT:
            _add(touched, fact.contact_id, name_changed(fact, keys))
        if (gone := _find_merged(fact)) is not None:
            _add(touched, gone, frozenset({EVERYTHING}))
    for event in touched.own:
        _add(touched, event.contact_id, frozenset({name_event(names.get(event.name_id, ""))}))


def _find_merged(fact: LoggedEvent) -> UUID | None:
    """The contact that is gone into another one: its kept memberships go as well."""
    if fact.kind != EventKind.CONTACT_MERGED:
        return None
    with suppress(ValueError):
        return UUID(str(fact.data.get("gone")))
    return None


def _add(touched: _Touched, contact_id: UUID, changed: Aspects) -> None:
    if changed:
        touched.contacts[contact_id] = touched.contacts.get(contact_id, NOTHING) | changed


def _settle_or_postpone(
    segment: Segment, ids: Sequence[UUID], touched: _Touched, question: Question
) -> Tally:
    """A segment that cannot be asked for these contacts holds up no other: it is looked at as a whole later.

    One that asks for what was deleted keeps its members: who lacks a tag that is gone is everybody, and nothing happened to them.
    """
    if not ids:
        return Tally()
    created = {one for one in ids if EVERYTHING in touched.contacts[one]}
    try:
        with transaction.atomic():
            return settle(segment, ids, question, untold=() if is_current(segment) else set(ids) - created)
    except ConditionFault as error:
        postpone(segment, error, question.now)
        return Tally()
    except (DatabaseError, ValueError) as error:
        if is_disconnected():
            raise
        log.exception("Segment %s of account %s could not be followed", segment.public_id, segment.account_id)
        postpone(segment, error, question.now)
        return Tally()


# ── Everybody ────────────────────────────────────────────────────────────────────────────────────────────────────────
def refresh_whole(account_id: int, segment_id: int, *, now: datetime) -> Tally:
    """Make all kept members of a segment right; for one that keeps none, forget them.

    Call it outside a transaction: each block is one of its own. When the definition changes meanwhile, the task that the change
    queued does it again.
    """
    segment = Segment.objects.for_account(account_id).filter(pk=segment_id).first()
    if segment is None:
        return Tally()
    if not segment.keeps_members or segment.archived_at is not None:
        _forget_members(segment)
        return Tally()
    try:
        return _refresh_whole(segment, now)
    except ConditionFault as error:
        with account_scope(account_id):
            postpone(segment, error, now)
        return Tally()
    except (DatabaseError, ValueError, TimedOut) as error:
        if is_disconnected():
            raise
        log.exception("Segment %s of account %s could not be refreshed", segment.public_id, account_id)
        with account_scope(account_id):
            postpone(segment, error, now)
        return Tally()


def _refresh_whole(segment: Segment, now: datetime) -> Tally:
    told = is_current(segment)
    tally = Tally()
    started = time.monotonic()
    for ids in _find_difference(segment, now):
        with account_scope(segment.account_id):
            if (locked := _lock(segment)) is None:
                return tally
            # Those who follow the log have moved on meanwhile: an answer of an earlier moment would undo theirs.
            moment = now + timedelta(seconds=time.monotonic() - started)
            limit_statements()
            question = ask_now(segment.account_id, moment)
            tally += settle(locked, ids, question, untold=() if told else ids)
    with account_scope(segment.account_id):
        if (locked := _lock(segment)) is not None:
            _finish(locked, now + timedelta(seconds=time.monotonic() - started))
    return tally


def _find_difference(segment: Segment, now: datetime) -> Iterator[list[UUID]]:
    """Those who may have to join or leave, in blocks. Read as 16 bytes each: they may be millions."""
    fit = ask_now(segment.account_id, now).compile(segment, Form.SET)
    with ask_account(segment.account_id, seconds=DIFFERENCE_SECONDS) as cursor:
        answer = run(
            cursor,
            "find_difference",
            {"fit": fit},
            account_id=segment.account_id,
            segment_id=segment.pk,
        )
    packed = bytes(answer.rows[0][0] or b"")
    for start in range(0, len(packed), 16 * BLOCK):
        block = packed[start : start + 16 * BLOCK]
        yield [UUID(bytes=block[at : at + 16]) for at in range(0, len(block), 16)]


def _lock(segment: Segment) -> Segment | None:
    """The row, held until the transaction ends; None when it is another question by now."""
    rows = Segment.objects.for_account(segment.account_id).filter(
        pk=segment.pk,
        version=segment.version,
        members_version=segment.members_version,
        keeps_members=True,
        archived_at=None,
    )
    return rows.select_for_update(of=("self",), no_key=True).first()


def _finish(segment: Segment, now: datetime) -> None:
    """Every block is settled: count, write the day, and say when to look again."""
    size = SegmentMember.objects.for_account(segment.account_id).filter(segment_id=segment.pk).count()
    Segment.objects.for_account(segment.account_id).filter(pk=segment.pk).update(
        size=size,
        counted_at=now,
        refreshed_at=now,
        next_refresh_at=_find_next(segment, ask_now(segment.account_id, now)),
        members_version=segment.version,
        problem="",
    )
    record_day(segment, day=find_day(segment.account_id, now), size=size)


def _find_next(segment: Segment, question: Question) -> datetime:
    """Shortly after the hour for what changes with time or sending, else a day later."""
    condition = question.find(segment)
    apart = timedelta(minutes=segment.pk % MINUTES_APART, seconds=segment.pk % 60)
    hour = question.now.replace(minute=0, second=0, microsecond=0)
    often = condition is not None and changes_unheard(condition, question.catalog)
    return find_sooner(segment, hour + (HOUR if often else DAY) + apart, question.now)


def _forget_members(segment: Segment) -> None:
    """Block by block, for as long as the segment keeps none: who has it kept again finds them anew, and those are not forgotten."""
    rows = Segment.objects.for_account(segment.account_id).filter(pk=segment.pk)
    forgotten = rows.filter(Q(keeps_members=False) | Q(archived_at__isnull=False))
    values = {"account_id": segment.account_id, "segment_id": segment.pk, "limit": BLOCK}
    while True:
        with account_scope(segment.account_id), connections["default"].cursor() as cursor:
            if forgotten.select_for_update(of=("self",), no_key=True).first() is None:
                return
            cursor.execute(load_sql("segments", "forget_members"), values)
            if not cursor.rowcount:
                return


def list_due(*, now: datetime) -> list[tuple[int, int]]:
    """(account id, segment key) of those that should be looked at as a whole, the longest waiting first."""
    rows = _kept_anywhere().filter(next_refresh_at__lte=now).order_by("next_refresh_at")
    return list(rows.values_list("account_id", "pk"))


# ── One contact ──────────────────────────────────────────────────────────────────────────────────────────────────────
def list_segments_of(account_id: int, contact_id: UUID, *, now: datetime) -> list[Segment]:
    """The segments that a contact is in at this moment, by name: asked of the facts, not of the kept members.

    When that takes longer than CARD_SECONDS, those whose kept members name the contact: a page waits for it.
    """
    question = ask_now(account_id, now)
    asked: list[tuple[Segment, SqlFragment]] = []
    for segment in Segment.objects.for_account(account_id).filter(archived_at=None).order_by("name", "pk"):
        with suppress(ValueError):  # nobody is in a segment that cannot be asked
            asked.append((segment, question.compile(segment, Form.EACH)))
    if not asked:
        return []
    try:
        answers = _ask_of_one(account_id, contact_id, [fragment for _segment, fragment in asked])
    except TimedOut:
        kept = SegmentMember.objects.for_account(account_id).filter(contact_id=contact_id)
        known = set(kept.values_list("segment_id", flat=True))
        answers = [segment.pk in known for segment, _fragment in asked]
    return [segment for (segment, _fragment), fits in zip(asked, answers, strict=False) if fits]


def _ask_of_one(account_id: int, contact_id: UUID, asked: Sequence[SqlFragment]) -> Sequence[bool | None]:
    """Which of the compiled conditions a contact fits; of one who is not there, none. Raises TimedOut."""
    columns = cast(LiteralString, ", ".join(f"({fragment.text})" for fragment in asked))
    values = [value for fragment in asked for value in fragment.parameters]
    with ask_account(account_id, seconds=CARD_SECONDS) as cursor:
        cursor.execute(
            f"SELECT {columns} FROM contact WHERE contact.account_id = %s AND contact.id = %s",  # noqa: S608 compiled
            [*values, account_id, contact_id],
        )
        return cursor.fetchone() or ()


def _kept_anywhere() -> Any:
    rows = Segment.objects.across_accounts(reason="segments that keep their members")
    return rows.filter(keeps_members=True, archived_at=None)
