"""The chunk lane: campaigns, five hundred recipients at a time.

1. `ChunkLane` claims the fairest chunk of an account whose way out is open and not busy, and starts a `ChunkRun` for it.
2. A run loads the contacts once, then commits windows: one fenced statement records outcomes and declares the next recipients.
3. The gate is asked about the new ones; then they are queued on the way out.
4. A run ends when the chunk is finished, or lets it go: paused, canceled, worker stopping, way out closed. What is on the wire is
   settled first; what was declared and never sent goes back to the chunk or, inside a broken stretch, to the outbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from dynamail.delivery.completing import finish_campaigns
from dynamail.delivery.database import Connection, DatabaseGone, fetch, int_array, uuid_array
from dynamail.delivery.gate import CANCELED_CAMPAIGN, STOPPED_ACCOUNT, check_consent, stop_for_states
from dynamail.delivery.outlets import Outlet
from dynamail.delivery.recording import (
    Bounced,
    encode_rows,
    find_counter_shard,
    find_moment,
    make_window_outcome,
    record_bounces,
    start_of_hour,
)
from dynamail.delivery.records import BOUNCED, MARKETING, POSTPONED, RETURNED, ChunkLease, Parcel, Result
from dynamail.delivery.sources import Reached, Source, load_reached
from dynamail.delivery.tools import LEASE, Tools
from dynamail.delivery.windows import Width, Window
from dynamail.lib.clock import utc_now
from dynamail.lib.sql import load_sql

log = logging.getLogger(__name__)

MOST_RUNS = 16  # chunks that move at once, for as many accounts
MOST_HELD = 128  # chunks held at once, those included that wait for silent servers
STILL_SECONDS = (
    3.0  # after which a run without any result counts as waiting, and another account gets its turn
)
RUNS_PER_ACCOUNT = 2  # one commits while the other sends
MOST_WIDTHS = 10_000  # accounts whose pace is remembered
LOOK_SECONDS = 1.0  # how often a waiting run looks around, and an idle lane for new chunks
STOPPED_ACCOUNT_PAUSE = timedelta(minutes=5)
FINISHED, RELEASED = "finished", "released"
PAUSED_STATE, CANCELED_STATE = 2, 4  # of a chunk
STOPPING = Result(RETURNED, reply="The worker is stopping.")
CLOSED = Result(RETURNED, reply="The way out is closed.")


class LeaseLost(Exception):
    """Another worker owns the chunk now; nothing of ours was recorded."""


class ChunkRun:
    """One chunk in this worker's hands."""

    is_patient = (
        False  # The recipients of a chunk are recorded in order, so one that waits holds up the others.
    )

    def __init__(self, lease: ChunkLease, tools: Tools, source: Source, outlet: Outlet, width: Width) -> None:
        self.lease = lease
        self._tools, self._source, self._outlet, self._width = tools, source, outlet, width
        self._window = Window(size=lease.size, done=lease.done, width=width.now)
        self._reached: dict[UUID, Reached] = {}
        self._parcels: dict[int, Parcel] = {}
        self._message_ids: list[UUID] = []
        self._changed = asyncio.Event()
        self._stop: Result | None = None
        self._moved_at = self._committed_at = asyncio.get_running_loop().time()

    @property
    def is_moving(self) -> bool:
        return asyncio.get_running_loop().time() - self._moved_at < STILL_SECONDS

    async def run(self) -> None:
        """Until the chunk is finished or let go. Raises DatabaseGone when the worker stops without a database."""
        try:
            await self._send()
            if not self._window.is_finished:
                await self._let_go()
            if self._window.is_finished:
                await finish_campaigns(self._tools.database, self.lease.source_id)
        except LeaseLost:
            log.warning("Chunk %s has another owner now.", self.lease.id)
            self._outlet.withdraw(self)
        except BaseException:
            # Nobody settles this run any more: what is still queued must not leave.
            self._outlet.withdraw(self)
            raise

    async def adopt(self, results: dict[int, Result]) -> None:
        """Settle the declared recipients of a dead worker, of whom it is known or decided what became, and let the chunk go."""
        lease = self.lease
        declared = lease.contact_ids[lease.done : lease.started]
        self._reached = await load_reached(self._tools.database, self._source, declared)
        self._window.advance(lease.done, lease.started)
        for position, result in results.items():
            self._parcels[position] = self._make_parcel(position)
            self._window.take(position, result)
        await self.run()

    def stop(self, reason: Result) -> None:
        """Declare nothing more; what is on the wire is settled."""
        self._stop = self._stop or reason
        self._changed.set()

    def take_result(self, parcel: Parcel, result: Result) -> None:
        self._window.take(parcel.position, result)
        self._moved_at = self._outlet.now()
        if result.state == RETURNED:
            self.stop(result)
        elif self._window.is_worth_committing:
            self._changed.set()

    # --- sending -------------------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        if self._window.started > self._window.done or self._find_stop():
            return
        ids = self.lease.contact_ids[self.lease.done :]
        self._reached = await load_reached(self._tools.database, self._source, ids)
        await self._commit()
        while not self._window.is_finished:
            await self._wait()
            if self._find_stop():
                return
            if self._window.has_due:
                await self._commit()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._changed.wait()
        self._changed.clear()

    def _find_stop(self) -> Result | None:
        if self._stop is None and self._is_closed:
            self._stop = CLOSED
        return self._stop

    @property
    def _is_closed(self) -> bool:
        return self._outlet.is_closed_for(MARKETING, self._source.sender_domain)

    async def _commit(self) -> None:
        """Record what is due, declare as many again, ask the gate about them, hand them over."""
        window = self._window
        due = window.find_due()
        self._adapt_width(len(due))
        done = window.done + len(due)
        started = window.started if self._find_stop() else window.next_started(done)
        fresh = [self._make_parcel(position) for position in range(window.started, started)]
        ending = FINISHED if done == window.size else ""
        states = await self._write(due, done=done, started=started, ending=ending, fresh=fresh)
        window.advance(done, started)
        self._forget(due)
        stop = stop_for_states(*states)
        if stop is not None and not ending:
            self.stop(stop)
        for parcel in fresh:
            self._parcels[parcel.position] = parcel
        self._outlet.submit(fresh)
        if stop is not None:
            self._outlet.withdraw(self)

    def _adapt_width(self, recorded: int) -> None:
        now = self._outlet.now()
        self._width.note_commit(recorded, now - self._committed_at)
        self._committed_at, self._window.width = now, self._width.now

    def _make_parcel(self, position: int) -> Parcel:
        contact_id = self.lease.contact_ids[position]
        parcel = self._source.make_parcel(self, contact_id, self._reached.get(contact_id), position=position)
        self._message_ids.append(parcel.message_id)
        return parcel

    def _forget(self, due: list[tuple[int, Result]]) -> None:
        parcels = [self._parcels.pop(position) for position, _ in due]
        self._tools.journal.forget(parcel.message_id for parcel in parcels)
        for parcel in parcels:
            if parcel.contact_id is not None:
                self._reached.pop(parcel.contact_id, None)

    # --- letting go ----------------------------------------------------------------------------------------------------

    async def _let_go(self) -> None:
        """Settle what is on the wire, then give the rest of the chunk back."""
        self._outlet.withdraw(self)
        while self._window.outstanding:
            await self._wait()
            self._outlet.withdraw(self)  # What a lost connection gave back is not sent again by us.
        rows, end = self._window.find_ending()
        rows = [(position, self._settle_returned(result)) for position, result in rows]
        ending = FINISHED if end == self._window.size else RELEASED
        await self._write(rows, done=end, started=end, ending=ending, fresh=[])
        self._window.advance(end, end)
        self._forget(rows)

    def _settle_returned(self, result: Result) -> Result:
        """Someone in the middle was not sent to: with a canceled campaign that is final, else the outbox keeps them."""
        is_unsent = result.state in (RETURNED, POSTPONED)
        return CANCELED_CAMPAIGN if is_unsent and self._stop is CANCELED_CAMPAIGN else result

    # --- the database --------------------------------------------------------------------------------------------------

    async def _write(
        self, due: list[tuple[int, Result]], *, done: int, started: int, ending: str, fresh: list[Parcel]
    ) -> tuple[str | None, str | None]:
        """The states of campaign and account. Raises LeaseLost."""
        now = utc_now()
        pairs = [(self._parcels[position], result) for position, result in due]
        parameters = self._make_parameters(pairs, done=done, started=started, ending=ending, now=now)
        bounces = [
            Bounced(parcel, result, self._key_of(parcel), self.lease.source_id)
            for parcel, result in pairs
            if result.state == BOUNCED
        ]

        async def write(connection: Connection) -> list[tuple[Any, ...]]:
            if not bounces and ending != FINISHED:
                rows = await fetch(connection, load_sql("delivery", "commit_window"), parameters)
            else:
                rows = await self._write_in_transaction(connection, parameters, bounces, ending, now)
            if rows and fresh:
                await check_consent(connection, self.lease.account_id, self._source.topic_id, fresh)
            return rows

        rows = await self._tools.database.insist(write)
        if not rows:
            raise LeaseLost
        chunk_state, campaign_state, account_state = rows[0]
        if chunk_state == CANCELED_STATE:
            campaign_state = "canceled"
        elif chunk_state == PAUSED_STATE:
            campaign_state = "paused"
        return campaign_state, account_state

    async def _write_in_transaction(
        self,
        connection: Connection,
        parameters: dict[str, Any],
        bounces: list[Bounced],
        ending: str,
        now: datetime,
    ) -> list[tuple[Any, ...]]:
        account_id = self.lease.account_id
        async with connection.transaction():
            rows = await fetch(connection, load_sql("delivery", "commit_window"), parameters)
            if rows and bounces:
                await record_bounces(connection, account_id, "campaign", bounces, now=now)
            if rows and ending == FINISHED:
                ids = uuid_array(self._list_message_ids())
                await fetch(
                    connection,
                    load_sql("delivery", "record_engagement"),
                    {"account_id": account_id, "message_ids": ids},
                )
        return rows

    def _make_parameters(
        self, pairs: list[tuple[Parcel, Result]], *, done: int, started: int, ending: str, now: datetime
    ) -> dict[str, Any]:
        lease = self.lease
        outcomes = [
            make_window_outcome(parcel, result, transport_id=parcel.transport_id, now=now)
            for parcel, result in pairs
        ]
        return {
            "shard": lease.shard,
            "id": lease.id,
            "worker": lease.worker,
            "epoch": lease.epoch,
            "done": done,
            "started": started,
            "ending": ending,
            "lease_until": now + LEASE,
            "run_at": self._find_run_at(now) if ending == RELEASED else None,
            "now": now,
            "hour": start_of_hour(now),
            "counter_shard": find_counter_shard(),
            "moment": find_moment(now),
            "outcomes": encode_rows(outcomes),
        }

    def _find_run_at(self, now: datetime) -> datetime | None:
        """When the chunk may be claimed again; None: when the account has its turn."""
        if self._stop is STOPPED_ACCOUNT:
            return now + STOPPED_ACCOUNT_PAUSE
        if self._stop is CLOSED and not self._outlet.is_closed:
            # The account as such is not passed over, so this chunk would be claimed at once.
            return find_reopening(self._outlet, self._source, now)
        return None

    def _list_message_ids(self) -> list[UUID]:
        """Of the whole chunk, also of those who were sent to before it came to us."""
        earlier = self.lease.contact_ids[: self.lease.done]
        return [*map(self._source.composer.message_id, earlier), *self._message_ids]

    def _key_of(self, parcel: Parcel) -> str:
        reached = self._reached.get(parcel.contact_id) if parcel.contact_id else None
        return reached.key if reached else ""


class ChunkLane:
    """Claims chunks and runs them side by side."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._runs: dict[asyncio.Task[None], ChunkRun] = {}
        self._widths: dict[int, Width] = {}  # by account
        self._news = asyncio.Event()
        self._is_stopping = False
        self.largest_tag = 0.0
        self.is_hungry = False  # the last claim found nothing

    @property
    def run_count(self) -> int:
        return len(self._runs)

    def held_ids(self) -> list[UUID]:
        return [run.lease.id for run in self._runs.values()]

    def held_accounts(self) -> set[int]:
        return {run.lease.account_id for run in self._runs.values()}

    def wake(self) -> None:
        """A campaign was launched or resumed."""
        self._news.set()

    def stop(self) -> None:
        self._is_stopping = True
        for run in self._runs.values():
            run.stop(STOPPING)
        self._news.set()

    async def work(self) -> None:
        """Until `stop`, then until every run has ended."""
        while not self._is_stopping:
            lease = await self._claim() if self._has_room() else None
            self.is_hungry = lease is None
            if lease is not None:
                await self._begin(lease)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._news.wait()
            self._news.clear()
        await asyncio.gather(*self._runs, return_exceptions=True)

    def _has_room(self) -> bool:
        """Runs that only wait for a silent server take nobody's place."""
        return len(self._runs) < MOST_HELD and sum(run.is_moving for run in self._runs.values()) < MOST_RUNS

    async def _claim(self) -> ChunkLease | None:
        rows = await self._tools.database.run("claim_chunk", self._make_claim)
        return read_lease(rows[0]) if rows else None

    def _make_claim(self) -> dict[str, Any]:
        now = utc_now()
        counts = Counter(run.lease.account_id for run in self._runs.values())
        busy = [account_id for account_id, count in counts.items() if count >= RUNS_PER_ACCOUNT]
        return {
            "worker": self._tools.worker_id,
            "now": now,
            "lease_until": now + LEASE,
            "passed_over": int_array({*busy, *self._tools.ways.closed_accounts()}),
        }

    def _find_width(self, account_id: int) -> Width:
        if len(self._widths) > MOST_WIDTHS:
            self._widths.clear()
        return self._widths.setdefault(account_id, Width(self._tools.width))

    async def _begin(self, lease: ChunkLease) -> None:
        self.largest_tag = max(self.largest_tag, lease.tag)
        source = await self._tools.sources.find(lease.account_id, lease.source_id)
        if source is None:  # Its campaign is paused now; nothing of the chunk was declared.
            await release_chunk(self._tools, lease)
            return
        outlet = await self._tools.ways.find(lease.account_id)
        if outlet.is_closed_for(MARKETING, source.sender_domain):
            await release_chunk(self._tools, lease, run_at=find_reopening(outlet, source, utc_now()))
            return
        run = ChunkRun(lease, self._tools, source, outlet, self._find_width(lease.account_id))
        if self._is_stopping:
            run.stop(STOPPING)
        task = asyncio.create_task(run.run())
        self._runs[task] = run
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        run = self._runs.pop(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, DatabaseGone):
            log.error("Chunk %s: an error of ours; its lease will run out", run.lease.id, exc_info=error)
        self._news.set()


def find_reopening(outlet: Outlet, source: Source, now: datetime) -> datetime:
    """When something of a campaign may go again."""
    return now + timedelta(seconds=outlet.seconds_closed_for(MARKETING, source.sender_domain))


async def release_chunk(tools: Tools, lease: ChunkLease, *, run_at: datetime | None = None) -> None:
    """Give back a chunk of which nothing is declared; others may claim it from `run_at` on."""
    now = utc_now()
    await tools.database.run(
        "commit_window",
        {
            "shard": lease.shard,
            "id": lease.id,
            "worker": lease.worker,
            "epoch": lease.epoch,
            "done": lease.done,
            "started": lease.done,
            "ending": RELEASED,
            "lease_until": now,
            "run_at": run_at,
            "now": now,
            "hour": start_of_hour(now),
            "counter_shard": find_counter_shard(),
            "moment": find_moment(now),
            "outcomes": "[]",
        },
    )


def read_lease(row: tuple[Any, ...]) -> ChunkLease:
    """The columns of claim_chunk.sql and take_over_chunks.sql."""
    shard, chunk_id, account_id, source_id, lane, tag, contact_ids, done, started, epoch, worker = row
    return ChunkLease(
        shard, chunk_id, account_id, source_id, lane, tag, tuple(contact_ids), done, started, epoch, worker
    )
