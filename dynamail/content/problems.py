"""What is wrong with an email's content, said so that its author can repair it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"  # cannot be sent
    WARNING = "warning"  # can be sent, probably should not
    NOTE = "note"  # worth knowing


class Where(StrEnum):
    """The field of the email that a problem is in."""

    SUBJECT = "subject"
    PREHEADER = "preheader"
    BODY = "body"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to repair. `line` and `column` count from 1; 0 means that the problem has no single place."""

    code: str
    line: int
    column: int
    sentence: str
    suggestion: str = ""
    severity: Severity = Severity.ERROR
    where: Where = Where.BODY

    def __str__(self) -> str:
        place = f"{self.where}:{self.line}:{self.column}: " if self.line else f"{self.where}: "
        return place + self.sentence + (f" {self.suggestion}" if self.suggestion else "")


class ContentError(ValueError):
    """The content cannot be used. `problems` says why; at least one of them is an error."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Positions:
    """Line and column (from 1) of an offset in a source."""

    def __init__(self, source: str) -> None:
        self._ends = [0]
        start = 0
        while (found := source.find("\n", start)) >= 0:
            start = found + 1
            self._ends.append(start)

    def at(self, offset: int) -> tuple[int, int]:
        low, high = 0, len(self._ends)
        while high - low > 1:
            middle = (low + high) // 2
            if self._ends[middle] <= offset:
                low = middle
            else:
                high = middle
        return low + 1, offset - self._ends[low] + 1


def errors_of(problems: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity is Severity.ERROR]


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.7) -> str | None:
    """The known word that the author probably meant."""
    matches = difflib.get_close_matches(word[:60], list(known), n=1, cutoff=cutoff)
    return matches[0] if matches else None
