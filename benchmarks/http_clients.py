"""HTTP/1.1 clients of our own for benchmarks: raw octets over lasting connections, one request in flight on each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

OnAnswer = Callable[[bytes], None]  # is given the body


@dataclass
class Met:
    """What the clients met together: seconds for everything, and for each answer."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    def percentile_ms(self, percent: float) -> float:
        ordered = sorted(self.latencies)
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000, 2)


class Client(asyncio.Protocol):
    """Sends the next request when the answer to the last one is there. Anything but `status` ends the benchmark with the answer."""

    def __init__(
        self,
        requests: Iterator[bytes],
        done: asyncio.Future[None],
        *,
        status: int,
        on_answer: OnAnswer | None,
        latencies: list[float],
    ) -> None:
        self.requests, self.done, self.latencies = requests, done, latencies
        self.wanted, self.on_answer = f"HTTP/1.1 {status}".encode(), on_answer
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self.rest += data
        head, end, body = self.rest.partition(b"\r\n\r\n")
        if not end or len(body) < read_length(head):
            return
        self.latencies.append(time.perf_counter() - self.sent_at)
        self.rest = b""
        if not head.startswith(self.wanted):
            self.done.set_exception(AssertionError((head + b"\n" + body)[:800].decode("latin-1")))
            return
        if self.on_answer is not None:
            self.on_answer(body)
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(f"the server closed the connection: {error}"))

    def _send(self) -> None:
        request = next(self.requests, None)
        if request is not None:
            self.sent_at = time.perf_counter()
            self.transport.write(request)
        elif not self.done.done():
            self.done.set_result(None)
            self.transport.close()


async def run_clients(
    port: int,
    requests: Iterable[bytes],
    *,
    connections: int,
    status: int = 200,
    on_answer: OnAnswer | None = None,
) -> Met:
    """All requests, shared by that many connections."""
    loop, queue, met = asyncio.get_running_loop(), iter(requests), Met()
    waiting = []
    started = time.perf_counter()
    for _ in range(connections):
        done = loop.create_future()
        make = partial(Client, queue, done, status=status, on_answer=on_answer, latencies=met.latencies)
        await loop.create_connection(make, "127.0.0.1", port)
        waiting.append(done)
    await asyncio.gather(*waiting)
    met.seconds = time.perf_counter() - started
    return met


def make_post(path: str, key: str, body: bytes, **headers: str) -> bytes:
    """A request as a client writes it, with JSON."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def read_length(head: bytes) -> int:
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(lengths[0].partition(b":")[2])
