"""How fast a campaign leaves, compared with the C program smtp-source on the same machine in the same run.

    python -m benchmarks.campaign [--quick] [--processes 1 2] [--dkim no yes] [--sizes 10 100] [--messages N] [--profile]

Contacts in PostgreSQL → rendered with 5 slots and 8 tracked links → smtp-sink; all outcomes recorded. Real `dynamail deliver`
processes on a database of its own (on the server of DATABASE_URL, else an embedded one). One case for each combination of
processes, signing (RSA-2048 and Ed25519, both) and size. The clock runs from the commit of the launch until the last outcome is
recorded; the workers are up and idle before. smtp-source sends messages of the same size right after, and the unsigned budget is
a share of its rate. A signed case is also held against what the cores can sign at all.

A large `waiting_share` means that the machine was busy with something else: then the ratio says little, and the CPU time a
message is the figure to look at. --profile adds where the worker's CPU time goes (`benchmarks/profiled_worker.py`).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from statistics import mean

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
from benchmarks.profiled_worker import Profile, read_profile, start_profiled_worker
from tests.support.delivering import Counts, Launchable, Order, Worker, Workplace, open_workplace

BUDGET = 0.6  # of the rate of smtp-source; signed: of the signatures that all cores together make
MESSAGES = {10: 40_000, 100: 6_000}  # by kilobytes
QUICK_MESSAGES = {10: 6_000, 100: 1_000}
SIGNED_SHARE = 2  # a signed case sends so much less
LOOK_SECONDS = 0.02
SIGNATURE_SECONDS = 0.5


@dataclass(frozen=True)
class Case:
    """One combination."""

    processes: int
    dkim: bool
    kilobytes: int

    @property
    def label(self) -> str:
        workers = "1 process" if self.processes == 1 else f"{self.processes} processes"
        return f"{workers}, {self.kilobytes} KB, {'signed' if self.dkim else 'unsigned'}"


@dataclass(frozen=True)
class Measured:
    """One campaign. `size` is the mean of its messages in octets on the wire."""

    case: Case
    counts: Counts
    seconds: float
    size: int
    worker_cpu_seconds: float
    postgres_cpu_seconds: float
    peak_rss_mb: float
    waiting_share: float
    reference: float | None  # messages a second of smtp-source at this size

    @property
    def rate(self) -> float:
        return self.counts.frozen / self.seconds

    @property
    def ratio(self) -> float | None:
        return round(self.rate / self.reference, 3) if self.reference else None

    def describe(self, *, signatures: float) -> dict[str, object]:
        count = self.counts.frozen
        limit = signatures * (os.cpu_count() or 1)
        signed_ratio = round(self.rate / limit, 3) if self.case.dkim else None
        held = signed_ratio if self.case.dkim else self.ratio
        return {
            **asdict(self.case),
            "rate": round(self.rate),
            "reference": round(self.reference) if self.reference else None,
            "ratio": self.ratio,
            "signing_ratio": signed_ratio,
            "holds": held is not None and held >= BUDGET,
            "cpu_us_worker": round(self.worker_cpu_seconds / count * 1e6, 1),
            "cpu_us_postgres": round(self.postgres_cpu_seconds / count * 1e6, 1),
            "waiting_share": round(self.waiting_share, 2),
            "peak_rss_mb": round(self.peak_rss_mb, 1),
            "bytes": self.size,
            "messages": count,
            "seconds": round(self.seconds, 2),
        }


def run_case(place: Workplace, sink: Sink, case: Case, *, messages: int) -> Measured:
    """Prepare, launch, wait for the last outcome, then let smtp-source do the same."""
    campaign = place.prepare(make_order(sink, case, messages))
    workers = [place.start_worker() for _ in range(case.processes)]
    pids = [worker.pid for worker in workers]
    workers_before, postgres_before = read_cpu_seconds(pids), read_cpu_seconds(list_backends(place))
    waited_before = sum(map(read_waiting_seconds, pids))
    started = place.launch(campaign)
    seconds = wait_for_last(place, campaign) - started
    waited = sum(map(read_waiting_seconds, pids)) - waited_before
    worker_cpu = count_spent(workers_before, read_cpu_seconds(pids))
    postgres_cpu = count_spent(postgres_before, read_cpu_seconds(list_backends(place)))
    peak = max(read_memory_mb(pid, "VmHWM") for pid in pids)
    counts, size = place.count(campaign), read_size(place, campaign)
    check(counts, messages, workers)
    return Measured(
        case=case,
        counts=counts,
        seconds=seconds,
        size=size,
        worker_cpu_seconds=worker_cpu,
        postgres_cpu_seconds=postgres_cpu,
        peak_rss_mb=peak,
        waiting_share=waited / seconds / case.processes,
        reference=run_smtp_source(sink, count=messages, size=size),
    )


def make_order(sink: Sink, case: Case, messages: int) -> Order:
    relay = (sink.host, sink.port)
    return Order(generate=messages, relay=relay, kilobytes=case.kilobytes, signed=case.dkim)


def list_backends(place: Workplace) -> list[int]:
    return [
        row[0] for row in place.fetch("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    ]


def read_size(place: Workplace, campaign: Launchable) -> int:
    statement = "SELECT avg(size_bytes)::int FROM message WHERE account_id = %s AND source_id = %s"
    return int(place.fetch(statement, [campaign.account_id, campaign.source_id])[0][0])


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


def check(counts: Counts, messages: int, workers: Sequence[Worker]) -> None:
    """A fast wrong answer is no answer."""
    if not (counts.add_up and counts.frozen == counts.delivered == messages):
        raise SystemExit(f"The numbers are wrong: {counts}")
    for worker in workers:
        worker.stop()


def profile_case(place: Workplace, sink: Sink, *, messages: int, dkim: bool) -> Profile:
    """One process whose CPU time is sampled while it sends."""
    campaign = place.prepare(make_order(sink, Case(1, dkim, 10), messages))
    worker = start_profiled_worker(place)
    place.launch(campaign)
    wait_for_last(place, campaign)
    check(place.count(campaign), messages, [worker])
    return read_profile(place, messages=messages)


def measure_signatures() -> float:
    """RSA-2048 signatures a second on one core: nobody can sign faster than that times the cores."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = rsa.generate_private_key(65537, 2048)
    count, started = 0, time.process_time()
    while time.process_time() - started < SIGNATURE_SECONDS:
        key.sign(b"x" * 500, padding.PKCS1v15(), hashes.SHA256())
        count += 1
    return count / (time.process_time() - started)


def level_references(cases: list[Measured]) -> Iterator[Measured]:
    """One reference for each size, the mean of its runs: the cases of a size are compared with the same figure."""
    for one in cases:
        rates = [other.reference for other in cases if other.case.kilobytes == one.case.kilobytes]
        known = [rate for rate in rates if rate]
        values = {name: getattr(one, name) for name in one.__dataclass_fields__}
        yield Measured(**values | {"reference": mean(known) if known else None})


def find_gains(cases: Sequence[Measured]) -> dict[str, float]:
    """How much the second process raises the rate, by kind of message."""
    rates = {(one.case.dkim, one.case.kilobytes, one.case.processes): one.rate for one in cases}
    return {
        f"{kilobytes} KB {'signed' if dkim else 'unsigned'}": round(rate / rates[dkim, kilobytes, 1] - 1, 2)
        for (dkim, kilobytes, processes), rate in rates.items()
        if processes == 2 and (dkim, kilobytes, 1) in rates
    }


def summarize(cases: Sequence[Measured], *, signatures: float) -> dict[str, object]:
    described = [one.describe(signatures=signatures) for one in cases]
    first = next((one for one in described if not one["dkim"] and one["kilobytes"] == 10), described[0])
    return {
        "name": "campaign",
        "rate": first["rate"],
        "unit": "messages/s",
        "reference": first["reference"],
        "ratio": first["ratio"],
        "budget": BUDGET,
        "holds": first["holds"],
        "second_process_gains": find_gains(cases),
        "signatures_per_core": round(signatures),
        "cores": os.cpu_count(),
        "cases": described,
    }


def print_cases(result: dict[str, object], cases: Sequence[Measured]) -> None:
    described = result["cases"]
    assert isinstance(described, list)
    rows: list[tuple[str, object]] = []
    for one, facts in zip(cases, described, strict=True):
        ratio = facts["signing_ratio"] if one.case.dkim else facts["ratio"]
        against = "of what the cores can sign" if one.case.dkim else "of smtp-source"
        rows.append(
            (
                one.case.label,
                f"{facts['rate']:,}/s, {ratio} {against} ({facts['reference'] or 0:,}/s); CPU {facts['cpu_us_worker']} µs"
                f" worker + {facts['cpu_us_postgres']} µs PostgreSQL; waited for a core {facts['waiting_share']:.0%}",
            )
        )
    gains = result["second_process_gains"]
    assert isinstance(gains, dict)
    rows += [("second process", f"{gain:+.0%} for {kind}") for kind, gain in gains.items()]
    rows.append(
        ("machine", f"{result['cores']} cores, load {result['load_before']} to {result['load_after']}")
    )
    print_table(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a sixth of the messages")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2], help="deliver processes")
    parser.add_argument("--dkim", nargs="+", choices=("no", "yes"), default=["no", "yes"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100], help="kilobytes of a message")
    parser.add_argument("--messages", type=int, default=0, help="in every case")
    parser.add_argument("--profile", action="store_true", help="also sample where the worker's time goes")
    options = parser.parse_args()
    counts = QUICK_MESSAGES if options.quick else MESSAGES
    load = read_load()
    signatures = measure_signatures()
    cases, profiles = [], []
    with start_sink() as sink, open_workplace() as place:
        for kilobytes, dkim, processes in product(options.sizes, options.dkim, options.processes):
            case = Case(processes, dkim == "yes", kilobytes)
            messages = options.messages or counts.get(kilobytes, counts[100])
            messages = messages // SIGNED_SHARE if case.dkim and not options.messages else messages
            cases.append(run_case(place, sink, case, messages=messages))
        if options.profile:
            count = options.messages or counts[10]
            profiles = [
                profile_case(place, sink, messages=count, dkim=dkim == "yes") for dkim in options.dkim
            ]
    cases = list(level_references(cases))
    result = summarize(cases, signatures=signatures) | {"load_before": load, "load_after": read_load()}
    result["sink"] = sink.name
    if profiles:
        result["profiles"] = [profile.describe() for profile in profiles]
    print_cases(result, cases)
    for profile in profiles:
        print(profile.format_table())
    print_result(result)


if __name__ == "__main__":
    main()
