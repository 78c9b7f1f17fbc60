"""The outbox lane: single messages and second attempts, one row each.

1. Rows that are due are claimed in small batches, separately for each priority: single messages never queue behind retries.
2. Each becomes a parcel: its own content (in the row, or that of its email), or the frozen content of its campaign. What has waited
   too long expires unsent.
3. The gate is asked, then the parcels are queued; single messages go first on every connection.
4. Results are settled in groups: whatever arrived while the last statement ran goes into the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from dynamail.consent.address_hash import hash_address
from dynamail.delivery.completing import finish_campaigns
from dynamail.delivery.database import Connection, fetch, int_array
from dynamail.delivery.emails import (
    MISSING,
    MOST_OCTETS,
    LoadedEmail,
    count_octets,
    judge_seal,
    load_emails,
    make_copy,
)
from dynamail.delivery.gate import Gate
from dynamail.delivery.outcomes import judge_content_failure
from dynamail.delivery.recording import (
    Bounced,
    OutboxOutcome,
    describe_attempt,
    encode_rows,
    find_counter_shard,
    find_moment,
    make_outbox_outcome,
    record_bounces,
    start_of_hour,
)
from dynamail.delivery.records import BOUNCED, DEFERRED, EXPIRED, RETURNED, OutboxRow, Parcel, Result
from dynamail.delivery.routing import find_domain, find_stream
from dynamail.delivery.sources import load_reached
from dynamail.delivery.tools import LEASE, Tools
from dynamail.lib.clock import utc_now
from dynamail.lib.sealing import CannotOpen
from dynamail.lib.sql import load_sql
from dynamail.messages.accepting import Content
from dynamail.messages.composing import ComposingSettings, compose_single
from dynamail.messages.composing_emails import compose_email
from dynamail.messages.composing_raw import compose_raw
from dynamail.messages.signing import SigningError
from dynamail.protocols.address import AddressError, parse_address
from dynamail.protocols.retrying import is_expired
from dynamail.protocols.smtp.envelopes import Envelope

log = logging.getLogger(__name__)

Compose = Callable[[Parcel, datetime], Envelope]

BATCH = 50
MOST_MOVING = 200  # claimed and not settled, for accounts whose messages get through
MOST_HELD = 5_000  # those included that wait for silent servers
MOST_PER_ACCOUNT = 100
STILL_SECONDS = 3.0  # after which an account without any result counts as waiting, and takes nobody's place
LOOK_SECONDS = 1.0
STOPPED_PAUSE = timedelta(minutes=1)  # before a row is looked at again whose account or campaign is stopped


def lost_domain(from_email: str) -> Result:
    """The domain was proved when the message was accepted and may be again: the message waits, as it does for a key that signs."""
    domain = find_domain(from_email)
    return Result(RETURNED, reply=f"Mail leaves only from verified domains, and {domain} is none any more.")


def never_compose(parcel: Parcel, now: datetime) -> Envelope:
    """Of a row that is only settled."""
    raise AssertionError("a message without content was to be written")


class Held:
    """A claimed row and its parcel. `key` is the folded address."""

    __slots__ = ("key", "octets", "parcel", "row")

    def __init__(self, row: OutboxRow, parcel: Parcel, key: str) -> None:
        self.row, self.parcel, self.key = row, parcel, key
        self.octets = 0  # of content in memory


class OutboxLane:
    """One priority of the outbox; the owner of its parcels."""

    is_patient = True

    def __init__(self, priority: int, tools: Tools, gate: Gate, composing: ComposingSettings) -> None:
        self._priority = priority
        self._tools, self._gate, self._composing = tools, gate, composing
        self._held: dict[UUID, Held] = {}
        self._counts: Counter[int] = Counter()  # held rows by account
        self._octets = 0  # of contents that are held
        self._moved_at: dict[int, float] = {}  # loop time of an account's last result, or of its first row
        self._results: list[tuple[Parcel, Result]] = []
        self._news = asyncio.Event()
        self._settled = asyncio.Event()
        self._is_stopping = False
        self.is_hungry = False  # the last claim found nothing

    @property
    def held_count(self) -> int:
        return len(self._held)

    def held_ids(self) -> list[UUID]:
        return list(self._held)

    def held_accounts(self) -> set[int]:
        return set(self._counts)

    def wake(self) -> None:
        """Messages were accepted."""
        self._news.set()

    def stop(self) -> None:
        self._is_stopping = True
        self._news.set()

    def take_result(self, parcel: Parcel, result: Result) -> None:
        self._results.append((parcel, result))
        self._moved_at[parcel.account_id] = asyncio.get_running_loop().time()
        self._settled.set()

    async def work(self) -> None:
        """Until `stop`, then until everything held is settled or given back. Raises what kept it from settling."""
        settling = asyncio.create_task(self._settle_results())
        while not (self._is_stopping or settling.done()):
            self._withdraw_from_closed()
            rows = await self._claim() if self._has_room() else []
            self.is_hungry = not rows
            if rows:
                await self._begin(rows)
            if len(rows) == BATCH:
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._news.wait()
            self._news.clear()
        self._settled.set()
        await settling

    def _withdraw_from_closed(self) -> None:
        for outlet in self._tools.ways.list_outlets():
            if self._is_stopping:
                outlet.withdraw(self)
            elif outlet.is_closed:
                outlet.withdraw_from_closed(self)

    # --- claiming ------------------------------------------------------------------------------------------------------

    def _has_room(self) -> bool:
        """Rows that only wait for a silent server keep nobody else's from being claimed."""
        since = asyncio.get_running_loop().time() - STILL_SECONDS
        moving = sum(
            count for account_id, count in self._counts.items() if self._moved_at[account_id] > since
        )
        return moving < MOST_MOVING and len(self._held) < MOST_HELD

    def _hold(self, held: Held) -> None:
        account_id = held.row.account_id
        self._held[held.row.id] = held
        self._octets += held.octets
        if not self._counts[account_id]:
            self._moved_at[account_id] = asyncio.get_running_loop().time()
        self._counts[account_id] += 1

    def _let_go(self, held: Held) -> None:
        account_id = held.row.account_id
        del self._held[held.row.id]
        self._octets -= held.octets
        self._counts[account_id] -= 1
        if not self._counts[account_id]:
            del self._counts[account_id], self._moved_at[account_id]

    async def _claim(self) -> list[OutboxRow]:
        rows = [OutboxRow(*row) for row in await self._tools.database.run("claim_outbox", self._make_claim)]
        # A row whose settling is repeated, since the answer was lost, can be claimed in between: the repetition gives it back.
        return [row for row in rows if row.id not in self._held]

    def _make_claim(self) -> dict[str, Any]:
        now = utc_now()
        full = [account_id for account_id, count in self._counts.items() if count >= MOST_PER_ACCOUNT]
        return {
            "worker": self._tools.worker_id,
            "now": now,
            "lease_until": now + LEASE,
            "priority": self._priority,
            "size": BATCH,
            "passed_over": int_array({*full, *self._tools.ways.closed_accounts()}),
        }

    async def _begin(self, rows: list[OutboxRow]) -> None:
        """Make parcels, ask the gate, queue them."""
        now = utc_now()
        fresh = await self._make_campaign_parcels([row for row in rows if row.is_campaign])
        fresh += await self._make_email_parcels([row for row in rows if row.email_id is not None])
        fresh += [
            await self._make_signed(row) for row in rows if not row.is_campaign and row.email_id is None
        ]
        for held in fresh:
            self._hold(held)
        parcels = []
        for held in fresh:
            if is_expired(held.row.created_at, now):
                stopped = held.parcel.stopped
                reply = held.row.last_reply or (stopped.reply if stopped is not None else "")
                self.take_result(held.parcel, Result(EXPIRED, code=held.row.last_code, reply=reply))
            elif held.parcel.stopped is not None:
                self.take_result(held.parcel, held.parcel.stopped)
            else:
                parcels.append(held.parcel)
        await self._gate.check(parcels)
        by_account: dict[int, list[Parcel]] = defaultdict(list)
        for parcel in parcels:
            by_account[parcel.account_id].append(parcel)
        for account_id, members in by_account.items():
            outlet = await self._tools.ways.find(account_id)
            outlet.submit(members, urgent=self._priority == 0)

    async def _make_campaign_parcels(self, rows: list[OutboxRow]) -> list[Held]:
        groups: dict[tuple[int, UUID], list[OutboxRow]] = defaultdict(list)
        for row in rows:
            if row.source_id is not None:
                groups[row.account_id, row.source_id].append(row)
        made = []
        for (account_id, source_id), members in groups.items():
            source = await self._tools.sources.find(account_id, source_id)
            if source is None:
                made += [self._make_stopped(row) for row in members]
                continue
            ids = [row.contact_id for row in members if row.contact_id is not None]
            reached = await load_reached(self._tools.database, source, ids)
            for row in members:
                if row.contact_id is not None:
                    known = reached.get(row.contact_id)
                    parcel = source.make_parcel(self, row.contact_id, known)
                    made.append(Held(row, parcel, known.key if known else ""))
        return made

    async def _make_email_parcels(self, rows: list[OutboxRow]) -> list[Held]:
        most = max(0, MOST_OCTETS - self._octets)
        emails = await load_emails(self._tools.database, rows, most=most)
        made, counted = [], set()
        for row in rows:
            key = row.account_id, row.email_id
            loaded = emails.get(key) or LoadedEmail(None, MISSING)  # type: ignore[arg-type]
            held = await self._make_email_parcel(row, loaded)
            if loaded.email is not None and key not in counted:
                counted.add(key)
                held.octets = count_octets(loaded.email)
            made.append(held)
        return made

    async def _make_email_parcel(self, row: OutboxRow, loaded: LoadedEmail) -> Held:
        email = loaded.email
        if email is None:
            return self._make_single(row, stopped=loaded.problem)
        try:
            identity = await self._tools.sources.identities.find(row.account_id, email.from_email)
            copy = make_copy(row)
            if identity is None and not row.to_mailbox:
                outlet = await self._tools.ways.find(row.account_id)
                if outlet.routing.may_leave:
                    return self._make_single(row, stopped=lost_domain(email.from_email))
        except SigningError as error:
            return self._make_single(row, stopped=Result(RETURNED, reply=str(error)))
        except CannotOpen as error:
            return self._make_single(row, stopped=judge_seal(error))
        compose = compose_raw if email.raw is not None else compose_email
        settings = self._composing

        def write(parcel: Parcel, now: datetime) -> Envelope:
            return compose(email, copy, settings=settings, identity=identity, now=now, token=parcel)

        held = self._make_single(row, compose=write)
        parcel = held.parcel
        parcel.stream, parcel.stream_key = email.stream_kind, email.stream
        parcel.sender_domain = find_domain(email.from_email)
        return held

    def _make_stopped(self, row: OutboxRow) -> Held:
        reply = "The campaign's content cannot be written."
        return self._make_single(row, stopped=Result(RETURNED, reply=reply))

    async def _make_signed(self, row: OutboxRow) -> Held:
        from_email = (row.payload or {}).get("from_email", "")
        try:
            identity = await self._tools.sources.identities.find(row.account_id, from_email)
        except SigningError as error:
            return self._make_single(row, stopped=Result(RETURNED, reply=str(error)))
        settings, payload = self._composing, row.payload or {}

        def compose(parcel: Parcel, now: datetime) -> Envelope:
            return compose_single(
                read_content(payload),
                message_id=row.id,
                recipient=row.recipient,
                settings=settings,
                now=now,
                token=parcel,
                identity=identity,
            )

        return self._make_single(row, compose=compose)

    def _make_single(
        self, row: OutboxRow, *, compose: Compose = never_compose, stopped: Result | None = None
    ) -> Held:
        payload = row.payload or {}
        parcel = Parcel(
            owner=self,
            account_id=row.account_id,
            message_id=row.id,
            email=row.recipient,
            compose=compose,
            contact_id=row.contact_id,
            topic_id=row.topic_id,
            stopped=stopped,
            stream=find_stream(row.source_kind),
            to_mailbox=row.to_mailbox,
            sender_domain=find_domain(str(payload.get("from_email", ""))),
        )
        key = ""
        try:
            key = parcel.email_key = parse_address(row.recipient).key
            parcel.address_hash = hash_address(row.account_id, key)
        except AddressError as error:
            parcel.stopped = stopped or judge_content_failure(str(error))
        return Held(row, parcel, key)

    async def adopt(self, findings: list[tuple[OutboxRow, Result]], *, worker: UUID) -> None:
        """Settle rows of a dead worker, of which it is known or decided what became of them."""
        rows = [row for row, _ in findings]
        held = await self._make_campaign_parcels([row for row in rows if row.is_campaign])
        held += [self._make_single(row) for row in rows if not row.is_campaign]
        for one in held:
            self._hold(one)
        await self._settle([(self._held[row.id].parcel, result) for row, result in findings], worker=worker)

    # --- settling ------------------------------------------------------------------------------------------------------

    async def _settle_results(self) -> None:
        while not (self._is_stopping and not self._held):
            self._withdraw_from_closed()
            if self._results:
                results, self._results = self._results, []
                await self._settle(results, worker=self._tools.worker_id)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._settled.wait()
            self._settled.clear()

    async def _settle(self, results: list[tuple[Parcel, Result]], *, worker: UUID) -> None:
        now = utc_now()
        entries = [(self._held[parcel.message_id], result) for parcel, result in results]
        outcomes = [self._make_outcome(held, result, now) for held, result in entries]
        parameters = {
            "worker": worker,
            "now": now,
            "hour": start_of_hour(now),
            "counter_shard": find_counter_shard(),
            "moment": find_moment(now),
            "outcomes": encode_rows(outcomes),
        }
        bounces = [(held, result) for held, result in entries if result.state == BOUNCED]
        await self._tools.database.insist(
            lambda connection: self._write(connection, parameters, bounces, now)
        )
        for held, _ in entries:
            self._let_go(held)
        self._tools.journal.forget(held.row.id for held, _ in entries)
        ended = {
            held.row.source_id
            for (held, _), outcome in zip(entries, outcomes, strict=True)
            if held.row.is_campaign and outcome.state not in (DEFERRED, RETURNED)
        }
        for source_id in ended:
            await finish_campaigns(self._tools.database, source_id)
        self._news.set()

    def _make_outcome(self, held: Held, result: Result, now: datetime) -> OutboxOutcome:
        outcome = make_outbox_outcome(
            held.row, held.parcel, result, transport_id=held.parcel.transport_id, now=now
        )
        if outcome.state == RETURNED and held.parcel.stopped is not None and not result.wait:
            outcome.run_at = now + STOPPED_PAUSE
        return outcome

    async def _write(
        self,
        connection: Connection,
        parameters: dict[str, Any],
        bounces: list[tuple[Held, Result]],
        now: datetime,
    ) -> None:
        if not bounces:
            await fetch(connection, load_sql("delivery", "settle_outbox"), parameters)
            return
        groups: dict[tuple[int, str], list[Bounced]] = defaultdict(list)
        for held, result in bounces:
            row = held.row
            if row.account_id:  # the installation's own mail has no suppressions and no events
                told = describe_attempt(result, row.attempts + 1) if row.email_id is not None else None
                bounced = Bounced(held.parcel, result, held.key, row.source_id, told)
                groups[row.account_id, row.source_kind].append(bounced)
        async with connection.transaction():
            await fetch(connection, load_sql("delivery", "settle_outbox"), parameters)
            for (account_id, source_kind), members in groups.items():
                await record_bounces(connection, account_id, source_kind, members, now=now)


def read_content(payload: dict[str, Any]) -> Content:
    """A row's payload as accept_message wrote it."""
    headers = tuple((name, value) for name, value in payload.get("headers", ()))
    return Content(**{**payload, "headers": headers})
