"""How fast and whether at all: the rate of a way out, and the pause after failures."""

from __future__ import annotations

BURST_SECONDS = 1.0
FIRST_PAUSE, LONGEST_PAUSE = (
    1.0,
    60.0,
)  # seconds that a way out stays closed after a failure; doubles each time
FAILURES_THAT_CLOSE = 3  # lost connections in a row without one message accepted
REFUSALS_THAT_CLOSE = 20  # messages in a row refused for reasons that the next one will meet too


class Pace:
    """A token bucket. `rate` None: as fast as it goes."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._tokens = 1.0
        self._at = 0.0

    def set_rate(self, rate: float | None) -> None:
        self._rate = rate

    def take(self, now: float) -> bool:
        """Take one token if there is one."""
        if self._rate is None:
            return True
        self._refill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def seconds_to_wait(self, now: float) -> float:
        if self._rate is None:
            return 0.0
        self._refill(now)
        return max(0.0, (1 - self._tokens) / self._rate)

    def _refill(self, now: float) -> None:
        assert self._rate is not None  # noqa: S101 - both callers have looked
        if self._at:
            most = max(1.0, self._rate * BURST_SECONDS)
            self._tokens = min(most, self._tokens + (now - self._at) * self._rate)
        self._at = now


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
        self.reason = reason or "The server cannot be reached."
        self.closed_until = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self._failures = 0
