"""How soon an email that the API accepted is handed over, on an idle worker and while a large campaign leaves through the same one.

    python -m benchmarks.latency [--quick] [--recipients N] [--messages N]

From the answer 202 of `POST /api/v1/emails` until the final dot is at the server, each moment taken where it happens, on one clock; what
arrives before its answer is read took no time. The campaign and the emails use the same relay; half of the emails belong to the
campaign's own account, where they share its connections too. Budget: 99 of 100 within a second.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from uuid import UUID

from benchmarks.clicks import start_server
from benchmarks.harness import print_result, print_table, read_load
from benchmarks.watched_sink import Witness, start_watched_sink
from dynamail.lib.ids import from_public_id
from tests.support.delivering import Launchable, Order, Workplace, open_workplace
from tests.support.installation import find_free_port

BUDGET_SECONDS = 1.0
RECIPIENTS, QUICK_RECIPIENTS = 1_000_000, 40_000
MESSAGES, QUICK_MESSAGES = 400, 100
GAP_SECONDS = 0.02
PATIENCE_SECONDS = 120.0
BEGUN = 2_000  # messages of the campaign that have arrived before the singles begin


@dataclass(frozen=True)
class Latencies:
    """Sorted seconds."""

    seconds: tuple[float, ...]

    def percentile(self, percent: float) -> float:
        return self.seconds[min(len(self.seconds) - 1, int(len(self.seconds) * percent / 100))]

    def describe(self) -> str:
        p50, p99, most = (self.percentile(50), self.percentile(99), self.seconds[-1])
        return f"p50 {p50 * 1e3:.0f} ms, p99 {p99 * 1e3:.0f} ms, most {most * 1e3:.0f} ms ({len(self.seconds)} messages)"


@dataclass(frozen=True)
class Door:
    """The API of an account. `sender` is an address that it may send from."""

    place: Workplace
    port: int
    key: str
    sender: str

    @classmethod
    def open(cls, place: Workplace, port: int, account_id: int) -> Door:
        key, sender = json.loads(place.run("benchmarks.api", "--make-key", str(account_id)))
        return cls(place, port, key, sender)

    def post(self, count: int) -> dict[UUID, float]:
        """One email after the other: its id, and when it was answered (CLOCK_REALTIME, like the sink's)."""
        accepted: dict[UUID, float] = {}
        connection = HTTPConnection("127.0.0.1", self.port)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        for number in range(count):
            email = {
                "from": self.sender,
                "to": f"single{number}@mail.example",
                "subject": "Your code",
                "text": "Your code is 123456.",
            }
            connection.request("POST", "/api/v1/emails", json.dumps(email), headers)
            answer = connection.getresponse()
            body = json.loads(answer.read())
            if answer.status != 202:
                raise AssertionError(body)
            accepted[from_public_id("eml", body["id"])] = time.time()
            time.sleep(GAP_SECONDS)
        connection.close()
        return accepted


def measure_singles(door: Door, sink: Witness, count: int) -> Latencies:
    """Send them one after the other and wait until all have arrived."""
    accepted = door.post(count)

    def have_arrived() -> bool:
        sink.read()
        return accepted.keys() <= sink.arrived_at.keys()

    door.place.wait_until(have_arrived, seconds=PATIENCE_SECONDS)
    return Latencies(tuple(sorted(max(0.0, sink.arrived_at[one] - at) for one, at in accepted.items())))


def measure(*, recipients: int, messages: int) -> dict[str, object]:
    with open_workplace() as place, start_watched_sink(place.home) as sink:
        bulk, other = place.prepare_all(
            [Order(generate=recipients, relay=sink.address), Order(generate=1, relay=sink.address)]
        )
        port = find_free_port()
        arguments = ["dynamail", "web", "--serve", "api", "--port", str(port)]
        environment = place.environment | {"DYNAMAIL_API_RATE_PER_SECOND": "1000000"}
        with start_server(arguments, port, environment), place.start_worker() as worker:
            theirs = Door.open(place, port, other.account_id)
            ours = Door.open(place, port, bulk.account_id)
            idle = measure_singles(theirs, sink, messages)
            load = read_load()
            launched_at = place.launch(bulk)
            place.wait_until(lambda: sink.count() >= messages + BEGUN, seconds=PATIENCE_SECONDS)
            begun, begun_at = sink.count(), time.monotonic()
            strangers = measure_singles(theirs, sink, messages // 2)
            own = measure_singles(ours, sink, messages // 2)
            rate = (sink.count() - begun) / (time.monotonic() - begun_at)
            was_running = is_running(place, bulk)
            worker.kill()  # the rest of the campaign proves nothing more
    p99 = max(strangers.percentile(99), own.percentile(99))
    return {
        "name": "latency",
        "rate": round(p99 * 1e3, 1),
        "unit": "ms (p99 during a campaign)",
        "reference": f"{BUDGET_SECONDS:g} s",
        "ratio": round(BUDGET_SECONDS / p99, 2),
        "budget": 1.0,
        "holds": p99 <= BUDGET_SECONDS and was_running,
        "idle_p50_ms": round(idle.percentile(50) * 1e3, 1),
        "idle_p99_ms": round(idle.percentile(99) * 1e3, 1),
        "other_account_p50_ms": round(strangers.percentile(50) * 1e3, 1),
        "other_account_p99_ms": round(strangers.percentile(99) * 1e3, 1),
        "same_account_p50_ms": round(own.percentile(50) * 1e3, 1),
        "same_account_p99_ms": round(own.percentile(99) * 1e3, 1),
        "campaign_rate": round(rate),
        "campaign_was_running": was_running,
        "recipients": recipients,
        "seconds": round(time.monotonic() - launched_at, 1),
        "load": load,
        "lines": [idle.describe(), strangers.describe(), own.describe()],
    }


def is_running(place: Workplace, campaign: Launchable) -> bool:
    return place.count(campaign).remaining > 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"a campaign of {QUICK_RECIPIENTS:,}")
    parser.add_argument("--recipients", type=int, default=0)
    parser.add_argument("--messages", type=int, default=0)
    options = parser.parse_args()
    result = measure(
        recipients=options.recipients or (QUICK_RECIPIENTS if options.quick else RECIPIENTS),
        messages=options.messages or (QUICK_MESSAGES if options.quick else MESSAGES),
    )
    lines = result.pop("lines")
    assert isinstance(lines, list)
    print_table(
        [
            ("idle", lines[0]),
            ("beside the campaign", lines[1]),
            ("its own account", lines[2]),
            ("campaign", f"{result['campaign_rate']:,} messages/s meanwhile, of {result['recipients']:,}"),
            ("machine", f"load {result['load']}"),
        ]
    )
    print_result(result)


if __name__ == "__main__":
    main()
