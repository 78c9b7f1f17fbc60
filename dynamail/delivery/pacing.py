"""How fast and whether at all: the rate of a way out, the pause after failures, the moments for what cannot go now."""

from __future__ import annotations

import random

FIRST_PAUSE, LONGEST_PAUSE = (
    1.0,
    60.0,
)  # seconds that a way out stays closed after a failure; doubles each time
FAILURES_THAT_CLOSE = 3  # lost connections in a row without one message accepted
REFUSALS_THAT_CLOSE = 20  # messages in a row refused for reasons that the next one will meet too
FARTHEST_SLOT = 3600.0  # seconds; what is postponed is looked at again within twice this time


class Breaker:
    """Closes a way out that does not work, opens it for a try after a while, and remembers why."""

    def __init__(self) -> None:
        self.closed_until = 0.0  # loop time
        self.reason = ""
        self._pause = FIRST_PAUSE
        self._failures = 0
        self._refusals = 0

    def is_closed(self, now: float) -> bool:
        return now < self.closed_until

    @property
    def is_trying(self) -> bool:
        """After a failure one connection tries; the others wait until a message went through."""
        return bool(self.reason)

    @property
    def pause(self) -> float:
        """Seconds that the next failure will close it for: the more it failed lately, the longer."""
        return self._pause

    def note_success(self) -> None:
        if self.reason or self._failures or self._refusals:
            self.reason, self._pause, self._failures, self._refusals = "", FIRST_PAUSE, 0, 0

    def note_answer(self) -> None:
        """The server answered sensibly about one recipient, even if it said no: the way out works."""
        self.note_success()

    def note_refused_connection(self, reason: str, now: float) -> None:
        self._close(reason, now)

    def note_lost_connection(self, reason: str, now: float) -> None:
        self._failures += 1
        if self._failures >= FAILURES_THAT_CLOSE or self.reason:
            self._close(reason, now)

    def note_refusal(self, reason: str, now: float) -> None:
        """The server refused for a reason that has nothing to do with the recipient."""
        self._refusals += 1
        if self._refusals >= REFUSALS_THAT_CLOSE or self.reason:
            self._refusals = 0
            self._close(reason, now)

    def _close(self, reason: str, now: float) -> None:
        if self.is_closed(now):
            return  # Several connections failed at once: that is one failure.
        self.reason = reason or "The server cannot be reached."
        self.closed_until = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self._failures = 0


class Slots:
    """Moments for messages that cannot go now, one after the other, so that a backlog returns no faster than it can leave."""

    def __init__(self) -> None:
        self._next = 0.0  # loop time

    def find_wait(self, now: float, *, earliest: float, interval: float) -> float:
        """Seconds until the next free moment that is `earliest` seconds away or more; the one after it is `interval` later.

        What would be too far away gets a random moment instead: limits may change meanwhile, so it is looked at again.
        """
        start = max(self._next, now + earliest)
        if start - now > earliest + FARTHEST_SLOT:
            return earliest + FARTHEST_SLOT * (1 + random.random())  # noqa: S311 - no secret
        self._next = start + interval
        return start - now
