"""How fast the API accepts emails, each answer after COMMIT, compared with a bare ASGI application that is as durable and checks nothing.

    python -m benchmarks.api [--quick]

One real `dynamail web --serve api` and the reference (`raw_accept.py`) under the same server, on the same machine and database, in turns; the
middle of the rounds counts:

1. one email a request over 1, 16 and 64 connections: 5 KB of HTML, two tags, metadata, an idempotency key; the budget is 0.4 of the
   reference at 64 connections, and 50 ms for 99 of 100 answers at half that rate
2. batches of 500
3. clicks and events: the figures of `bench-clicks` and `bench-events`, in their quick form

The client takes part of the two cores, from both alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import uvloop

from benchmarks import clicks, events
from benchmarks.clicks import Server, start_server
from benchmarks.harness import (
    count_spent,
    print_result,
    print_table,
    read_cpu_seconds,
    read_load,
    read_memory_mb,
)
from benchmarks.http_clients import Met, make_post, run_clients
from tests.support.delivering import Launchable, Order, Workplace, open_workplace
from tests.support.installation import find_free_port

BUDGET, BUDGET_P99_MS = 0.4, 50.0
CONNECTIONS = (1, 16, 64)
REQUESTS, QUICK_REQUESTS = 12_000, 2_500  # in each round over 64 connections; fewer over one
BATCHES, QUICK_BATCHES = 24, 6
BATCH = 500
ROUNDS = 3
PATH = "/api/v1/emails"
HTML = (
    "<html><body>"
    + "<p>Your order is on its way; here is what you should know about it.</p>\n" * 70
    + "</body></html>"
)


@dataclass(frozen=True)
class Figures:
    """The middle of the rounds of one kind of request."""

    rate: float
    reference_rate: float
    ratio: float
    p50_ms: float
    p99_ms: float
    reference_p99_ms: float


@dataclass(frozen=True)
class Benchmark:
    """Both servers, and what a request to either looks like."""

    place: Workplace
    api: Server
    raw: Server
    key: str
    sender: str

    def make_emails(self, count: int) -> Iterator[dict[str, Any]]:
        for number in range(count):
            yield {
                "from": self.sender,
                "to": f"person{number}@inbox{number % 40}.example",
                "subject": f"Order {number} is on its way",
                "html": HTML,
                "tags": ["order", "shipped"],
                "metadata": {"order": str(number)},
            }

    def make_requests(self, count: int) -> list[bytes]:
        return [
            make_post(PATH, self.key, json.dumps(email).encode(), Idempotency_Key=str(uuid4()))
            for email in self.make_emails(count)
        ]

    def make_batches(self, count: int) -> list[bytes]:
        emails = list(self.make_emails(BATCH))
        body = json.dumps({"emails": emails}).encode()
        return [
            make_post(f"{PATH}/batch", self.key, body, Idempotency_Key=str(uuid4())) for _ in range(count)
        ]

    def compare(
        self, make: Callable[[], list[bytes]], *, connections: int, status: int, size: int = 1
    ) -> Figures:
        """Rounds in turns; `size` emails are in each request."""
        pairs: list[tuple[Met, Met]] = []
        for _ in range(ROUNDS):
            requests = make()
            raw = run(self.raw, requests, connections=connections, status=202)
            pairs.append((raw, run(self.api, requests, connections=connections, status=status)))
        rates = [
            (size * len(raw.latencies) / raw.seconds, size * len(met.latencies) / met.seconds)
            for raw, met in pairs
        ]
        return Figures(
            rate=round(statistics.median(rate for _, rate in rates), 1),
            reference_rate=round(statistics.median(rate for rate, _ in rates), 1),
            ratio=round(statistics.median(rate / reference for reference, rate in rates), 3),
            p50_ms=statistics.median(met.percentile_ms(50) for _, met in pairs),
            p99_ms=statistics.median(met.percentile_ms(99) for _, met in pairs),
            reference_p99_ms=statistics.median(raw.percentile_ms(99) for raw, _ in pairs),
        )


def run(server: Server, requests: list[bytes], *, connections: int, status: int) -> Met:
    return uvloop.run(run_clients(server.port, requests, connections=connections, status=status))


async def send_steadily(port: int, requests: list[bytes], *, rate: float, connections: int = 64) -> Met:
    """Requests at a fixed rate; each latency counts from when the request was due, so that a stall is not hidden."""
    met, queue, loop = Met(), iter(enumerate(requests)), asyncio.get_running_loop()
    begun = loop.time() + 0.1

    async def send() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number, request in queue:
            due = begun + number / rate
            await asyncio.sleep(max(0.0, due - loop.time()))
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 202"):
                raise AssertionError(head.decode())
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            met.latencies.append(loop.time() - due)
        writer.close()

    await asyncio.gather(*(send() for _ in range(connections)))
    met.seconds = loop.time() - begun
    return met


def measure(place: Workplace, *, requests: int, batches: int) -> dict[str, object]:
    campaign = place.prepare(Order(generate=1))
    key, sender = json.loads(place.run("benchmarks.api", "--make-key", str(campaign.account_id)))
    ports = find_free_port(), find_free_port()
    arguments = ["dynamail", "web", "--serve", "api", "--port", str(ports[0])]
    unlimited = {"DYNAMAIL_API_RATE_PER_SECOND": "1000000", "DYNAMAIL_API_INTAKE_PER_SECOND": "1000000"}
    raw = ["benchmarks.raw_accept", "--port", str(ports[1])]
    reference = {**place.environment, "DATABASE_URL": place.dsn}
    with (
        start_server(arguments, ports[0], place.environment | unlimited) as api,
        start_server(raw, ports[1], reference) as reference_server,
    ):
        bench = Benchmark(place, api, reference_server, key, sender)
        bench.compare(
            lambda: bench.make_requests(300), connections=16, status=202
        )  # connections, plans, caches
        before, begun = read_cpu_seconds(api.list_pids()), count_emails(place, campaign)
        single = {
            connections: bench.compare(
                partial(bench.make_requests, requests if connections > 1 else requests // 6),
                connections=connections,
                status=202,
            )
            for connections in CONNECTIONS
        }
        accepted = count_emails(place, campaign) - begun
        spent = count_spent(before, read_cpu_seconds(api.list_pids()))
        steady = uvloop.run(
            send_steadily(ports[0], bench.make_requests(requests), rate=single[64].rate / 2, connections=64)
        )
        batch = bench.compare(partial(bench.make_batches, batches), connections=2, status=200, size=BATCH)
        memory = max(read_memory_mb(pid, "VmHWM") for pid in api.list_pids())
        load = read_load()
    expected = ROUNDS * (2 * requests + requests // 6)
    if accepted != expected:
        raise AssertionError(f"{expected} emails were answered with 202; the database has {accepted}")
    return {
        "name": "api",
        "rate": single[64].rate,
        "unit": "emails/s, one a request, 64 connections",
        "reference": "bare ASGI, one INSERT for all who wait, in turns",
        "reference_rate": single[64].reference_rate,
        "ratio": single[64].ratio,
        "budget": BUDGET,
        "steady_rate": round(single[64].rate / 2),
        "steady_p50_ms": steady.percentile_ms(50),
        "steady_p99_ms": steady.percentile_ms(99),
        "budget_p99_ms": BUDGET_P99_MS,
        "holds": single[64].ratio >= BUDGET and steady.percentile_ms(99) <= BUDGET_P99_MS,
        **{f"one_by_{connections}": vars(figures) for connections, figures in single.items()},
        "batches_of_500": vars(batch),
        "web_us_per_email": round(spent / accepted * 1e6, 1),
        "web_peak_rss_mb": round(memory),
        "load": load,
    }


def count_emails(place: Workplace, campaign: Launchable) -> int:
    rows = place.fetch("SELECT count(*) FROM email WHERE account_id = %s", [campaign.account_id])
    return int(rows[0][0])


def measure_neighbors() -> dict[str, object]:
    """What else programs and recipients ask for often."""
    with open_workplace() as place:
        clicked = clicks.run(place, clicks=clicks.QUICK_CLICKS, serve="tracking")
    with open_workplace() as place:
        taken = events.run(place, count=events.QUICK_EVENTS)
    kept = ("rate", "unit", "ratio", "budget", "holds", "p50_ms", "p99_ms")
    return {
        "clicks": {name: clicked[name] for name in kept if name in clicked},
        "events": {name: taken[name] for name in kept if name in taken},
    }


def make_key(account_id: int) -> tuple[str, str]:
    """An API key of the account and a sender at a verified domain; run in the workplace's own environment."""
    from dynamail.accounts.api_keys import Scope
    from dynamail.accounts.models import Account
    from dynamail.accounts.tenancy import account_scope
    from dynamail.senders.models import Sender, SendingDomain
    from tests.support.sending_domains import add_verified_domain

    key = events.make_key(account_id, [Scope.SEND_MESSAGES, Scope.WRITE_EVENTS])
    account = Account.objects.get(pk=account_id)
    with account_scope(account_id):
        sender = Sender.objects.for_account(account_id).first()
        if sender is None:
            raise AssertionError("the account has no sender")
        name = sender.email.partition("@")[2]
        if not SendingDomain.objects.for_account(account_id).filter(name=name).exists():
            add_verified_domain(account, name)
        return key, str(sender)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="about a minute")
    parser.add_argument("--make-key", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make_key:
        import django

        django.setup()
        print(json.dumps(make_key(options.make_key)))
        return
    started = time.monotonic()
    with open_workplace() as place:
        result = measure(
            place,
            requests=QUICK_REQUESTS if options.quick else REQUESTS,
            batches=QUICK_BATCHES if options.quick else BATCHES,
        )
    if not options.quick:
        result |= measure_neighbors()
    result["seconds"] = round(time.monotonic() - started)
    print_table((key, value) for key, value in result.items() if key != "name")
    print_result(result)


if __name__ == "__main__":
    main()
