"""A workplace for the delivery engine: a database and a data folder of its own, real `dynamail deliver` processes, real peers.

    with open_workplace() as place, FakeMx() as mx:
        campaign = place.prepare(Order([("dana@mail.example", "Dana")], relay=(mx.host, mx.port)))
        with place.start_worker():
            place.launch(campaign)
            place.wait_until(lambda: place.count(campaign).is_over)

Used by tests and benchmarks, so it says nothing about pytest. The caller's own Django, if it has one, stays as it is.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import conninfo, sql

PATIENCE_SECONDS = 120.0  # patience, not a measurement
LOOK_AGAIN_SECONDS = 0.02
ROOT = Path(__file__).parents[2]
STATES = ("delivered", "deferred", "bounced", "suppressed", "canceled", "expired", "unknown", "remaining")


@dataclass(frozen=True)
class Order:
    """What an account and its campaign should be like. People are (email, name); `generate` makes that many instead.

    Without a relay the mail goes into the Mailbox; without subject and body it is the benchmarks' message of so many `kilobytes`.
    `signed`: the sender's domain has DKIM keys, so each message is signed twice.
    """

    people: Sequence[tuple[str, str]] = ()
    generate: int = 0
    relay: tuple[str, int] | None = None
    connections: int = 10
    tracking: str = "individual"
    subject: str = ""
    body: str = ""
    kilobytes: int = 10
    signed: bool = False


@dataclass(frozen=True)
class Launchable:
    """A campaign that is ready, with its account."""

    account_id: int
    campaign_id: int
    source_id: UUID


@dataclass(frozen=True)
class Counts:
    """The numbers of `messages/accounting.py`, read with its own statement."""

    frozen: int
    delivered: int
    deferred: int
    bounced: int
    suppressed: int
    canceled: int
    expired: int
    unknown: int
    remaining: int

    @property
    def add_up(self) -> bool:
        return sum(getattr(self, state) for state in STATES) == self.frozen

    @property
    def is_over(self) -> bool:
        return self.frozen > 0 and self.remaining == self.deferred == 0


@dataclass
class Worker:
    """One `dynamail deliver` process."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """kill -9: nothing of its memory survives."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, and time to drain."""
        if self.is_alive:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE_SECONDS)

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self.is_alive:
            self.kill()
        self.stop()


@dataclass
class Workplace:
    """A migrated database, a data folder and the environment that leads `dynamail` to both."""

    home: Path
    dsn: str
    environment: dict[str, str]
    workers: list[Worker] = field(default_factory=list)
    _connection: psycopg.Connection[Any] | None = None

    def run(self, *arguments: str, given: str = "") -> str:
        """Run `python -m …` in this environment and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            env=self.environment,
            cwd=ROOT,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(
                f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def prepare(self, order: Order) -> Launchable:
        """An account of its own with these people, a relay and a campaign that is not launched yet."""
        return self.prepare_all([order])[0]

    def prepare_all(self, orders: Sequence[Order]) -> list[Launchable]:
        given = json.dumps([asdict(order) for order in orders])
        made = json.loads(self.run("tests.support.seeding", "prepare", given=given))
        return [Launchable(one["account_id"], one["campaign_id"], UUID(one["source_id"])) for one in made]

    def launch(self, *campaigns: Launchable) -> float:
        """Start them; returns the moment of the last commit on this machine's monotonic clock."""
        pairs = [f"{campaign.account_id}:{campaign.campaign_id}" for campaign in campaigns]
        return float(json.loads(self.run("tests.support.seeding", "launch", *pairs))["committed_at"])

    def start_worker(self, *options: str, ready: bool = True, **settings: str) -> Worker:
        """`dynamail deliver`; with `ready`, return when it has announced itself in the database."""
        log = self.home / f"deliver-{len(self.workers)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "dynamail", "deliver", *options],
                env=self.environment | settings,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        worker = Worker(process, log)
        self.workers.append(worker)
        if ready:
            self.wait_until(lambda: self._has_announced(worker))
        return worker

    def count(self, campaign: Launchable) -> Counts:
        from dynamail.lib.sql import load_sql

        parameters = {"account_id": campaign.account_id, "source_id": campaign.source_id}
        return Counts(*self.fetch(load_sql("messages", "count_outcomes"), parameters)[0])

    def fetch(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Rows of a statement, seen as a worker process sees them. Raises psycopg.OperationalError without a server."""
        try:
            return self._fetch(statement, parameters)
        except psycopg.OperationalError:
            return self._fetch(statement, parameters)  # The old connection may be from before a restart.

    def _fetch(self, statement: str, parameters: Any) -> list[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.dsn, options="-c role=dynamail_work", autocommit=True)
        try:
            return self._connection.execute(statement.encode(), parameters).fetchall()
        except psycopg.OperationalError:
            self._connection.close()
            raise

    def wait_until(self, is_true: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
        """Ask again and again; a worker that ended by itself meanwhile is an error, with its log."""
        deadline = time.monotonic() + seconds
        while not is_true():
            self.check_workers()
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"not true after {seconds:g} s; the last worker said:\n{self.read_log()}"
                )
            time.sleep(LOOK_AGAIN_SECONDS)

    def check_workers(self) -> None:
        for worker in self.workers:
            if worker.process.poll() not in (None, 0, -signal.SIGKILL, -signal.SIGTERM):
                raise AssertionError(
                    f"deliver ended with {worker.process.returncode}:\n{worker.log.read_text()[-4000:]}"
                )

    def hurry(self) -> None:
        """Let the time of every waiting retry have come."""
        self.fetch(
            "WITH due AS (UPDATE outbox SET run_at = now() WHERE run_at > now() AND worker IS NULL RETURNING 1)"
            " SELECT pg_notify('dynamail_outbox', '') FROM due LIMIT 1"
        )

    def read_log(self, characters: int = 4000) -> str:
        """What the last worker said last."""
        return self.workers[-1].log.read_text(errors="replace")[-characters:] if self.workers else ""

    def close(self) -> None:
        for worker in self.workers:
            if worker.is_alive:
                worker.kill()
        if self._connection is not None:
            self._connection.close()

    def _has_announced(self, worker: Worker) -> bool:
        """By its process id; every start of a worker is a row of its own."""
        known = self.fetch("SELECT count(*) FROM deliver_worker WHERE pid = %s", [worker.pid])
        return bool(known[0][0])


@contextmanager
def open_workplace(dsn: str = "", **settings: str) -> Iterator[Workplace]:
    """A workplace with a new database on the server of `dsn`; default: DATABASE_URL, else an embedded server of its own."""
    home = Path(tempfile.mkdtemp(prefix="dynamail-place-"))
    try:
        with _find_server(dsn, home) as server, _new_database(server) as database:
            place = Workplace(home, database, _make_environment(home, database, settings))
            place.run("dynamail", "db", "migrate")
            try:
                yield place
            finally:
                place.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _make_environment(home: Path, dsn: str, settings: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DYNAMAIL_")}
    kept.pop("DJANGO_SETTINGS_MODULE", None)
    return {
        **kept,
        "DATABASE_URL": dsn,
        "DYNAMAIL_HOME": str(home / "data"),
        "DJANGO_SETTINGS_MODULE": "dynamail.settings",
        **settings,
    }


@contextmanager
def _find_server(dsn: str, home: Path) -> Iterator[str]:
    if dsn or (dsn := os.environ.get("DATABASE_URL", "")):
        yield dsn
        return
    from dynamail.postgres.cluster import Cluster

    with Cluster(home / "server") as cluster:
        yield cluster.dsn()


@contextmanager
def _new_database(server: str) -> Iterator[str]:
    name = f"place_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield _with_database(server, name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _with_database(dsn: str, name: str) -> str:
    """The same server, another database, as a URL."""
    from urllib.parse import quote, urlencode

    parts = conninfo.conninfo_to_dict(dsn) | {"dbname": name}
    return f"postgresql:///{quote(name)}?{urlencode({key: str(value) for key, value in parts.items() if key != 'dbname'})}"


@dataclass
class LoggedSink:
    """`tests.support.fast_sink` as a process: each message is in its log before it is acknowledged."""

    port: int
    log: Path
    _seen: int = 0
    _position: int = 0

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def count_new(self) -> int:
        """How many messages have arrived so far; reads only what was added since the last call."""
        with self.log.open("rb") as file:
            file.seek(self._position)
            data = file.read()
        self._position += len(data)
        self._seen += data.count(b"\n")
        return self._seen

    def list_arrivals(self) -> list[tuple[str, str]]:
        """(Message-ID without brackets, recipient) of everything that arrived, in this order."""
        lines = (line.partition("\t") for line in self.log.read_text(encoding="utf-8").splitlines())
        return [(message_id.strip("<>"), recipient) for message_id, _, recipient in lines]


@contextmanager
def start_logged_sink(folder: Path) -> Iterator[LoggedSink]:
    log = folder / f"arrivals-{uuid4().hex[:8]}"
    log.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.fast_sink", "--log", str(log)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield LoggedSink(int(json.loads(process.stdout.readline())["port"]), log)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
