"""An SMTP server that accepts everything and remembers what it saw: the witness of the drills.

    python -m benchmarks.watched_sink --log FILE [--close-every N]

It builds on `tests.support.fast_sink` and writes one line for each fact, unbuffered, so the file is right whoever is killed:

    a TAB <message-id> TAB recipient TAB time      arrived, written before 250 is said
    s TAB <message-id>                             250 was handed to the kernel
    e TAB port TAB time TAB in-flight              a client went away without QUIT; `in-flight` is 1 when a message was under way

With --close-every N every Nth message is taken and then, instead of 250, the connection is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import uvloop

from tests.support.fast_sink import MESSAGE_ID, FastSink, SinkSession

ROOT = Path(__file__).parents[1]
MAIL, QUIT = 0x4D, 0x51
# An answer as old as this has been read: a client that is alive reads within milliseconds, unless others have all the cores.
READ_SECONDS = 3.0


class WatchedSession(SinkSession):
    """One client, watched."""

    sink: WatchedSink

    def __init__(self, sink: WatchedSink) -> None:
        super().__init__(sink)
        self.is_begun = self.has_quit = False
        self.answered_at = float("-inf")
        self.port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.port = transport.get_extra_info("peername")[1]
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.sink.unanswered:
            self.answered_at = time.monotonic()
            self.sink.note_answers()

    def take_command(self, replies: list[bytes]) -> bool:
        letter = self.buffer[0] & 0xDF if self.buffer else 0
        taken = super().take_command(replies)
        if taken and letter == MAIL:
            self.is_begun = True
        elif taken and letter == QUIT:
            self.has_quit = True
        return self._go_on(replies) if taken else False

    def take_message(self, replies: list[bytes]) -> bool:
        if not super().take_message(replies):
            return False
        self.is_begun = False
        return self._go_on(replies)

    def take_chunk(self, replies: list[bytes]) -> bool:
        received = self.sink.received
        taken = super().take_chunk(replies)
        if self.sink.received > received:
            self.is_begun = False
        return taken

    def _go_on(self, replies: list[bytes]) -> bool:
        if not self.sink.is_closing:
            return True
        self.sink.is_closing = False
        replies.clear()
        self.buffer.clear()
        self.transport.abort()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if not self.has_quit:
            is_unread = time.monotonic() - self.answered_at < READ_SECONDS
            self.sink.write(
                f"e\t{self.port}\t{time.time():.6f}\t{int(self.is_begun or is_unread)}\n".encode()
            )


class WatchedSink(FastSink):
    """The server. `log` is a file descriptor opened for appending."""

    def __init__(self, *, chunking: bool, log: int, close_every: int) -> None:
        super().__init__(chunking=chunking, log=log)
        self.unanswered: list[bytes] = []
        self.is_closing = False
        self._close_every = close_every

    def record(self, message: bytearray, recipient: bytes) -> None:
        found = MESSAGE_ID.search(message, 0, 65_536)
        message_id = bytes(found[1]) if found else b"<>"
        self.write(b"a\t%b\t%b\t%.6f\n" % (message_id, recipient, time.time()))
        self.received += 1
        if self._close_every and self.received % self._close_every == 0:
            self.is_closing = True
        else:
            self.unanswered.append(message_id)

    def note_answers(self) -> None:
        self.write(b"".join(b"s\t%b\n" % message_id for message_id in self.unanswered))
        self.unanswered.clear()

    def write(self, line: bytes) -> None:
        if self.log is not None:
            os.write(self.log, line)

    async def start(self, host: str, port: int) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            lambda: WatchedSession(self), host, port, backlog=1024
        )


# --- reading what it wrote -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LostClient:
    """A connection that ended without QUIT. `at` is the wall clock in seconds."""

    port: int
    at: float
    is_in_flight: bool


@dataclass
class Witness:
    """A running sink and what its log says so far; call `read` to learn what is new."""

    port: int
    log: Path
    pid: int
    arrivals: Counter[UUID] = field(default_factory=Counter)
    recipients: dict[UUID, str] = field(default_factory=dict)
    arrived_at: dict[UUID, float] = field(default_factory=dict)
    answered: Counter[UUID] = field(default_factory=Counter)
    lost: list[LostClient] = field(default_factory=list)
    _position: int = 0
    _rest: bytes = b""

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def look_again(self) -> Witness:
        """The same sink for another reader, who counts for itself."""
        return Witness(self.port, self.log, self.pid)

    def count(self) -> int:
        """Messages that have arrived so far."""
        self.read()
        return self.arrivals.total()

    def read(self) -> None:
        with self.log.open("rb") as file:
            file.seek(self._position)
            data = file.read()
        self._position += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(*line.decode().split("\t"))

    def _take(self, kind: str, *values: str) -> None:
        if kind == "e":
            self.lost.append(LostClient(int(values[0]), float(values[1]), values[2] == "1"))
            return
        message_id = UUID(values[0].strip("<>").partition("@")[0])
        if kind == "s":
            self.answered[message_id] += 1
            return
        self.arrivals[message_id] += 1
        self.recipients[message_id] = values[1]
        self.arrived_at.setdefault(message_id, float(values[2]))


@contextmanager
def start_watched_sink(folder: Path, *options: str) -> Iterator[Witness]:
    """A sink as a process of its own; it ends with the block."""
    log = folder / f"arrivals-{uuid4().hex[:8]}"
    log.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.watched_sink", "--log", str(log), *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield Witness(int(json.loads(process.stdout.readline())["port"]), log, process.pid)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


async def serve(options: argparse.Namespace) -> None:
    log = os.open(options.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    sink = WatchedSink(chunking=options.chunking, log=log, close_every=options.close_every)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopped.set)
    server = await sink.start("127.0.0.1", options.port)
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--log", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--close-every", type=int, default=0)
    parser.add_argument("--chunking", action="store_true")
    uvloop.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
