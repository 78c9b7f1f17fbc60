"""The names of an account's own events: known from the first event on, with the properties that were seen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from dynamail.events.models import EventName
from dynamail.events.own_values import OwnEventFault
from dynamail.lib.ids import UnknownId, new_id
from dynamail.lib.sql import load_sql

MAX_NAMES = 200  # in an account
MAX_KNOWN_PROPERTIES = (
    300  # of one name: a sender that invents a property per event does not grow the row for good
)
LAST_AT_GRAIN = timedelta(minutes=1)  # a busy name is written once a minute


@dataclass(frozen=True, slots=True)
class KnownName:
    """A name as the writer of events needs it: its number, and what is known of it."""

    id: int
    types: Mapping[str, str]
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Lesson:
    """What some events taught about a name: types of properties that were not known, and the latest moment."""

    known: KnownName
    types: Mapping[str, str]
    last_at: datetime

    @property
    def is_news(self) -> bool:
        return bool(self.types)

    @property
    def is_worth_a_write(self) -> bool:
        before = self.known.last_at
        return self.is_news or before is None or self.last_at - before >= LAST_AT_GRAIN


def list_event_names(account_id: int) -> list[EventName]:
    return list(EventName.objects.for_account(account_id).order_by("name"))


def find_event_name(account_id: int, public_id: str) -> EventName | None:
    try:
        uid = EventName.uid_from(public_id)
    except UnknownId:
        return None
    return EventName.objects.for_account(account_id).filter(uid=uid).first()


def find_known_names(cursor: Any, account_id: int, names: Sequence[str]) -> dict[str, KnownName]:
    cursor.execute(
        "SELECT name, id, properties::text, last_at FROM event_name WHERE account_id = %s AND name = ANY(%s)",
        [account_id, list(names)],
    )
    return {
        name: KnownName(number, _read_types(types), last_at)
        for name, number, types, last_at in cursor.fetchall()
    }


def make_names(cursor: Any, account_id: int, names: Iterable[str], *, now: datetime) -> dict[str, KnownName]:
    """Make those that the account has room for, in the caller's transaction; the others are missing in the answer."""
    # One at a time in an account: the limit holds whoever else makes names.
    cursor.execute("SELECT pg_advisory_xact_lock(hashtext('event_name'), %s::int)", [account_id % 2**31])
    cursor.execute("SELECT count(*) FROM event_name WHERE account_id = %s", [account_id])
    room = MAX_NAMES - cursor.fetchone()[0]
    wanted = sorted(set(names) - find_known_names(cursor, account_id, sorted(set(names))).keys())
    for name in wanted[: max(room, 0)]:
        cursor.execute(
            "INSERT INTO event_name (account_id, uid, created_at, name, description, properties)"
            " VALUES (%s, %s, %s, %s, '', '{}')",
            [account_id, new_id(now), now, name],
        )
    return find_known_names(cursor, account_id, sorted(set(names)))


def refuse_name() -> OwnEventFault:
    return OwnEventFault(
        "name",
        "too_many_names",
        _("An account has up to %(limit)s names of events. Put what differs into the properties.")
        % {"limit": MAX_NAMES},
    )


def find_lesson(known: KnownName, types: Iterable[Mapping[str, str]], last_at: datetime) -> Lesson:
    """What is new in the properties of some events of one name."""
    news: dict[str, str] = {}
    for told in types:
        if told.items() <= known.types.items():
            continue
        for name, word in told.items():
            room = len(known.types) + len(news) < MAX_KNOWN_PROPERTIES
            if known.types.get(name) != word and (name in known.types or room):
                news[name] = word
    return Lesson(known, news, last_at)


def learn(cursor: Any, account_id: int, lessons: Iterable[Lesson]) -> None:
    """Write down what is new. Who only brings a later moment does not wait for somebody who writes the row just now."""
    worthy = [lesson for lesson in lessons if lesson.is_worth_a_write]
    for news, statement in ((True, "learn_event_names"), (False, "touch_event_names")):
        told = [
            {"id": lesson.known.id, "types": dict(lesson.types), "last_at": lesson.last_at.isoformat()}
            for lesson in worthy
            if lesson.is_news == news
        ]
        if told:
            cursor.execute(
                load_sql("events", statement), {"account_id": account_id, "lessons": json.dumps(told)}
            )


@lru_cache(maxsize=1_024)
def _read_types(text: str) -> Mapping[str, str]:
    types: Mapping[str, str] = json.loads(text)
    return types
