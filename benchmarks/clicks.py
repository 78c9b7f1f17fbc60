"""How many clicks a web process answers and records, compared with an empty ASGI answer under the same server.

    python -m benchmarks.clicks [--quick] [--serve all|tracking]

Each click is a signed link of its own: one contact of an account that tracks persons, one of eight links. The answer leaves after the
hit is in the segment file; the same process ships the hits to PostgreSQL meanwhile, and all must be there at the end. The client
is ours, raw HTTP/1.1 over lasting connections with a few requests in flight on each, on the same machine; both servers meet the
same requests in turns, and the middle of the rounds' ratios counts.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.harness import (
    count_spent,
    print_result,
    print_table,
    read_cpu_seconds,
    read_load,
    read_memory_mb,
)
from benchmarks.reference_server import serve_reference
from dynamail.tracking.tokens import ClickToken, load_token_keys
from tests.support.delivering import Launchable, Order, Workplace, open_workplace
from tests.support.installation import find_free_port

BUDGET = 0.6  # of the rate of an empty answer
CLICKS, QUICK_CLICKS = 60_000, 10_000  # in each round
ROUNDS = 3
CONNECTIONS, IN_FLIGHT = 32, 4
LINKS = 8
HEADERS = (
    "Host: 127.0.0.1\r\n"
    "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n\r\n"
)


@dataclass(frozen=True)
class Server:
    """A web process and its port."""

    port: int
    process: subprocess.Popen[bytes]

    def list_pids(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]


@dataclass(frozen=True)
class Round:
    """One server meets all requests once."""

    rate: float
    cpu_microseconds: float
    latencies_ms: list[float]


async def answer_empty(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The reference: the least that an ASGI application can say."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 302, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
    else:
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})


class Connection(asyncio.Protocol):
    """Keeps a few requests in flight, and notes how long each answer took. Answers have no body."""

    def __init__(self, requests: Iterator[bytes], in_flight: int, done: asyncio.Future[None]) -> None:
        self.requests, self.in_flight, self.done = requests, in_flight, done
        self.sent_at: list[float] = []
        self.latencies: list[float] = []
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self._send(self.in_flight)

    def data_received(self, data: bytes) -> None:
        *answers, self.rest = (self.rest + data).split(b"\r\n\r\n")
        now = time.perf_counter()
        for answer in answers:
            if not answer.startswith(b"HTTP/1.1 302"):
                self.done.set_exception(AssertionError(answer[:300].decode("latin-1")))
                return
            self.latencies.append(now - self.sent_at.pop(0))
        self._send(len(answers))

    def _send(self, count: int) -> None:
        batch = [request for _, request in zip(range(count), self.requests, strict=False)]
        if batch:
            self.sent_at += [time.perf_counter()] * len(batch)
            self.transport.write(b"".join(batch))
        elif not self.sent_at:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)


async def run_client(port: int, requests: list[bytes], *, in_flight: int) -> tuple[float, list[float]]:
    """Seconds for all requests, and each one's latency."""
    loop = asyncio.get_running_loop()
    queue = iter(requests)
    started = time.perf_counter()
    connections = []
    for _ in range(CONNECTIONS):
        done = loop.create_future()
        _, connection = await loop.create_connection(
            lambda done=done: Connection(queue, in_flight, done), "127.0.0.1", port
        )
        connections.append(connection)
    await asyncio.gather(*(connection.done for connection in connections))
    return time.perf_counter() - started, [one for connection in connections for one in connection.latencies]


def measure(server: Server, requests: list[bytes], *, in_flight: int = IN_FLIGHT) -> Round:
    pids = server.list_pids()
    before = read_cpu_seconds(pids)
    seconds, latencies = uvloop.run(run_client(server.port, requests, in_flight=in_flight))
    spent = count_spent(before, read_cpu_seconds(pids))
    return Round(
        len(requests) / seconds, spent / len(requests) * 1e6, [one * 1000 for one in sorted(latencies)]
    )


@contextmanager
def start_server(
    arguments: list[str], port: int, environment: dict[str, str] | None = None
) -> Iterator[Server]:
    process = subprocess.Popen([sys.executable, "-m", *arguments], env=environment)
    try:
        uvloop.run(wait_for_port(port))
        yield Server(port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


async def wait_for_port(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def make_requests(place: Workplace, campaign: Launchable, count: int) -> list[bytes]:
    """One click a contact, the contacts in any order."""
    keys = load_token_keys((Path(place.environment["DYNAMAIL_HOME"]) / "secret_key").read_text().strip())
    contacts = place.fetch(
        "SELECT id FROM contact WHERE account_id = %s LIMIT %s", [campaign.account_id, count]
    )
    random.Random(7).shuffle(contacts)
    tokens = (
        ClickToken(campaign.account_id, campaign.source_id, contact, number % LINKS + 1).sign(keys)
        for number, (contact,) in enumerate(contacts)
    )
    return [f"GET /t/c/{token} HTTP/1.1\r\n{HEADERS}".encode() for token in tokens]


def freeze_links(place: Workplace, campaign: Launchable) -> None:
    place.fetch(
        "INSERT INTO link (account_id, source_id, number, url, label, is_dynamic)"
        " SELECT %s, %s, number, 'https://shop.example/spring?item=' || number, '', false"
        " FROM generate_series(1, %s) AS number RETURNING number",
        [campaign.account_id, campaign.source_id, LINKS],
    )


def count_recorded(place: Workplace, campaign: Launchable, kind: str) -> int:
    rows = place.fetch(
        "SELECT coalesce(sum(n), 0)::bigint FROM rollup_hour WHERE account_id = %s AND source_id = %s AND kind = %s",
        [campaign.account_id, campaign.source_id, kind],
    )
    return int(rows[0][0])


def run(place: Workplace, *, clicks: int, serve: str) -> dict[str, object]:
    campaign = place.prepare(Order(generate=clicks * ROUNDS))
    freeze_links(place, campaign)
    requests = make_requests(place, campaign, clicks * ROUNDS)
    port, empty_port = find_free_port(), find_free_port()
    arguments = ["dynamail", "web", "--serve", serve, "--port", str(port)]
    with (
        start_server(["benchmarks.clicks", "--empty-server", str(empty_port)], empty_port) as empty,
        start_server(arguments, port, place.environment) as web,
    ):
        measure(empty, requests[:2_000])
        pairs = []
        for start in range(0, len(requests), clicks):
            batch = requests[start : start + clicks]
            pairs.append((measure(empty, batch), measure(web, batch)))
        finished = time.perf_counter()
        recorded = "clicked"
        place.wait_until(lambda: count_recorded(place, campaign, recorded) == len(requests))
        lag = time.perf_counter() - finished
        memory = max(read_memory_mb(pid, "VmHWM") for pid in web.list_pids())
    unique = count_recorded(place, campaign, "unique_clicked")
    if unique != len(requests):
        raise AssertionError(f"{len(requests)} people clicked; {unique} are counted")
    ratio = statistics.median(click.rate / reference.rate for reference, click in pairs)
    latencies = sorted(one for _, click in pairs for one in click.latencies_ms)
    return {
        "name": "clicks",
        "rate": round(statistics.median(click.rate for _, click in pairs)),
        "unit": "clicks/s",
        "reference": "empty ASGI answer under the same granian",
        "reference_rate": round(statistics.median(reference.rate for reference, _ in pairs)),
        "ratio": round(ratio, 3),
        "budget": BUDGET,
        "holds": ratio >= BUDGET,
        "cpu_us_per_click": round(statistics.median(click.cpu_microseconds for _, click in pairs), 1),
        "reference_cpu_us": round(statistics.median(reference.cpu_microseconds for reference, _ in pairs), 1),
        "p50_ms": round(latencies[len(latencies) // 2], 2),
        "p99_ms": round(latencies[len(latencies) * 99 // 100], 2),
        "recorded": len(requests),
        "all_recorded_after_s": round(lag, 2),
        "web_peak_rss_mb": round(memory),
        "serve": serve,
        "load": read_load(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--serve", choices=("all", "tracking"), default="all")
    parser.add_argument("--empty-server", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.empty_server:
        serve_reference("benchmarks.clicks:answer_empty", options.empty_server)
        return
    with open_workplace() as place:
        result = run(place, clicks=QUICK_CLICKS if options.quick else CLICKS, serve=options.serve)
    print_table((key, value) for key, value in result.items() if key != "name")
    print_result(result)


if __name__ == "__main__":
    main()
