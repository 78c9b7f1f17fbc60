"""Ten accounts of very different size launch at once and share one worker: when is each of them done?

    python -m benchmarks.fairness [--quick]

If all accounts that still have mail got the same share of the worker at every moment, an account would be done when
`sum(min(its size, each size))` messages have left. That is its fair time, at the rate that the run itself had; printed beside
it: when it really was done, and when it would have been in order of launch (the largest launches first).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from benchmarks.harness import print_result, print_table, read_load
from benchmarks.verdicts import read_states, wait_until_settled
from benchmarks.watched_sink import Witness, start_watched_sink
from tests.support.delivering import Launchable, Order, Workplace, open_workplace

SIZES = (60_000, 30_000, 15_000, 8_000, 4_000, 2_000, 1_000, 500, 200, 100)
QUICK_DIVISOR = 5
BUDGET = 2.0  # times its fair time …
SLACK_SECONDS = 1.0  # … and this: chunks are whole, and a launch is noticed within a second at the latest


@dataclass(frozen=True)
class Share:
    """One account. Seconds since its launch."""

    size: int
    done: float
    fair: float
    in_order: float

    @property
    def is_fair(self) -> bool:
        return self.done <= BUDGET * self.fair + SLACK_SECONDS


def find_shares(sizes: Sequence[int], done: Sequence[float]) -> list[Share]:
    """Both in the order of launch."""
    rate = sum(sizes) / max(done)
    return [
        Share(
            size,
            at,
            sum(min(size, other) for other in sizes) / rate,
            sum(sizes[: number + 1]) / rate,
        )
        for number, (size, at) in enumerate(zip(sizes, done, strict=True))
    ]


def measure(sizes: Sequence[int]) -> list[Share]:
    with open_workplace() as place, start_watched_sink(place.home) as sink:
        campaigns = place.prepare_all([Order(generate=size, relay=sink.address) for size in sizes])
        with place.start_worker():
            place.launch(*campaigns)
            wait_until_settled(place, campaigns, sink)
            sink.read()
        return find_shares(sizes, [find_seconds(place, sink, campaign) for campaign in campaigns])


def find_seconds(place: Workplace, sink: Witness, campaign: Launchable) -> float:
    """From its launch until its last message arrived; both on the wall clock."""
    statement = "SELECT extract(epoch FROM launched_at)::float FROM campaign WHERE uid = %s"
    launched_at = place.fetch(statement, [campaign.source_id])[0][0]
    ids: set[UUID] = set(read_states(place, campaign))
    return max(sink.arrived_at[one] for one in ids) - float(launched_at)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"accounts {QUICK_DIVISOR} times smaller")
    options = parser.parse_args()
    sizes = [size // QUICK_DIVISOR for size in SIZES] if options.quick else list(SIZES)
    shares = measure(sizes)
    worst = max(share.done / (share.fair + SLACK_SECONDS) for share in shares)
    print_table(
        [
            (
                f"{share.size:,}",
                f"done after {share.done:.1f} s; fair {share.fair:.1f} s, in order of launch {share.in_order:.1f} s",
            )
            for share in shares
        ]
    )
    print_result(
        {
            "name": "fairness",
            "rate": round(worst, 2),
            "unit": "× the fair time, at worst",
            "reference": f"{BUDGET:g} × the fair time and {SLACK_SECONDS:g} s",
            "ratio": round(BUDGET / worst, 2),
            "budget": 1.0,
            "holds": all(share.is_fair for share in shares),
            "accounts": [
                {
                    "size": share.size,
                    "done": round(share.done, 2),
                    "fair": round(share.fair, 2),
                    "in_order": round(share.in_order, 2),
                }
                for share in shares
            ],
            "load": read_load(),
        }
    )


if __name__ == "__main__":
    main()
