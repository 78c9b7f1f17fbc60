"""What servers offer and cannot do, remembered for a while so that the next message does not pay for it again.

A lesson is about a host and port. A `suspicion` is a connection that broke while an extension was in use for the first time;
it becomes a lesson when a second connection, opened afterwards, breaks the same way.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

MOST_HOPS = 10_000
SUSPECTED_FOR = 600.0  # seconds


class Lesson(StrEnum):
    NO_PIPELINING = "pipelining"  # drops commands or answers out of step
    NO_CHUNKING = "chunking"  # does not know BDAT
    NO_STARTTLS = "starttls"  # the handshake fails
    NO_PARAMETERS = "parameters"  # refuses SIZE, BODY or SMTPUTF8 after MAIL


Key = tuple[str, int, Lesson]

_HOLDS = {
    Lesson.NO_PIPELINING: 1_800.0,
    Lesson.NO_CHUNKING: 86_400.0,
    Lesson.NO_STARTTLS: 600.0,  # short: encryption is worth another try
    Lesson.NO_PARAMETERS: 86_400.0,
}


class Lessons:
    """`now` gives seconds and never goes back. Bounded: what was noted longest ago goes first."""

    def __init__(self, *, most: int = MOST_HOPS, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._most = most
        self._until: OrderedDict[Key, float] = OrderedDict()
        self._suspected: OrderedDict[Key, float] = OrderedDict()

    def open_book(self, host: str, port: int) -> HopLessons:
        """What is known of one server, for a connection that begins now."""
        return HopLessons(self, host, port, self.now())

    def forget(self, host: str, port: int) -> None:
        for lesson in Lesson:
            self._until.pop((host, port, lesson), None)
            self._suspected.pop((host, port, lesson), None)

    def holds(self, key: Key) -> bool:
        return self._until.get(key, -math.inf) > self.now()

    def note(self, key: Key) -> None:
        self._keep(self._until, key, self.now() + _HOLDS[key[2]])

    def suspect(self, key: Key, *, connected_at: float) -> None:
        first = self._suspected.get(key)
        if first is None or self.now() - first > SUSPECTED_FOR:
            self._keep(self._suspected, key, self.now())
        elif connected_at > first:
            del self._suspected[key]
            self.note(key)

    def acquit(self, key: Key) -> None:
        self._suspected.pop(key, None)

    def _keep(self, book: OrderedDict[Key, float], key: Key, value: float) -> None:
        book[key] = value
        book.move_to_end(key)
        while len(book) > self._most:
            book.popitem(last=False)


@dataclass(frozen=True, slots=True)
class HopLessons:
    """The view of one connection."""

    lessons: Lessons
    host: str
    port: int
    connected_at: float

    def holds(self, lesson: Lesson) -> bool:
        return self.lessons.holds((self.host, self.port, lesson))

    def note(self, lesson: Lesson) -> None:
        """The server has shown it without doubt."""
        self.lessons.note((self.host, self.port, lesson))

    def suspect(self, lesson: Lesson) -> None:
        """The connection broke at the first use. Those that were open at an earlier break do not count as a second one."""
        self.lessons.suspect((self.host, self.port, lesson), connected_at=self.connected_at)

    def acquit(self, lesson: Lesson) -> None:
        """The extension was seen to work."""
        self.lessons.acquit((self.host, self.port, lesson))


LESSONS = Lessons()  # of this process
