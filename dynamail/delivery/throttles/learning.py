"""What replies teach about one destination: how much of its rate and connections to use, or to leave it alone for a while.

1. A reply that means "too much" halves the factor; replies to what was already under way teach nothing new.
2. When little is left to halve, or too many such replies come in a row, the destination is closed: a minute, then two, up to half an hour.
3. A reply that says how long, or that we are blocked, closes it for so long.
4. Messages that are accepted raise the factor again, one connection more for each cohort of them, not more often than every ten seconds
   (Postfix, SCHEDULER_README: less-than-1 feedback).

Pure: no clock, no database. Times are the event loop's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

SMALLEST_FACTOR = 0.1
CUT_PAUSE = 2.0  # seconds; replies in this time after a cut belong to what was sent before it
REFUSALS_THAT_CLOSE = 20  # "too much" in a row without one message accepted
BLOCKS_THAT_CLOSE = 3  # "you are blocked" in a row, so that one odd reply stops nobody
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 1_800.0  # seconds closed; doubles each time
BLOCKED_PAUSE = 7_200.0
LONGEST_TRUSTED = 86_400.0  # what another worker's clock may say
RAISE_PAUSE = 10.0
SMALLEST_RAISE = 0.05
MAX_REASON = 500


class Change(Enum):
    """What is to be shared."""

    WORSE = "worse"
    BETTER = "better"


@dataclass(frozen=True, slots=True)
class LearnedRow:
    """A row of destination_state."""

    until: datetime | None
    factor: float
    reason: str
    changed_at: datetime


class Learned:
    """See the module. One for each destination of a transport; `change` is what other workers do not know yet."""

    __slots__ = (
        "_accepted",
        "_blocks",
        "_changed_at",
        "_pause",
        "_refusals",
        "change",
        "closed_until",
        "factor",
        "known_at",
        "reason",
    )

    def __init__(self) -> None:
        self.factor = 1.0
        self.closed_until = 0.0
        self.reason = ""
        self.change: Change | None = None
        self.known_at: datetime | None = None  # of the row that was read last
        self._pause = FIRST_PAUSE
        self._refusals = self._blocks = self._accepted = 0
        self._changed_at = float("-inf")

    @property
    def is_calm(self) -> bool:
        """Nothing to recover from, and no bad reply since the last good one."""
        return self.factor >= 1 and not self._refusals and not self._blocks

    # --- replies -------------------------------------------------------------------------------------------------------

    def note_accepted(self, now: float, *, cohort: int) -> None:
        """One message was accepted. `cohort`: connections that all workers may have now."""
        self._refusals = self._blocks = 0
        if self.factor >= 1 or now < self.closed_until:
            return
        self._accepted += 1
        if self._accepted >= cohort and now - self._changed_at >= RAISE_PAUSE:
            self._raise(now, cohort)

    def note_too_much(self, reason: str, now: float) -> None:
        if now < self.closed_until:
            return
        self._refusals += 1
        if self._refusals >= REFUSALS_THAT_CLOSE:
            self.close(reason, now, seconds=0)
        elif now - self._changed_at >= CUT_PAUSE:
            self._cut(reason, now)

    def note_block(self, reason: str, now: float) -> None:
        if now < self.closed_until:
            return
        self._blocks += 1
        if self._blocks >= BLOCKS_THAT_CLOSE:
            self.close(reason, now, seconds=BLOCKED_PAUSE)

    def close(self, reason: str, now: float, *, seconds: float) -> None:
        """Send nothing for `seconds`; 0: for the next pause in turn."""
        if not seconds:
            seconds, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        if now + seconds <= self.closed_until:
            return
        self.closed_until = now + seconds
        self.factor = min(self.factor, SMALLEST_FACTOR)
        self._refusals = self._blocks = 0
        self._worsen(reason, now)

    def _cut(self, reason: str, now: float) -> None:
        if self.factor <= SMALLEST_FACTOR:
            self.close(reason, now, seconds=0)
            return
        self.factor = max(SMALLEST_FACTOR, self.factor / 2)
        self._worsen(reason, now)

    def _worsen(self, reason: str, now: float) -> None:
        self.reason = reason[:MAX_REASON]
        self._changed_at, self._accepted = now, 0
        self.change = Change.WORSE

    def _raise(self, now: float, cohort: int) -> None:
        step = max(SMALLEST_RAISE, self.factor / cohort)  # one connection of as many as there are
        self.factor = min(1.0, self.factor + step)
        self._changed_at, self._accepted = now, 0
        self.change = self.change or Change.BETTER
        if self.factor >= 1:
            self.reason, self.closed_until, self._pause = "", 0.0, FIRST_PAUSE

    # --- other workers -------------------------------------------------------------------------------------------------

    def adopt(self, row: LearnedRow | None, now: float, clock: datetime) -> None:
        """Take over what is stored. None: nothing is, or somebody told us to try again now."""
        if row is None:
            if self.known_at is not None and self.change is None:
                self._forget()
            return
        if row.changed_at == self.known_at:
            return
        self.known_at = row.changed_at
        if self.change is Change.WORSE:
            return  # ours is newer and is shared next
        self.change = None
        self.factor, self.reason = row.factor, row.reason
        self._changed_at, self._accepted = now, 0
        self._adopt_end(row, now, clock)

    def as_row(self, now: float, clock: datetime) -> LearnedRow:
        until = clock + timedelta(seconds=self.closed_until - now) if self.closed_until > now else None
        return LearnedRow(until, self.factor, self.reason, clock)

    def _adopt_end(self, row: LearnedRow, now: float, clock: datetime) -> None:
        if row.until is None or row.until <= clock:
            self.closed_until = 0.0
            return
        self.closed_until = now + min((row.until - clock).total_seconds(), LONGEST_TRUSTED)
        pause = (row.until - row.changed_at).total_seconds()
        self._pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * pause))

    def _forget(self) -> None:
        self.factor, self.closed_until, self.reason, self.known_at = 1.0, 0.0, "", None
        self._pause = FIRST_PAUSE
        self._refusals = self._blocks = self._accepted = 0
