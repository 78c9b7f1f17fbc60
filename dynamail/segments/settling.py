"""The one step of keeping members: some contacts of one segment are asked again, and what differs is written and told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import DatabaseError, connections
from django.utils.translation import gettext as _
from psycopg.errors import QueryCanceled

from dynamail.accounts.models import Account
from dynamail.conditions.catalog import Catalog
from dynamail.conditions.checking import check_condition
from dynamail.conditions.faults import ConditionFault
from dynamail.conditions.tree import Condition
from dynamail.events.kinds import EventKind
from dynamail.events.log import NewEvent, record_events
from dynamail.lib.sql import SqlFragment
from dynamail.segments.asking import TimedOut, run
from dynamail.segments.cataloging import load_catalog
from dynamail.segments.compiling import CompileContext, Form, compile_condition
from dynamail.segments.history import find_day, record_day
from dynamail.segments.models import Segment
from dynamail.segments.wording import translate_fault

BLOCK_SECONDS = 20  # at most, to settle a block
AGAIN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Tally:
    """What a step did: events read, pairs of contact and segment looked at, members who joined and left."""

    events: int = 0
    looked_at: int = 0
    joined: int = 0
    departed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.events + other.events,
            self.looked_at + other.looked_at,
            self.joined + other.joined,
            self.departed + other.departed,
        )


@dataclass(frozen=True)
class Question:
    """An account's segments at one moment: what they ask, compiled when needed."""

    account_id: int
    catalog: Catalog
    zone: str
    now: datetime

    def find(self, segment: Segment) -> Condition | None:
        known = self.catalog.segments.get(segment.public_id)
        return known.condition if known else None

    def compile(self, segment: Segment, form: Form) -> SqlFragment:
        """Raises ValueError when the row holds no condition, ConditionFault when that asks for what the account has no more."""
        if (condition := self.find(segment)) is None:
            raise ValueError(_("The condition of this segment cannot be read. Open it and save it again."))
        if faults := check_condition(condition, self.catalog):
            raise ConditionFault(faults)
        context = CompileContext(self.account_id, self.now, self.zone, segment.public_id)
        return compile_condition(condition, self.catalog, context, form=form)


def settle(
    segment: Segment, ids: Sequence[UUID], question: Question, *, untold: Iterable[UUID] = ()
) -> Tally:
    """Write what differs for these contacts, with the events, in the caller's transaction, which holds the segment's row.

    Of `untold` contacts no event is recorded, and they are not among a day's joined and left.
    """
    fit = question.compile(segment, Form.EACH)
    with connections["default"].cursor() as cursor:
        changes = run(
            cursor,
            "settle_members",
            {"fit": fit},
            account_id=segment.account_id,
            segment_id=segment.pk,
            contact_ids=list(ids),
            now=question.now,
        ).rows
    quiet = set(untold)
    told = [change for change in changes if change[0] not in quiet]
    _record(segment, [(contact_id, joined) for contact_id, joined, exists in told if exists], question.now)
    _count_changes(segment, _count(changes), _count(told), question)
    joined, departed = _count(changes)
    return Tally(looked_at=len(ids), joined=joined, departed=departed)


def _count(changes: Sequence[tuple[UUID, bool, bool]]) -> tuple[int, int]:
    joined = sum(joined for _contact, joined, _exists in changes)
    return joined, len(changes) - joined


def _record(segment: Segment, changes: Iterable[tuple[UUID, bool]], now: datetime) -> None:
    data = {"segment": segment.public_id}
    record_events(
        segment.account_id,
        (
            NewEvent(
                EventKind.SEGMENT_ENTERED if joined else EventKind.SEGMENT_LEFT,
                contact_id,
                source_kind="segment",
                source_id=segment.uid,
                data=data,
            )
            for contact_id, joined in changes
        ),
        now=now,
    )


def _count_changes(
    segment: Segment, changes: tuple[int, int], told: tuple[int, int], question: Question
) -> None:
    """Keep the size of a segment whose members are those of its definition; while they are looked for it is not known."""
    if not any(changes) or not is_current(segment):
        return
    segment.size = (segment.size or 0) + changes[0] - changes[1]
    rows = Segment.objects.for_account(segment.account_id).filter(pk=segment.pk)
    rows.update(size=segment.size, counted_at=question.now)
    day = find_day(segment.account_id, question.now)
    record_day(segment, day=day, size=segment.size, joined=told[0], departed=told[1])


def postpone(segment: Segment, error: Exception, now: datetime) -> None:
    """Keep the members as they are, say what is wrong, and try as a whole in an hour, unless that is to happen sooner."""
    Segment.objects.for_account(segment.account_id).filter(pk=segment.pk).update(
        problem=_explain(error)[:500], next_refresh_at=find_sooner(segment, now + AGAIN_AFTER, now)
    )


def find_sooner(segment: Segment, due: datetime, now: datetime) -> datetime:
    """When to look at everybody: then, or when it is planned already."""
    planned = segment.next_refresh_at
    return planned if planned is not None and now < planned < due else due


def _explain(error: Exception) -> str:
    if isinstance(error, ConditionFault):
        return " ".join(map(translate_fault, error.faults))
    if isinstance(error, TimedOut) or isinstance(error.__cause__, QueryCanceled):
        return _("Looking at everybody takes too long. Ask for less, or in a shorter time.")
    if isinstance(error, DatabaseError):  # its words may repeat what is stored about a contact
        return _(
            "The database could not answer. It is asked again within the hour; the log says what happened."
        )
    return str(error).strip()


def is_disconnected() -> bool:
    """Has the connection ended? Then nothing is wrong with the segment."""
    connection = connections["default"].connection
    return connection is None or bool(connection.closed)


def is_current(segment: Segment) -> bool:
    return segment.members_version == segment.version


def ask_now(account_id: int, now: datetime) -> Question:
    zone = Account.objects.values_list("timezone", flat=True).get(pk=account_id)
    return Question(account_id, load_catalog(account_id), zone, now)


def limit_statements() -> None:
    """For the rest of the transaction: a few contacts, each looked up by its key."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true), set_config('jit', 'off', true), "
            "set_config('enable_seqscan', 'off', true)",
            [f"{BLOCK_SECONDS}s"],
        )
