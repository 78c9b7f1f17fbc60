"""One way out: its queue, its connections, its pace, and what happens when the server at the other end misbehaves.

1. `submit` queues parcels; connections are opened as there is work, up to the route's limit, and closed when idle.
2. A connection pulls parcels one ahead (`_next`): the urgent queue first, nothing that the gate has stopped or not answered freshly.
3. Before the final dot is written the journal notes it (`_note_dot`); with a stale or closed gate nothing of the body is written.
4. Every pulled parcel gets one result (`_take_outcome`). What only the connection is to blame for goes back to the queue.
5. After refused or lost connections the `Breaker` closes the way out for a while; then one connection tries.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from typing import cast

from dynamail.content.problems import ContentError
from dynamail.delivery.gate import FRESH, RENEW_AFTER, Gate
from dynamail.delivery.journal import Journal
from dynamail.delivery.outcomes import is_about_us, judge_content_failure, judge_outcome
from dynamail.delivery.pacing import Breaker, Pace
from dynamail.delivery.records import DEFERRED, DELIVERED, RETURNED, UNKNOWN, Owner, Parcel, Result
from dynamail.delivery.transports import Route
from dynamail.lib.clock import utc_now
from dynamail.protocols.address import AddressError
from dynamail.protocols.mime import HeaderError
from dynamail.protocols.smtp.client import open_connection
from dynamail.protocols.smtp.envelopes import Envelope, Outcome, Stage
from dynamail.protocols.smtp.replies import SmtpError

log = logging.getLogger(__name__)

IDLE_SECONDS = 5.0  # an unused connection is closed then
TRIES = 3  # connections that one attempt may use up
RESERVE_FROM = 4  # with this many connections or more, one in five is kept for urgent messages
TOO_LARGE = 552
GATE_BATCH = 50  # parcels asked about at once when their answers have aged in the queue


class GateClosed(Exception):
    """Raised just before a body is written: the person left meanwhile, or the gate's answer is too old to be trusted."""


class WayOut:
    """See the module. Used by one event loop."""

    def __init__(self, route: Route, *, gate: Gate, journal: Journal) -> None:
        self.route = route
        self.breaker = Breaker()
        self.sent = 0
        self._gate, self._journal = gate, journal
        self._pace = Pace(route.rate_per_second)
        self._share = 1  # workers alive: limits are for all of them
        self._urgent: deque[Parcel] = deque()
        self._bulk: deque[Parcel] = deque()
        self._undotted: set[Parcel] = set()  # pulled, and not yet ended by a dot
        self._connections: dict[asyncio.Task[None], bool] = {}  # → only for urgent messages?
        self._idle = 0  # connections for everything that have nothing to do
        self._is_closing_gate = False
        self._work = asyncio.Event()
        self._renewal: asyncio.Lock = asyncio.Lock()
        self._loop = asyncio.get_running_loop()

    def now(self) -> float:
        """The event loop's clock."""
        return self._loop.time()

    # --- for the lanes -------------------------------------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        return bool(self.route.problem) or self.breaker.is_closed(self._loop.time())

    @property
    def problem(self) -> str:
        """Why nothing goes out, as a sentence; "" when all is well."""
        return self.route.problem or self.breaker.reason

    @property
    def is_idle(self) -> bool:
        return not (self._connections or self._urgent or self._bulk)

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    @property
    def queued(self) -> int:
        return len(self._urgent) + len(self._bulk)

    def submit(self, parcels: Iterable[Parcel], *, urgent: bool = False) -> None:
        """Queue parcels whose gate has just been asked."""
        (self._urgent if urgent else self._bulk).extend(parcels)
        self._wake()

    def withdraw(self, owner: Owner) -> None:
        """Take an owner's parcels back that no connection has pulled; each gets the result `returned`."""
        for queue in (self._urgent, self._bulk):
            mine = [parcel for parcel in queue if parcel.owner is owner]
            if mine:
                left = [parcel for parcel in queue if parcel.owner is not owner]
                queue.clear()
                queue.extend(left)
                for parcel in mine:
                    owner.take_result(parcel, Result(RETURNED, reply=self.problem))

    def change_route(self, route: Route, *, share: int) -> None:
        """Settings changed, or the number of workers that share them. Open connections end when they are next idle."""
        moved = route.hop != self.route.hop
        self.route, self._share = route, max(1, share)
        self._pace.set_rate(route.rate_per_second / self._share if route.rate_per_second else None)
        if moved:
            self.breaker = Breaker()

    async def renew_gate(self) -> None:
        """Ask again about what waits on slow connections. The worker calls this several times a second."""
        now = self._loop.time()
        aged = [parcel for parcel in self._undotted if now - parcel.gated_at > RENEW_AFTER]
        if aged:
            await self._gate.check(aged)

    async def close(self) -> None:
        """Drop all connections now; what was in flight gets its result before this returns."""
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    # --- connections ---------------------------------------------------------------------------------------------------

    @property
    def _most_connections(self) -> int:
        if self.breaker.is_trying:
            return 1
        return max(1, self.route.connections // self._share)

    def _wake(self) -> None:
        """Let idle connections look, and open as many more as there is work for."""
        self._work.set()
        if self.is_closed:
            return
        most = self._most_connections
        reserve = most // 5 if most >= RESERVE_FROM else 0
        reserved = sum(self._connections.values())
        common = len(self._connections) - reserved
        for _ in range(min(most - reserve - common, self.queued - self._idle)):
            self._connect(urgent_only=False)
        if self._urgent and not self._idle and common >= most - reserve and reserved < reserve:
            self._connect(urgent_only=True)

    def _connect(self, *, urgent_only: bool) -> None:
        task = self._loop.create_task(self._serve(urgent_only))
        self._connections[task] = urgent_only
        task.add_done_callback(self._forget_connection)

    def _forget_connection(self, task: asyncio.Task[None]) -> None:
        del self._connections[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A connection to %s ended by an error of ours", self.route.name, exc_info=error)
            self.breaker.note_refused_connection(f"An internal error: {error}", self._loop.time())
            self._reopen_later()
        if self.queued and not task.cancelled():
            self._wake()

    def _reopen_later(self) -> None:
        """What is still queued when the pause is over gets its try; most owners have taken theirs back by then."""
        if self.is_closed:
            self._loop.call_later(self.breaker.closed_until - self._loop.time() + 0.01, self._wake)

    async def _serve(self, urgent_only: bool) -> None:
        """One connection, from its greeting to its end."""
        hop = self.route.hop
        try:
            connection = await open_connection(hop)
        except SmtpError as error:
            log.warning("%s: %s", self.route.name, error)
            self.breaker.note_refused_connection(str(error), self._loop.time())
            self._reopen_later()
            return
        next_envelope = self._next_urgent if urgent_only else self._next
        async with connection:
            while connection.is_usable and self.route.hop is hop:
                try:
                    await connection.deliver(
                        next_envelope, on_final_dot=self._note_dot, on_outcome=self._take_outcome
                    )
                except GateClosed:
                    self._is_closing_gate = False
                    break
                if not connection.is_usable or not await self._wait_for_work(urgent_only):
                    break

    async def _wait_for_work(self, urgent_only: bool) -> bool:
        """False when it is time to say goodbye: nothing to do, the way is closed, or a connection too many."""
        if self.is_closed or len(self._connections) > self._most_connections:
            return False
        queue = self._urgent if urgent_only else self._urgent or self._bulk
        if not queue:
            return await self._wait_idle(urgent_only)
        if self._is_stale(queue[0]):
            async with self._renewal:
                await self._renew_queue()
        elif pause := self._pace.seconds_to_wait(self._loop.time()):
            await asyncio.sleep(min(pause, IDLE_SECONDS))
        return True

    async def _wait_idle(self, urgent_only: bool) -> bool:
        self._work.clear()
        self._idle += not urgent_only
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._work.wait()
        except TimeoutError:
            return False
        finally:
            self._idle -= not urgent_only
        return True

    async def _renew_queue(self) -> None:
        waiting = [*self._urgent][:GATE_BATCH] + [*self._bulk][:GATE_BATCH]
        stale = [parcel for parcel in waiting if self._is_stale(parcel)]
        await self._gate.check(stale)

    def _is_stale(self, parcel: Parcel) -> bool:
        return parcel.stopped is None and self._loop.time() - parcel.gated_at > RENEW_AFTER

    # --- what a connection asks and tells ------------------------------------------------------------------------------

    def _next(self) -> Envelope | None:
        """The next message, composed; None when there is nothing to send at this moment."""
        if self._urgent and (envelope := self._pull(self._urgent)) is not None:
            return envelope
        return self._pull(self._bulk)

    def _next_urgent(self) -> Envelope | None:
        return self._pull(self._urgent)

    def _pull(self, queue: deque[Parcel]) -> Envelope | None:
        while queue:
            now = self._loop.time()
            if now < self.breaker.closed_until or self.route.problem:
                return None
            parcel = queue[0]
            if parcel.stopped is not None:
                queue.popleft()
                parcel.owner.take_result(parcel, parcel.stopped)
                continue
            if now - parcel.gated_at > RENEW_AFTER or not self._pace.take(now):
                return None
            queue.popleft()
            envelope = self._compose(parcel)
            if envelope is not None:
                self._undotted.add(parcel)
                parcel.transport_id = self.route.transport_id
                return envelope
        return None

    def _compose(self, parcel: Parcel) -> Envelope | None:
        try:
            envelope = parcel.compose(parcel, utc_now())
        except (ContentError, AddressError, HeaderError) as error:
            parcel.owner.take_result(parcel, judge_content_failure(str(error)))
        except Exception:
            # A defect of ours must not bounce a whole campaign: the message waits for another attempt.
            log.exception("Message %s could not be composed", parcel.message_id)
            parcel.owner.take_result(
                parcel, Result(DEFERRED, reply="An internal error while writing the message.")
            )
        else:
            parcel.size = len(envelope.body)
            return envelope
        return None

    def _note_dot(self, envelope: Envelope) -> None:
        parcel = cast(Parcel, envelope.token)
        if parcel.stopped is not None or self._loop.time() - parcel.gated_at > FRESH:
            self._is_closing_gate = True
            raise GateClosed
        self._undotted.discard(parcel)
        self._journal.note_dot(parcel.message_id)

    def _take_outcome(self, envelope: Envelope, outcome: Outcome) -> None:
        parcel = cast(Parcel, envelope.token)
        self._undotted.discard(parcel)
        result = judge_outcome(outcome)
        if result.state == DEFERRED and parcel.stopped is not None:
            result = parcel.stopped
        elif result.state == DEFERRED and outcome.retry_elsewhere:
            self._take_back(parcel, result)
            return
        else:
            self._note_answer(result, outcome)
            self._journal.note_reply(parcel.message_id, result)
        parcel.owner.take_result(parcel, result)

    def _take_back(self, parcel: Parcel, result: Result) -> None:
        """The connection failed, not the message: another one tries, as long as there is hope in it."""
        if not self._is_closing_gate:
            self.breaker.note_lost_connection(result.reply, self._loop.time())
            self._reopen_later()
            parcel.tries += 1
        if parcel.tries >= TRIES and not self.breaker.is_trying:
            parcel.owner.take_result(parcel, result)
        else:
            self._bulk.appendleft(parcel)
            self._work.set()

    def _note_answer(self, result: Result, outcome: Outcome) -> None:
        """Learn from it whether the way out works. A refusal of our own says something only about the message's size."""
        now = self._loop.time()
        if result.state == DELIVERED:
            self.sent += 1
            self.breaker.note_success()
        elif result.state == UNKNOWN:
            self.breaker.note_lost_connection(result.reply, now)
        elif outcome.stage is Stage.LOCAL:
            if result.code == TOO_LARGE:
                self.breaker.note_refusal(result.reply, now)
        elif is_about_us(result):
            self.breaker.note_refusal(result.reply, now)
        else:
            self.breaker.note_answer()
        self._reopen_later()
