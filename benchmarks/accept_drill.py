"""The web process is killed again and again while programs send emails; then every answer is held against the database and the sink.

    python -m benchmarks.accept_drill [--quick] [--kills N] [--connections N]

Each connection sends one email after the other, with an idempotency key, and repeats it under the same key until it is answered with 202:
what a careful program does. Twenty times the web process gets kill -9, and as often the database an immediate shutdown. In the
end every key has exactly one email, every 202 named it, and each email arrived exactly once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from benchmarks.clicks import Server
from benchmarks.harness import print_result, print_table, read_load
from benchmarks.http_clients import make_post, read_length
from dynamail.lib.ids import from_public_id
from dynamail.postgres.cluster import Cluster
from tests.support.delivering import (
    ROOT,
    LoggedSink,
    Order,
    Workplace,
    open_workplace,
    start_logged_sink,
)
from tests.support.installation import find_free_port

KILLS, QUICK_KILLS = 20, 3
CONNECTIONS = 64
BETWEEN_SECONDS = (0.3, 1.2)  # of full work between two kills
READY_SECONDS = 60.0
Mishap = Callable[[], None]
UNLIMITED = {"DYNAMAIL_API_RATE_PER_SECOND": "1000000", "DYNAMAIL_API_INTAKE_PER_SECOND": "1000000"}


@dataclass
class Ledger:
    """What was asked for and what was answered."""

    emails: dict[str, str] = field(default_factory=dict)  # idempotency key → the id of the 202
    disagreed: int = 0  # the same key answered with two ids
    repeated: int = 0
    asked: int = 0

    def note(self, key: str, email_id: str) -> None:
        if self.emails.setdefault(key, email_id) != email_id:
            self.disagreed += 1


@dataclass(frozen=True)
class Outcome:
    """How a drill ended; all that may not happen is counted."""

    accepted: int
    kills: int
    repeated: int
    lost: int
    doubled: int
    unanswered: int  # stored under a key that got no 202
    seconds: float

    @property
    def holds(self) -> bool:
        return not (self.lost or self.doubled or self.unanswered)


class Web:
    """`dynamail web --serve api` on one port, started again after each kill."""

    def __init__(self, place: Workplace) -> None:
        self.port = find_free_port()
        self._place = place
        self._start()

    def _start(self) -> None:
        arguments = [sys.executable, "-m", "dynamail", "web", "--serve", "api", "--port", str(self.port)]
        environment = self._place.environment | UNLIMITED
        self._server = Server(self.port, subprocess.Popen(arguments, env=environment, cwd=ROOT))

    def kill(self) -> None:
        """All of it at once: nothing may be finished."""
        for pid in self._server.list_pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._server.process.wait()

    def restart(self) -> None:
        self.kill()
        self._start()


async def send_until_told(
    web: Web, key: str, sender: str, ledger: Ledger, stop: asyncio.Event, name: str
) -> None:
    """One program: email after email, each until it is accepted. A cut connection, a 503 and a stopped server mean: again."""
    number = 0
    while not stop.is_set():
        number += 1
        own_key, repeated = f"{name}-{number}", False
        request = make_request(key, sender, own_key)
        ledger.asked += 1
        while (email_id := await try_once(web.port, request)) is None:
            repeated = True
            await asyncio.sleep(0.05)
        ledger.repeated += repeated
        ledger.note(own_key, email_id)


def make_request(key: str, sender: str, own_key: str) -> bytes:
    email = {"from": sender, "to": f"{own_key}@inbox.example", "subject": own_key, "text": "Hello"}
    return make_post("/api/v1/emails", key, json.dumps(email).encode(), Idempotency_Key=own_key)


async def try_once(port: int, request: bytes) -> str | None:
    """The email's id of a 202; None when there was no answer, or one that asks to try again. Raises AssertionError for any other."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(read_length(head))
        finally:
            writer.close()
    except (OSError, asyncio.IncompleteReadError):
        return None
    status = int(head.split(b" ", 2)[1])
    if status == 503:
        return None
    if status != 202:
        raise AssertionError((head + body).decode("latin-1")[:800])
    return str(json.loads(body)["id"])


async def play(web: Web, mishaps: list[Mishap], *, key: str, sender: str, connections: int) -> Ledger:
    """All programs at work while one mishap follows the other."""
    ledger, stop = Ledger(), asyncio.Event()
    programs = [
        asyncio.create_task(send_until_told(web, key, sender, ledger, stop, f"program{number}"))
        for number in range(connections)
    ]
    for mishap in mishaps:
        before = len(ledger.emails)
        async with asyncio.timeout(READY_SECONDS):
            while len(ledger.emails) < before + connections:  # work goes on again
                failed = [one for one in programs if one.done()]
                for program in failed:
                    program.result()
                await asyncio.sleep(0.02)
        await asyncio.sleep(random.uniform(*BETWEEN_SECONDS))
        await asyncio.to_thread(mishap)
    stop.set()
    await asyncio.gather(*programs)
    return ledger


def count_outcome(
    place: Workplace, sink: LoggedSink, ledger: Ledger, *, kills: int, seconds: float
) -> Outcome:
    """Every email of the database must have arrived once; waits until none is under way."""
    place.wait_until(lambda: not place.fetch("SELECT 1 FROM outbox LIMIT 1"), seconds=READY_SECONDS * 3)
    stored = {row[0]: row[1] for row in place.fetch("SELECT id, subject FROM email")}
    arrived = Counter(recipient.partition("@")[0] for _, recipient in sink.list_arrivals())
    told = {from_public_id("eml", email_id) for email_id in ledger.emails.values()}
    by_key = Counter(stored.values())
    lost = len(told - stored.keys()) + sum(arrived[subject] == 0 for subject in by_key)
    doubled = ledger.disagreed + sum(n > 1 for n in by_key.values()) + sum(n > 1 for n in arrived.values())
    return Outcome(
        accepted=len(ledger.emails),
        kills=kills,
        repeated=ledger.repeated,
        lost=lost,
        doubled=doubled,
        unanswered=len(stored.keys() - told),
        seconds=round(seconds, 1),
    )


def drill_web(*, kills: int, connections: int = CONNECTIONS) -> Outcome:
    """kill -9 of the web process."""
    with open_workplace() as place:
        return _drill(place, kills=kills, connections=connections, cluster=None)


def drill_database(*, kills: int, connections: int = CONNECTIONS) -> Outcome:
    """PostgreSQL is shut down at once, as by a loss of power to it, and started again."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dynamail-drill-"))
        cluster = stack.enter_context(Cluster(Path(folder)))
        place = stack.enter_context(open_workplace(cluster.dsn()))
        return _drill(place, kills=kills, connections=connections, cluster=cluster)


def _drill(place: Workplace, *, kills: int, connections: int, cluster: Cluster | None) -> Outcome:
    started = time.monotonic()
    with start_logged_sink(place.home) as sink:
        account = place.prepare(Order(generate=1, relay=sink.address)).account_id
        key, sender = json.loads(place.run("benchmarks.api", "--make-key", str(account)))
        web = Web(place)

        def stop_database() -> None:
            assert cluster is not None
            cluster.stop(immediate=True)
            cluster.start()

        try:
            with place.start_worker():
                mishap = web.restart if cluster is None else stop_database
                ledger = uvloop.run(
                    play(web, [mishap] * kills, key=key, sender=sender, connections=connections)
                )
                return count_outcome(place, sink, ledger, kills=kills, seconds=time.monotonic() - started)
        finally:
            web.kill()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_KILLS} kills of each")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    options = parser.parse_args()
    kills = options.kills or (QUICK_KILLS if options.quick else KILLS)
    outcomes = {
        "web process, kill -9": drill_web(kills=kills, connections=options.connections),
        "PostgreSQL, immediate shutdown": drill_database(kills=kills, connections=options.connections),
    }
    print_table((name, vars(outcome)) for name, outcome in outcomes.items())
    bad = sum(one.lost + one.doubled + one.unanswered for one in outcomes.values())
    accepted = sum(one.accepted for one in outcomes.values())
    print_result(
        {
            "name": "accept_drill",
            "rate": bad,
            "unit": "emails lost, doubled or kept without an answer",
            "reference": f"{accepted} accepted emails",
            "ratio": round(1 - bad / accepted, 6),
            "budget": 1.0,
            "holds": not bad,
            "kills": kills,
            "load": read_load(),
        }
    )


if __name__ == "__main__":
    main()
