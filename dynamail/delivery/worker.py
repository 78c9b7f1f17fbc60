"""The deliver process: one event loop, no ORM, any number of them side by side.

`run_worker` opens the journal, takes over what dead workers left, then runs the lanes until SIGTERM; then nothing new begins, what
is on the wire is settled and committed, and it exits 0. Workers need no coordinator: leases, epochs and the gate are in the database.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import uvloop
from django.conf import settings as django_settings
from psycopg.conninfo import make_conninfo

from dynamail.delivery.chunk_lane import ChunkLane
from dynamail.delivery.completing import finish_campaigns
from dynamail.delivery.database import Database, DatabaseGone, uuid_array
from dynamail.delivery.gate import RENEW_AFTER, Gate
from dynamail.delivery.guarding import guard_campaigns
from dynamail.delivery.journal import Journal
from dynamail.delivery.outbox_lane import OutboxLane
from dynamail.delivery.recovering import Recovery
from dynamail.delivery.sources import Sources
from dynamail.delivery.throttling import RENEW_SECONDS
from dynamail.delivery.tools import LEASE, Tools
from dynamail.delivery.ways import Ways, WaysSettings
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from dynamail.messages.composing import ComposingSettings, load_composing_settings
from dynamail.messages.freezing import BULK, RETRY, URGENT
from dynamail.protocols.dns import Resolver
from dynamail.protocols.hop_plans import HopSettings
from dynamail.protocols.smtp.next_hop import Timeouts

log = logging.getLogger(__name__)

WORK_ROLE = "dynamail_work"
# The same few statements run thousands of times a minute: planning each anew costs as much as running it.
PLANNING = "-c plan_cache_mode=force_generic_plan -c jit=off"
DATABASE_CONNECTIONS = 6
GC_THRESHOLDS = (20_000, 20, 50)
HEARTBEAT_SECONDS = 2.0
GUARD_SECONDS = 2.0  # how long a campaign may harm its sender before anybody looks
UPKEEP_SECONDS = 5.0  # leases, dead workers, finished campaigns, settings of transports
LISTEN_PAUSE = 2.0
ALIVE = timedelta(seconds=10)  # a worker that showed itself in this time shares the limits
GONE = timedelta(days=1)
DRAIN_SECONDS = 12.0  # for what is on the wire after SIGTERM; less than the supervisor waits
LAST_SECONDS = 10.0  # for the last commits when connections had to be dropped


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """All that a worker is told from outside."""

    conninfo: str
    journal_dir: Path
    window: int
    connections: int
    composing: ComposingSettings
    once: bool = False
    timeouts: Timeouts = field(default_factory=Timeouts)
    dns_servers: tuple[tuple[str, int], ...] = ()
    mx_port: int = 25
    mx_may_be_private: bool = False


def load_worker_settings(*, once: bool = False) -> WorkerSettings:
    """From the settings of this process."""
    return WorkerSettings(
        conninfo=make_worker_conninfo(django_settings.DATABASES["default"]),
        journal_dir=Path(django_settings.JOURNAL_DIR),
        window=django_settings.DELIVER_WINDOW,
        connections=django_settings.DELIVER_CONNECTIONS,
        composing=load_composing_settings(),
        once=once,
        timeouts=Timeouts(greeting=django_settings.DELIVER_GREETING_SECONDS),
        dns_servers=django_settings.DNS_SERVERS,
        mx_may_be_private=django_settings.MX_MAY_BE_PRIVATE,
    )


def make_ways_settings(settings: WorkerSettings) -> WaysSettings:
    """What leads out of this worker."""
    hops = HopSettings(
        helo_name=django_settings.HELO_NAME,
        timeouts=settings.timeouts,
        port=settings.mx_port,
        allow_private_addresses=settings.mx_may_be_private,
    )
    return WaysSettings(settings.connections, hops, Resolver(settings.dns_servers))


def make_worker_conninfo(database: dict[str, Any]) -> str:
    """The connection of Django's database settings, in the workers' role."""
    parts = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    values = {name: database[key] for name, key in parts.items() if database.get(key)}
    values |= {key: value for key, value in database.get("OPTIONS", {}).items() if key != "options"}
    return make_conninfo("", **values, options=f"-c role={WORK_ROLE} -c timezone=UTC {PLANNING}")


def run_worker(settings: WorkerSettings) -> int:
    """Run until told to stop; returns the exit code."""
    return uvloop.run(_run(settings))


def tune_garbage_collection() -> None:
    """Messages make no reference cycles to speak of, so looking for them after every 700 objects is wasted; what was loaded at the
    start is never garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


async def _run(settings: WorkerSettings) -> int:
    tune_garbage_collection()
    worker = Worker(settings)
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, worker.stop)
    await worker.run()
    return 0


class Worker:
    """See the module. Used once."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.id = new_id()
        self.settings = settings
        self._started_at = utc_now()
        self._stopping = asyncio.Event()
        settings.journal_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._journal = Journal(settings.journal_dir, self.id)
        self._database = Database(settings.conninfo, size=DATABASE_CONNECTIONS)
        gate = Gate(self._database)
        self.ways = Ways(
            self._database, gate=gate, journal=self._journal, settings=make_ways_settings(settings)
        )
        tools = Tools(
            self._database,
            self._journal,
            Sources(self._database, settings.composing),
            self.ways,
            self.id,
            settings.window,
        )
        self.chunks = ChunkLane(tools)
        self.outboxes = [
            OutboxLane(priority, tools, gate, settings.composing) for priority in (URGENT, RETRY, BULK)
        ]
        adopting = OutboxLane(-1, tools, gate, settings.composing)
        self._recovery = Recovery(tools, settings.journal_dir, adopting)
        self._last_sent = 0

    @property
    def is_database_away(self) -> bool:
        return self._database.away_since is not None

    def stop(self) -> None:
        """Begin nothing new, finish what is on the wire, end."""
        if not self._stopping.is_set():
            log.info("Worker %s is stopping.", self.id)
        self._stopping.set()
        self.chunks.stop()
        for lane in self.outboxes:
            lane.stop()

    async def run(self) -> None:
        await self._database.open()
        keepers: list[asyncio.Task[None]] = []
        try:
            await self._until_stopped(self._recovery.run())
            keepers = [
                self._keep(self._show, HEARTBEAT_SECONDS),
                self._keep(self._look_after, UPKEEP_SECONDS),
                self._keep(self._guard, GUARD_SECONDS),
                self._keep(self.ways.look, RENEW_AFTER / 2),
                self._keep(self.ways.renew_throttles, RENEW_SECONDS),
                self._keep(self.ways.write_health, UPKEEP_SECONDS),
                asyncio.create_task(self._listen()),
            ]
            if self.settings.once:
                keepers.append(asyncio.create_task(self._stop_when_idle()))
            await self._run_lanes()
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            await self._end()

    async def _run_lanes(self) -> None:
        lanes = [asyncio.create_task(self.chunks.work())]
        lanes += [asyncio.create_task(lane.work()) for lane in self.outboxes]
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([stopping, *lanes], return_when=asyncio.FIRST_COMPLETED)
        self.stop()  # Also when a lane ended by an error: the others settle what they hold.
        _, late = await asyncio.wait(lanes, timeout=DRAIN_SECONDS)
        if late:
            log.warning("Dropping connections that did not finish within %g s.", DRAIN_SECONDS)
            await self.ways.close()
            _, late = await asyncio.wait(lanes, timeout=LAST_SECONDS)
        if late:
            self._database.give_up()
            await asyncio.wait(lanes, timeout=LAST_SECONDS)
        stopping.cancel()
        for lane in lanes:
            if lane.done() and (error := lane.exception()) and not isinstance(error, DatabaseGone):
                raise error

    async def _end(self) -> None:
        await self.ways.close()
        self._database.give_up()
        with suppress(DatabaseGone):
            await self.ways.end()
            await self._database.run("forget_worker", {"id": self.id})
        await self._database.close()
        self._journal.close()

    async def _until_stopped(self, work: Awaitable[None]) -> None:
        """The first recovery waits for a database that may not be there yet; a signal ends that. What it cannot settle keeps nobody
        else's mail: it is tried again with the others' upkeep."""
        task = asyncio.ensure_future(work)
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not task.done():
            self._database.give_up()
        try:
            await task
        except DatabaseGone:
            return
        except Exception:
            log.exception("What dead workers left could not be settled; it will be tried again")

    # --- keepers -------------------------------------------------------------------------------------------------------

    def _keep(self, work: Callable[[], Awaitable[None]], seconds: float) -> asyncio.Task[None]:
        async def repeat() -> None:
            while True:
                try:
                    await work()
                except DatabaseGone:
                    return
                except Exception:
                    log.exception("%s failed; it will be tried again", work.__name__)
                await asyncio.sleep(seconds)

        return asyncio.create_task(repeat())

    async def _look_after(self) -> None:
        await self._database.run("renew_leases", self._list_leases)
        await self._recovery.run()
        await finish_campaigns(self._database)
        await self.ways.refresh(in_use=self._list_accounts())
        await self.ways.postpone()

    def _list_accounts(self) -> set[int]:
        return self.chunks.held_accounts().union(*(lane.held_accounts() for lane in self.outboxes))

    def _list_leases(self) -> dict[str, Any]:
        return {
            "worker": self.id,
            "lease_until": utc_now() + LEASE,
            "chunk_ids": uuid_array(self.chunks.held_ids()),
            "message_ids": uuid_array([held for lane in self.outboxes for held in lane.held_ids()]),
        }

    async def _guard(self) -> None:
        await guard_campaigns(self._database)

    async def _show(self) -> None:
        now = utc_now()
        rows = await self._database.run(
            "show_worker",
            {
                "id": self.id,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "started_at": self._started_at,
                "now": now,
                "stats": json.dumps(self.describe()),
                "tag": self.chunks.largest_tag,
                "alive_after": now - ALIVE,
                "gone_before": now - GONE,
            },
        )
        self.ways.share = rows[0][0]

    def describe(self) -> dict[str, Any]:
        """What the delivery page shows about this worker."""
        sent = self.ways.sent
        recent, self._last_sent = sent - self._last_sent, sent
        return {
            "sent": sent,
            "per_second": round(recent / HEARTBEAT_SECONDS),
            "chunks": self.chunks.run_count,
            "single": sum(lane.held_count for lane in self.outboxes),
            "recovered": self._recovery.recovered,
            "ways": self.ways.describe(),
        }

    async def _listen(self) -> None:
        """Hear of accepted messages and launches; the lanes look every second anyway."""
        while True:
            with suppress(psycopg.OperationalError, psycopg.InterfaceError):
                async with self._database.listening() as notifications:
                    async for notification in notifications:
                        self._hear(notification.channel)
            await asyncio.sleep(LISTEN_PAUSE)

    def _hear(self, channel: str) -> None:
        if channel == "dynamail_chunks":
            self.chunks.wake()
        else:
            for lane in self.outboxes:
                lane.wake()

    async def _stop_when_idle(self) -> None:
        while not self._is_idle():
            await asyncio.sleep(0.1)
        self.stop()

    def _is_idle(self) -> bool:
        """Nothing in hand, the last looks found nothing, and no way out is closed for a while only."""
        lanes_idle = all(lane.is_hungry and not lane.held_count for lane in self.outboxes)
        chunks_idle = self.chunks.is_hungry and not self.chunks.run_count
        return lanes_idle and chunks_idle and not any(way.breaker.reason for way in self.ways)
