"""The names of an account's own events: known from the first event on, with the properties that were seen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from django.db import transaction
from django.utils.translation import gettext as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.events.models import EventName
from dynamail.events.own_values import OwnEventFault
from dynamail.lib.asking import Ask, Inquiry, Told
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


@transaction.atomic
def describe_name(row: EventName, description: str, *, by: Actor) -> None:
    """Say what an event means."""
    row.description = " ".join(description.split())[:300]
    row.save(update_fields=["description"])
    record_audit(row.account_id, by=by, action="event_name.described", subject=row, name=row.name)


def ask_for_names(account_id: int, names: Sequence[str]) -> Ask:
    return Ask(load_sql("events", "find_event_names"), [account_id, list(names)])


def read_names(told: Told) -> dict[str, KnownName]:
    return {
        name: KnownName(number, _read_types(types), last_at) for name, number, types, last_at in told.rows
    }


def make_names(account_id: int, names: Iterable[str], *, now: datetime) -> Inquiry[dict[str, KnownName]]:
    """Make those that the account has room for; the others are missing in the answer."""
    wanted = sorted(names)
    parameters = {
        "account_id": account_id,
        "names": wanted,
        "uids": [new_id(now) for _ in wanted],
        "now": now,
        "limit": MAX_NAMES,
    }
    yield [Ask(load_sql("events", "begin_names"), [account_id])]
    yield [Ask(load_sql("events", "make_names"), parameters)]
    (told,) = yield [ask_for_names(account_id, wanted)]
    return read_names(told)


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


def ask_to_learn(account_id: int, lessons: Iterable[Lesson]) -> list[Ask]:
    """Write down what is new. Who only brings a later moment does not wait for somebody who writes the row just now."""
    worthy = [lesson for lesson in lessons if lesson.is_worth_a_write]
    news = [lesson for lesson in worthy if lesson.is_news]
    later = [lesson for lesson in worthy if not lesson.is_news]
    return [
        Ask(load_sql("events", statement), {"account_id": account_id, "lessons": _write_lessons(lessons)})
        for statement, lessons in (("learn_event_names", news), ("touch_event_names", later))
        if lessons
    ]


def _write_lessons(lessons: Iterable[Lesson]) -> str:
    return json.dumps(
        [
            {"id": one.known.id, "types": dict(one.types), "last_at": one.last_at.isoformat()}
            for one in lessons
        ]
    )


@lru_cache(maxsize=1_024)
def _read_types(text: str) -> Mapping[str, str]:
    types: Mapping[str, str] = json.loads(text)
    return types
