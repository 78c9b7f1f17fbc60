"""How much memory the delivery process takes while large campaigns leave: 10 thousand, 100 thousand, a million recipients.

    python -m benchmarks.memory [--quick] [--messages N …]

One worker sends one campaign after the other and is measured every quarter of a second. Flat means that a campaign of a hundred
times the size needs no more than a tenth more memory: what is composed, in flight and being recorded does not depend on the
number of recipients.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass

from benchmarks.harness import print_result, print_table, read_load, read_memory_mb, start_sink
from tests.support.delivering import Launchable, Order, Worker, Workplace, open_workplace

BUDGET_MB = 200.0
MAX_GROWTH = 1.10
SIZES, QUICK_SIZES = (10_000, 100_000, 1_000_000), (2_000, 20_000)
SAMPLE_SECONDS = 0.25


@dataclass(frozen=True)
class Remembered:
    """One campaign: the most that the worker held, and what it holds afterwards."""

    recipients: int
    most_mb: float
    after_mb: float
    seconds: float


def send(place: Workplace, campaign: Launchable, worker: Worker, *, messages: int) -> Remembered:
    """From the launch to the last outcome. A wrong count ends the benchmark."""
    started = place.launch(campaign)
    most = read_memory_mb(worker.pid)
    while not place.count(campaign).is_over:
        place.check_workers()
        most = max(most, read_memory_mb(worker.pid))
        time.sleep(SAMPLE_SECONDS)
    counts = place.count(campaign)
    if not (counts.add_up and counts.delivered == messages):
        raise SystemExit(f"The numbers are wrong: {counts}")
    after = read_memory_mb(worker.pid)
    return Remembered(messages, round(max(most, after), 1), round(after, 1), time.monotonic() - started)


def measure(sizes: list[int]) -> dict[str, object]:
    with start_sink() as sink, open_workplace() as place:
        campaigns = place.prepare_all([Order(generate=size, relay=(sink.host, sink.port)) for size in sizes])
        with place.start_worker() as worker:
            idle = read_memory_mb(worker.pid)
            sent = [
                send(place, campaign, worker, messages=size)
                for size, campaign in zip(sizes, campaigns, strict=True)
            ]
            peak = read_memory_mb(worker.pid, "VmHWM")
    growth = sent[-1].most_mb / sent[0].most_mb
    return {
        "name": "memory",
        "rate": round(peak, 1),
        "unit": "MB",
        "reference": f"{BUDGET_MB:g} MB",
        "ratio": round(BUDGET_MB / peak, 2),
        "budget": 1.0,
        "holds": peak <= BUDGET_MB and growth <= MAX_GROWTH,
        "idle_mb": round(idle, 1),
        "growth": round(growth, 3),
        "campaigns": [asdict(one) | {"seconds": round(one.seconds, 1)} for one in sent],
        "load_after": read_load(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="two small campaigns")
    parser.add_argument("--messages", type=int, nargs="+", default=[], help="recipients of each campaign")
    options = parser.parse_args()
    result = measure(options.messages or list(QUICK_SIZES if options.quick else SIZES))
    campaigns = result["campaigns"]
    assert isinstance(campaigns, list)
    rows = [
        (f"{one['recipients']:,}", f"{one['most_mb']} MB at most, {one['seconds']} s") for one in campaigns
    ]
    print_table(
        [
            ("before", f"{result['idle_mb']} MB"),
            *rows,
            ("peak", f"{result['rate']} MB (budget {BUDGET_MB:g})"),
            (
                "growth",
                f"× {result['growth']} from the smallest campaign to the largest (at most {MAX_GROWTH:g})",
            ),
        ]
    )
    print_result(result)


if __name__ == "__main__":
    main()
