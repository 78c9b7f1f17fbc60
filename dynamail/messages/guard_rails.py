"""When a campaign must stop by itself: too many addresses that do not exist, or too many people who call it spam.

Pure: the workers ask it about running campaigns, the pages about any. Mailbox providers judge a sender by exactly these two rates;
0.3 % of complaints is where Gmail and Yahoo begin to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    STOP = "stop"


class Cause(StrEnum):
    BOUNCES = "bounces"
    COMPLAINTS = "complaints"


@dataclass(frozen=True, slots=True)
class Limit:
    """Shares from which to warn and to stop, and what must have happened before a share means anything."""

    warn: float
    stop: float
    least_volume: int
    least_count: int


LIMITS = {
    Cause.COMPLAINTS: Limit(warn=0.001, stop=0.003, least_volume=1_000, least_count=3),
    Cause.BOUNCES: Limit(warn=0.02, stop=0.05, least_volume=200, least_count=10),
}


@dataclass(frozen=True, slots=True)
class Tally:
    """What has happened to a campaign so far, or since a member resumed it."""

    attempted: int = 0  # delivered or bounced
    delivered: int = 0
    hard: int = 0  # bounces that say that the address does not exist, at once or later
    complained: int = 0

    def since(self, baseline: Tally) -> Tally:
        values = {one.name: getattr(self, one.name) - getattr(baseline, one.name) for one in fields(self)}
        return Tally(**values)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do, and the figures behind it. `cause` is empty when all is well."""

    level: Level
    cause: str = ""
    count: int = 0
    of: int = 0

    @property
    def share(self) -> float:
        return self.count / self.of if self.of else 0.0


WELL = Verdict(Level.OK)


def make_tally(counts: Mapping[str, int]) -> Tally:
    """From a source's counters by kind. A message that came back later was delivered first: it is attempted once."""
    delivered = counts.get("delivered", 0)
    return Tally(
        attempted=delivered + counts.get("bounced", 0),
        delivered=delivered,
        hard=counts.get("hard_bounced", 0) + counts.get("returned_hard", 0),
        complained=counts.get("complained", 0),
    )


def judge(tally: Tally) -> Verdict:
    """The gravest of what the two rates say."""
    verdicts = [
        _judge_share(Cause.COMPLAINTS, tally.complained, tally.delivered),
        _judge_share(Cause.BOUNCES, tally.hard, tally.attempted),
    ]
    return max(verdicts, key=lambda verdict: list(Level).index(verdict.level))


def _judge_share(cause: Cause, count: int, of: int) -> Verdict:
    limit = LIMITS[cause]
    if of < limit.least_volume or count < limit.least_count:
        return WELL
    share = count / of
    if share >= limit.stop:
        return Verdict(Level.STOP, cause, count, of)
    return Verdict(Level.WARN, cause, count, of) if share >= limit.warn else WELL
