"""How much memory the delivery process takes while a large campaign leaves.

    python -m benchmarks.memory [--quick] [--messages N]

The process is measured every quarter of a second. Flat means that the last third of the campaign needs no more than the second
third did, but for a tenth: what is composed, in flight and being recorded does not depend on the number of recipients.
"""

from __future__ import annotations

import argparse
import time

from benchmarks.harness import print_result, print_table, read_load, read_memory_mb, start_sink
from tests.support.delivering import Launchable, Order, Worker, Workplace, open_workplace

BUDGET_MB = 200.0
MAX_GROWTH = 1.10
MESSAGES, QUICK_MESSAGES = 1_000_000, 20_000
SAMPLE_SECONDS = 0.25


def sample_memory(place: Workplace, campaign: Launchable, worker: Worker) -> list[float]:
    """Megabytes, from the first message to the last outcome."""
    samples = []
    while not place.count(campaign).is_over:
        place.check_workers()
        samples.append(read_memory_mb(worker.pid))
        time.sleep(SAMPLE_SECONDS)
    return [*samples, read_memory_mb(worker.pid)]


def measure(messages: int) -> dict[str, object]:
    with start_sink() as sink, open_workplace() as place:
        campaign = place.prepare(Order(generate=messages, relay=(sink.host, sink.port)))
        worker = place.start_worker()
        idle = read_memory_mb(worker.pid)
        started = place.launch(campaign)
        samples = sample_memory(place, campaign, worker)
        seconds = time.monotonic() - started
        peak = read_memory_mb(worker.pid, "VmHWM")
        counts = place.count(campaign)
        worker.stop()
    if not (counts.add_up and counts.delivered == messages):
        raise SystemExit(f"The numbers are wrong: {counts}")
    third = max(1, len(samples) // 3)
    growth = max(samples[-third:]) / max(samples[third:-third] or samples[:third])
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
        "samples": len(samples),
        "messages": messages,
        "seconds": round(seconds, 1),
        "load_after": read_load(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_MESSAGES:,} messages instead of {MESSAGES:,}"
    )
    parser.add_argument("--messages", type=int, default=0)
    options = parser.parse_args()
    result = measure(options.messages or (QUICK_MESSAGES if options.quick else MESSAGES))
    print_table(
        [
            ("most", f"{result['rate']} MB (budget {BUDGET_MB:g}), {result['idle_mb']} MB before the launch"),
            ("growth", f"× {result['growth']} from the second third to the last"),
            ("campaign", f"{result['messages']:,} messages in {result['seconds']} s"),
        ]
    )
    print_result(result)


if __name__ == "__main__":
    main()
