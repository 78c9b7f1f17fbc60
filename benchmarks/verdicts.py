"""What a drill is judged by: every recipient of every campaign is looked for in the message log and at the sink."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from uuid import UUID

import psycopg

from benchmarks.watched_sink import Witness
from tests.support.delivering import Counts, Launchable, Workplace

SETTLE_SECONDS = 900.0  # patience, not a measurement
LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Verdict:
    """How a drill ended. `lost`: neither at the sink nor labeled; `doubled`: at the sink twice without having been labeled."""

    drill: str
    recipients: int
    kills: int
    lost: int
    doubled: int
    in_doubt: int
    in_flight: int | None
    adds_up: bool
    seconds: float
    remark: str = ""
    labeled: frozenset[UUID] = field(default_factory=frozenset)

    @property
    def holds(self) -> bool:
        is_bounded = self.in_flight is None or self.in_doubt <= self.in_flight
        return self.adds_up and is_bounded and not self.lost and not self.doubled

    def describe(self) -> dict[str, object]:
        plain = {name: value for name, value in asdict(self).items() if name != "labeled"}
        return plain | {"holds": self.holds, "seconds": round(self.seconds, 1)}


def judge(
    drill: str,
    place: Workplace,
    campaigns: Sequence[Launchable],
    witness: Witness,
    *,
    kills: int = 0,
    in_flight: int | None = None,
    labeled: frozenset[UUID] = frozenset(),
    seconds: float = 0.0,
    remark: str = "",
) -> Verdict:
    """Compare message log, counters and sink. `labeled`: those whom an earlier verdict found in doubt and somebody decided about."""
    witness.read()
    states: dict[UUID, str] = {}
    frozen, adds_up = 0, True
    for campaign in campaigns:
        counts, logged = place.count(campaign), read_states(place, campaign)
        frozen += counts.frozen
        adds_up = adds_up and counts.add_up and agrees(counts, logged)
        states |= logged
    in_doubt = frozenset(one for one, state in states.items() if state == "unknown")
    delivered = {one for one, state in states.items() if state == "delivered"}
    missing = frozen - len(states)
    never_arrived = sum(one not in witness.arrivals for one in delivered)
    doubled = sum(
        times > 1 and one in states and one not in in_doubt | labeled
        for one, times in witness.arrivals.items()
    )
    return Verdict(
        drill=drill,
        recipients=frozen,
        kills=kills,
        lost=missing + never_arrived,
        doubled=doubled,
        in_doubt=len(in_doubt),
        in_flight=in_flight,
        adds_up=adds_up,
        seconds=seconds,
        remark=remark,
        labeled=in_doubt,
    )


def read_states(place: Workplace, campaign: Launchable) -> dict[UUID, str]:
    statement = "SELECT id, state FROM message WHERE account_id = %s AND source_id = %s"
    return dict(place.fetch(statement, [campaign.account_id, campaign.source_id]))


def agrees(counts: Counts, logged: dict[UUID, str]) -> bool:
    """Counters and log, class by class."""
    states = list(logged.values())
    return all(
        getattr(counts, name) == states.count(name)
        for name in ("delivered", "bounced", "suppressed", "expired", "unknown")
    )


def wait_until_settled(place: Workplace, campaigns: Sequence[Launchable], witness: Witness) -> None:
    """Until each recipient has a final outcome. Retries are hurried: waiting minutes for each would prove no more."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        with suppress(psycopg.OperationalError):
            counts = [place.count(campaign) for campaign in campaigns]
            if all(one.is_over for one in counts):
                return
            if any(one.deferred for one in counts) and not any(one.remaining for one in counts):
                place.hurry()
        witness.read()
        time.sleep(LOOK_SECONDS)
    raise SystemExit(f"Not settled after {SETTLE_SECONDS:g} s: {counts}")


HEAD = (
    "drill",
    "recipients",
    "kills",
    "lost",
    "twice",
    "in doubt",
    "in flight then",
    "numbers add up",
    "seconds",
)


def print_verdicts(verdicts: Sequence[Verdict]) -> str:
    """The Markdown table; also returned."""
    rows = [HEAD, tuple("---" for _ in HEAD)]
    rows += [
        (
            verdict.drill + (f" ({verdict.remark})" if verdict.remark else ""),
            f"{verdict.recipients:,}",
            str(verdict.kills or "–"),
            str(verdict.lost),
            str(verdict.doubled),
            str(verdict.in_doubt),
            "–" if verdict.in_flight is None else str(verdict.in_flight),
            "yes" if verdict.adds_up else "NO",
            f"{verdict.seconds:.0f}",
        )
        for verdict in verdicts
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
    print(table)
    return table
