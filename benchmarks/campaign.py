"""How fast a campaign leaves, compared with the C program smtp-source on the same machine in the same run.

    python -m benchmarks.campaign [--quick] [--processes N] [--messages N]

Contacts in PostgreSQL → about 10 KB rendered with 5 slots and 8 tracked links → smtp-sink; all outcomes recorded. Real `dynamail
deliver` processes on a database of its own (on the server of DATABASE_URL, else an embedded one). The clock runs from the commit
of the launch until the last outcome is recorded; the workers are up and idle before. A large `waiting_share` means that the
machine was busy with something else: then the ratio says little, and the CPU time a message is the figure to look at.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

from benchmarks.harness import (
    Sink,
    count_spent,
    print_result,
    print_table,
    read_cpu_seconds,
    read_load,
    read_memory_mb,
    read_waiting_seconds,
    run_smtp_source,
    start_sink,
)
from tests.support.delivering import Counts, Launchable, Order, Worker, Workplace, open_workplace

BUDGET = 0.6  # of the rate of smtp-source
MESSAGES, QUICK_MESSAGES = 100_000, 10_000
MESSAGE_BYTES = 10_240
LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Measured:
    """One campaign."""

    counts: Counts
    seconds: float
    worker_cpu_seconds: float
    postgres_cpu_seconds: float
    peak_rss_mb: float
    waiting_share: float

    @property
    def rate(self) -> float:
        return self.counts.frozen / self.seconds

    def microseconds(self, seconds: float) -> float:
        return round(seconds / self.counts.frozen * 1e6, 1)


def send_campaign(place: Workplace, sink: Sink, *, messages: int, processes: int) -> Measured:
    """Prepare, launch, wait for the last outcome."""
    campaign = place.prepare(Order(generate=messages, relay=(sink.host, sink.port)))
    workers = [place.start_worker() for _ in range(processes)]
    pids = [worker.pid for worker in workers]
    workers_before, postgres_before = read_cpu_seconds(pids), read_cpu_seconds(list_backends(place))
    waited_before = sum(map(read_waiting_seconds, pids))
    started = place.launch(campaign)
    ended = wait_for_last(place, campaign)
    measured = Measured(
        place.count(campaign),
        ended - started,
        count_spent(workers_before, read_cpu_seconds(pids)),
        count_spent(postgres_before, read_cpu_seconds(list_backends(place))),
        max(read_memory_mb(pid, "VmHWM") for pid in pids),
        (sum(map(read_waiting_seconds, pids)) - waited_before) / (ended - started) / processes,
    )
    check(measured.counts, messages, workers)
    return measured


def list_backends(place: Workplace) -> list[int]:
    return [
        row[0] for row in place.fetch("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    ]


def wait_for_last(place: Workplace, campaign: Launchable) -> float:
    """The moment when nothing is left to be sent or tried again."""
    statement = (
        "SELECT NOT EXISTS (SELECT FROM chunk WHERE account_id = %(account)s AND source_id = %(source)s AND state <> 3)"
        " AND NOT EXISTS (SELECT FROM outbox WHERE account_id = %(account)s AND source_id = %(source)s)"
    )
    parameters = {"account": campaign.account_id, "source": campaign.source_id}
    while not place.fetch(statement, parameters)[0][0]:
        place.check_workers()
        time.sleep(LOOK_SECONDS)
    return time.monotonic()


def check(counts: Counts, messages: int, workers: list[Worker]) -> None:
    """A fast wrong answer is no answer."""
    if not (counts.add_up and counts.frozen == counts.delivered == messages):
        raise SystemExit(f"The numbers are wrong: {counts}")
    for worker in workers:
        worker.stop()


def measure(messages: int, processes: int) -> dict[str, object]:
    load = read_load()
    with start_sink() as sink, open_workplace() as place:
        before = run_smtp_source(sink, count=messages, size=MESSAGE_BYTES)
        ours = send_campaign(place, sink, messages=messages, processes=processes)
        after = run_smtp_source(sink, count=messages, size=MESSAGE_BYTES)
    reference = (before + after) / 2 if before and after else None
    ratio = round(ours.rate / reference, 3) if reference else None
    return {
        "name": "campaign",
        "rate": round(ours.rate),
        "unit": "messages/s",
        "reference": round(reference) if reference else None,
        "ratio": ratio,
        "budget": BUDGET,
        "holds": ratio is not None and ratio >= BUDGET,
        "cpu_us_worker": ours.microseconds(ours.worker_cpu_seconds),
        "cpu_us_postgres": ours.microseconds(ours.postgres_cpu_seconds),
        "peak_rss_mb": round(ours.peak_rss_mb, 1),
        "waiting_share": round(ours.waiting_share, 2),
        "processes": processes,
        "messages": messages,
        "seconds": round(ours.seconds, 2),
        "sink": sink.name,
        "load_before": load,
        "load_after": read_load(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_MESSAGES:,} messages instead of {MESSAGES:,}"
    )
    parser.add_argument("--processes", type=int, default=1, help="deliver processes")
    parser.add_argument("--messages", type=int, default=0)
    options = parser.parse_args()
    messages = options.messages or (QUICK_MESSAGES if options.quick else MESSAGES)
    result = measure(messages, options.processes)
    print_table(
        [
            ("campaign", f"{result['rate']:,} messages/s, {result['messages']:,} in {result['seconds']} s"),
            (
                "smtp-source",
                f"{result['reference']:,} messages/s" if result["reference"] else "not installed",
            ),
            ("ratio", f"{result['ratio']} (budget {BUDGET})"),
            ("worker", f"{result['cpu_us_worker']} µs CPU a message, {result['peak_rss_mb']} MB at most"),
            ("PostgreSQL", f"{result['cpu_us_postgres']} µs CPU a message in the workers' backends"),
            ("waiting", f"{result['waiting_share']:.0%} of the time a worker was ready and had no core"),
            ("machine", f"load {result['load_before']} before, {result['load_after']} after"),
        ]
    )
    print_result(result)


if __name__ == "__main__":
    main()
