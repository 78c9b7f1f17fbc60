"""The window of one chunk: which recipients are recorded, which are declared, which are due. No I/O, no clock.

    0 ………… done ………… started ………… size
    recorded │ declared: may be on the wire │ untouched

Outcomes arrive in any order; only the unbroken stretch behind `done` is recorded, so that position and log always agree.
"""

from __future__ import annotations

from dynamail.delivery.records import RETURNED, Result

WORTH = (
    0.8  # share of a window: a commit costs the same for few and for many, and another chunk sends meanwhile
)


FIRST_WIDTH = 50
QUICK_SECONDS, SLOW_SECONDS = 0.1, 1.0


class Width:
    """How many recipients an account's chunks declare at once.

    It doubles while a whole window is settled within a tenth of a second: then most of a commit's cost is the commit itself. It
    shrinks where servers are slow: what is declared and not recorded is in doubt when the machine loses power.
    """

    def __init__(self, most: int) -> None:
        self._first = self.now = min(FIRST_WIDTH, most)
        self._most = most

    def note_commit(self, recorded: int, seconds: float) -> None:
        """So many were recorded, so long after the commit before."""
        if seconds > SLOW_SECONDS:
            self.now = max(self._first, self.now // 2)
        elif seconds < QUICK_SECONDS and recorded >= self.now * WORTH:
            self.now = min(self.now * 2, self._most)


class Window:
    """`width` is how many recipients may be declared at once; it may change between commits."""

    def __init__(self, *, size: int, done: int, width: int) -> None:
        self.size = size
        self.done = done
        self.started = done
        self.width = width
        self._due = done  # where the unbroken stretch ends
        self._results: dict[int, Result] = {}

    def take(self, position: int, result: Result) -> None:
        """Called once for each declared position."""
        self._results[position] = result
        while self._due in self._results:
            self._due += 1

    @property
    def outstanding(self) -> int:
        """Declared and without a result."""
        return self.started - self.done - len(self._results)

    @property
    def has_due(self) -> bool:
        return self._due > self.done

    @property
    def is_worth_committing(self) -> bool:
        """Most of a window is due, or nothing else can happen before a commit."""
        return self._due - self.done >= self.width * WORTH or self.outstanding == 0

    @property
    def is_finished(self) -> bool:
        return self.done == self.size

    def find_due(self) -> list[tuple[int, Result]]:
        """The unbroken stretch of results behind `done`."""
        return [(position, self._results[position]) for position in range(self.done, self._due)]

    def next_started(self, done: int) -> int:
        """How far may be declared when `done` is recorded."""
        return max(self.started, min(done + self.width, self.size))

    def advance(self, done: int, started: int) -> None:
        """The commit went through."""
        for position in range(self.done, done):
            del self._results[position]
        self.done, self.started = done, started

    def find_ending(self) -> tuple[list[tuple[int, Result]], int]:
        """When everything declared has a result and nothing new may begin: what to record, and where the next owner begins.

        Those at the end who came back untouched are as if never declared.
        """
        end = self.started
        while end > self.done and self._results[end - 1].state == RETURNED:
            end -= 1
        return [(position, self._results[position]) for position in range(self.done, end)], end
