"""One way out: its queue, its connections, its pace, and what happens when the server at the other end misbehaves.

1. `submit` queues parcels; connections are opened as there is work, up to the throttle's limit, and closed when idle.
2. A connection pulls parcels one ahead (`_next`): the urgent queue first, nothing that the gate has stopped or not answered freshly.
3. Before the final dot is written the journal notes it (`_note_dot`); with a stale or closed gate nothing of the body is written.
4. Every pulled parcel gets one result (`_take_outcome`). What only the connection is to blame for goes back to the queue.
5. After refused or lost connections the `Breaker` closes the way out for a while; then one connection tries. A server that does not
   even greet closes it too, for as long as it is silent (`is_stalled`).
6. Whenever nothing can go for a while, `on_trouble` lets somebody move what is queued (`give_up_queue`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from dynamail.content.problems import ContentError
from dynamail.delivery.carriers import Carrier, Link
from dynamail.delivery.gate import FRESH, RENEW_AFTER, Gate
from dynamail.delivery.health import Tally
from dynamail.delivery.journal import Journal
from dynamail.delivery.outcomes import is_about_us, judge_content_failure, judge_outcome
from dynamail.delivery.pacing import Breaker, Slots
from dynamail.delivery.places import Places
from dynamail.delivery.records import (
    BOUNCED,
    DEFERRED,
    DELIVERED,
    RETURNED,
    UNKNOWN,
    Owner,
    Parcel,
    Result,
)
from dynamail.delivery.throttling import Throttle
from dynamail.delivery.transports import Route
from dynamail.lib.clock import utc_now
from dynamail.protocols.address import AddressError
from dynamail.protocols.mime import HeaderError
from dynamail.protocols.smtp.envelopes import Envelope, Outcome, Stage
from dynamail.protocols.smtp.pipeline import NextEnvelope
from dynamail.protocols.smtp.replies import SmtpError

log = logging.getLogger(__name__)

IDLE_SECONDS = 5.0  # an unused connection is closed then
TRIES = 3  # connections that one attempt may use up
RESERVE_FROM = 4  # with this many connections or more, one in five is kept for urgent messages
TOO_LARGE = 552
STALL_SECONDS = 4.0  # after which a server that does not greet counts as closed
LONGEST_WAIT = 20.0  # seconds that a message may wait for its turn here; else it goes back to the database
BUSY_SECONDS = 1.0
UNKNOWN_SPEED = 200.0  # messages a second; what it is thought to manage before it was seen at work
TRYING_INTERVAL = 0.05  # seconds between postponed messages that no limit holds back
GATE_BATCH = 50  # parcels asked about at once when their answers have aged in the queue


class CountDown:
    """`next_envelope`, so many times."""

    def __init__(self, next_envelope: NextEnvelope, left: int) -> None:
        self._next, self.left = next_envelope, left

    def __call__(self) -> Envelope | None:
        if self.left <= 0 or (envelope := self._next()) is None:
            return None
        self.left -= 1
        return envelope


class GateClosed(Exception):
    """Raised just before a body is written: the person left meanwhile, or the gate's answer is too old to be trusted."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """What all ways out of one worker share. `places` bounds the connections to destinations, all together."""

    gate: Gate
    journal: Journal
    places: Places


class WayOut:
    """See the module. Used by one event loop. `on_trouble` is called when what is queued will not go soon."""

    def __init__(
        self,
        route: Route,
        carrier: Carrier,
        throttle: Throttle,
        *,
        equipment: Equipment,
        site: str = "",
        on_trouble: Callable[[WayOut], None] = lambda way: None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.route, self.carrier, self.throttle = route, carrier, throttle
        self.site = site
        self.breaker = Breaker()
        self.tally = Tally(route.account_id, route.transport_id, site)
        self.sent = 0
        self.used_at = 0.0
        self._gate, self._journal = equipment.gate, equipment.journal
        self._places = equipment.places if route.is_direct else None
        self._on_trouble = on_trouble
        self._slots = Slots()
        self._urgent: deque[Parcel] = deque()
        self._bulk: deque[Parcel] = deque()
        self._undotted: set[Parcel] = set()  # pulled, and not yet ended by a dot
        self._connections: dict[asyncio.Task[None], bool] = {}  # → only for urgent messages?
        self._greeted = 0
        self._silent_since: float | None = None  # connecting, and nobody has greeted yet
        self._idle = 0  # connections for everything that have nothing to do
        self._short_at = float("-inf")  # when the throttle said no
        self._speed = UNKNOWN_SPEED  # messages a second, as long as there are any
        self._pulled = 0  # since it was looked at last
        self._looked_at, self._had_queue = self._loop.time(), False
        self._is_closing_gate = False
        self._waker: asyncio.TimerHandle | None = None
        self._work = asyncio.Event()
        self._renewal: asyncio.Lock = asyncio.Lock()

    # --- for the lanes and the outlet ----------------------------------------------------------------------------------

    @property
    def is_closed(self) -> bool:
        """Nothing goes out now, nor within LONGEST_WAIT."""
        now = self._loop.time()
        return (
            bool(self.route.problem)
            or self.breaker.is_closed(now)
            or self.is_stalled(now)
            or self.throttle.seconds_to_wait(now) > LONGEST_WAIT
        )

    def is_stalled(self, now: float) -> bool:
        """Connections are being opened, and no server has greeted for some time."""
        return self._silent_since is not None and now - self._silent_since > STALL_SECONDS

    @property
    def is_full(self) -> bool:
        """What is queued will take it longer than BUSY_SECONDS, so others should get more."""
        if self.breaker.is_trying:
            return self.queued > 0 or self._silent_since is not None
        return self.queued > self.room

    @property
    def room(self) -> int:
        """How many messages may be queued: what leaves in BUSY_SECONDS, and at least what keeps all connections busy."""
        return 2 * self.most_connections + int(self._speed * BUSY_SECONDS)

    @property
    def problem(self) -> str:
        """Why nothing goes out, as a sentence; "" when all is well."""
        if self.route.problem or self.breaker.reason:
            return self.route.problem or self.breaker.reason
        now = self._loop.time()
        if self.is_stalled(now):
            return "The server does not answer."
        if self.throttle.seconds_to_wait(now) > LONGEST_WAIT:
            return self.throttle.reason or "The limit of messages is reached."
        return ""

    @property
    def state(self) -> str:
        """One word for a page: open, closed, trying, silent, slowed."""
        now = self._loop.time()
        if self.is_stalled(now):
            return "silent"
        if self.is_closed:
            return "closed"
        if self.breaker.is_trying:
            return "trying"
        return "slowed" if self.throttle.reason or self._is_short(now) else "open"

    @property
    def is_idle(self) -> bool:
        return not (self._connections or self._urgent or self._bulk)

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    @property
    def most_connections(self) -> int:
        if self.breaker.is_trying:
            return 1
        return max(1, min(self.route.connections, self.throttle.most_connections))

    @property
    def queued(self) -> int:
        return len(self._urgent) + len(self._bulk)

    @property
    def seconds_closed(self) -> float:
        """How long it will surely stay closed; 0 when it is open. A wrong setting is looked at again in a while."""
        now = self._loop.time()
        if self.route.problem:
            return LONGEST_WAIT
        closed = max(0.0, self.breaker.closed_until - now)
        throttled = self.throttle.seconds_to_wait(now)
        if throttled > LONGEST_WAIT:
            closed = max(closed, throttled)
        return max(closed, STALL_SECONDS / 2) if self.is_stalled(now) else closed

    def describe(self) -> dict[str, Any]:
        """What a page shows about it."""
        now = self._loop.time()
        return {
            "account_id": self.route.account_id,
            "transport_id": self.route.transport_id,
            "name": self.route.name,
            "site": self.site,
            "connections": self.connection_count,
            "queued": self.queued,
            "sent": self.sent,
            "problem": self.problem,
            "state": self.state,
            "is_closed": self.is_closed,
            "closed_seconds": round(self.seconds_closed),
            "throttle": {
                "reason": self.throttle.reason,
                "wait_seconds": round(self.throttle.seconds_to_wait(now), 1),
                "connections": self.most_connections,
            },
        }

    def submit(self, parcels: Iterable[Parcel], *, urgent: bool = False) -> None:
        """Queue parcels whose gate has just been asked."""
        (self._urgent if urgent else self._bulk).extend(parcels)
        self.wake()

    def expect_wait(self, *, urgent: bool) -> float:
        """Seconds until a message that is queued now would have its turn, as far as limits are to blame; a guess."""
        now = self._loop.time()
        if not self._is_short(now):
            return 0.0
        return (len(self._urgent) if urgent else self.queued) * self.throttle.seconds_per_message

    def find_slot(self) -> float:
        """Seconds after which one message that cannot go now should come again; each call gives a later moment."""
        now = self._loop.time()
        earliest = self.seconds_closed
        if earliest and self.breaker.is_trying:
            earliest += self.breaker.pause  # The first try is for those that are still queued.
        interval = max(self.throttle.seconds_per_message, TRYING_INTERVAL)
        return self._slots.find_wait(now, earliest=max(earliest, 1.0), interval=interval)

    def withdraw(self, owner: Owner) -> None:
        """Take an owner's parcels back that no connection has pulled; each gets the result `returned`."""
        for queue in (self._urgent, self._bulk):
            mine = [parcel for parcel in queue if parcel.owner is owner]
            if mine:
                left = [parcel for parcel in queue if parcel.owner is not owner]
                queue.clear()
                queue.extend(left)
                result = Result(RETURNED, reply=self.problem, wait=min(self.seconds_closed, LONGEST_WAIT))
                for parcel in mine:
                    owner.take_result(parcel, result)

    def give_up_surplus(self) -> list[Parcel]:
        """Take what it has no room for from the end of its queue."""
        surplus = min(self.queued - self.room, len(self._bulk))
        return [self._bulk.pop() for _ in range(surplus)][::-1] if surplus > 0 else []

    def give_up_queue(self, is_given: Callable[[Parcel], bool]) -> list[tuple[Parcel, bool]]:
        """Take those parcels out of the queue, each with whether it is urgent."""
        given: list[tuple[Parcel, bool]] = []
        for queue, urgent in ((self._urgent, True), (self._bulk, False)):
            if queue:
                mine = [parcel for parcel in queue if is_given(parcel)]
                left = [parcel for parcel in queue if not is_given(parcel)] if mine else queue
                given += [(parcel, urgent) for parcel in mine]
                if mine:
                    queue.clear()
                    queue.extend(left)
        return given

    def change(self, route: Route, carrier: Carrier, throttle: Throttle) -> None:
        """Settings changed. Open connections to another place end when they are next idle."""
        if carrier != self.carrier:
            self.carrier = carrier
            self.breaker = Breaker()
        self.route, self.throttle = route, throttle

    def look(self, now: float) -> None:
        """Several times a second: how fast is it, has the server fallen silent, does the throttle hold everything back?"""
        if self.queued and self._had_queue and now > self._looked_at:
            self._speed = 0.8 * self._speed + 0.2 * self._pulled / (now - self._looked_at)
        self._pulled, self._looked_at, self._had_queue = 0, now, self.queued > 0
        if self.queued and (self.is_stalled(now) or self.throttle.seconds_to_wait(now) > LONGEST_WAIT):
            self._on_trouble(self)

    def list_aged(self, now: float) -> list[Parcel]:
        """What waits on slow connections and must be asked about again."""
        return [parcel for parcel in self._undotted if now - parcel.gated_at > RENEW_AFTER]

    def close_idle(self) -> None:
        """Somebody else needs the connections that do nothing here."""
        self._work.set()

    async def close(self) -> None:
        """Drop all connections now; what was in flight gets its result before this returns."""
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    # --- connections ---------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Let idle connections look, and open as many more as there is work for."""
        self._work.set()
        if self.is_closed:
            self._wake_later()
            return
        most = self.most_connections
        reserve = most // 5 if most >= RESERVE_FROM else 0
        reserved = sum(self._connections.values())
        common = len(self._connections) - reserved
        for _ in range(min(most - reserve - common, self.queued - self._idle)):
            if not self._connect(urgent_only=False):
                return
        if self._urgent and not self._idle and common >= most - reserve and reserved < reserve:
            self._connect(urgent_only=True)

    def _connect(self, *, urgent_only: bool) -> bool:
        if self._places is not None and not self._places.take(self):
            return False
        if not self._greeted and self._silent_since is None:
            self._silent_since = self._loop.time()
        task = self._loop.create_task(self._serve(urgent_only))
        self._connections[task] = urgent_only
        task.add_done_callback(self._forget_connection)
        return True

    def _forget_connection(self, task: asyncio.Task[None]) -> None:
        del self._connections[task]
        if not self._connections:
            self._silent_since = None
        if self._places is not None:
            self._places.give_back()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A connection to %s ended by an error of ours", self.route.name, exc_info=error)
            self.breaker.note_refused_connection(f"An internal error: {error}", self._loop.time())
            self._look_at_trouble()
        if self.queued and not task.cancelled():
            self.wake()

    def _look_at_trouble(self) -> None:
        """After every failure: if it closed the way, what is queued may leave another way."""
        if self.is_closed and self.queued:
            self._on_trouble(self)
            self._wake_later()

    def _wake_later(self) -> None:
        """What is still queued when the pause is over gets its try; most owners have taken theirs back by then."""
        if self._waker is not None:
            self._waker.cancel()
        pause = min(self.seconds_closed, LONGEST_WAIT) + 0.01
        self._waker = self._loop.call_later(pause, self.wake) if self.queued else None

    async def _serve(self, urgent_only: bool) -> None:
        """One connection, from its greeting to its end."""
        carrier = self.carrier
        try:
            link = await carrier.open()
        except SmtpError as error:
            log.warning("%s: %s", self._label, error)
            now = self._loop.time()
            self.tally.failed += 1
            self.breaker.note_refused_connection(str(error), now)
            self.throttle.note_connection_refused(str(error), now)
            self._look_at_trouble()
            return
        self._greeted += 1
        self._silent_since = None
        try:
            async with link:
                await self._feed(link, carrier, urgent_only)
        finally:
            self._greeted -= 1

    async def _feed(self, link: Link, carrier: Carrier, urgent_only: bool) -> None:
        """Messages, as long as there are any and the link is fit for them."""
        pull = self._next_urgent if urgent_only else self._next
        limit = self.throttle.most_per_connection
        counter = CountDown(pull, limit) if limit is not None else None
        while link.is_usable and self.carrier is carrier:
            try:
                await link.deliver(
                    counter or pull, on_final_dot=self._note_dot, on_outcome=self._take_outcome
                )
            except GateClosed:
                self._is_closing_gate = False
                return
            if counter is not None and counter.left <= 0:
                return
            if not link.is_usable or not await self._wait_for_work(urgent_only):
                return

    @property
    def _label(self) -> str:
        return f"{self.route.name} → {self.site}" if self.site else self.route.name

    async def _wait_for_work(self, urgent_only: bool) -> bool:
        """False when it is time to say goodbye: nothing to do, the way is closed, or a connection too many."""
        if self.is_closed or len(self._connections) > self.most_connections:
            return False
        queue = self._urgent if urgent_only else self._urgent or self._bulk
        if not queue:
            return await self._wait_idle(urgent_only)
        if self._is_stale(queue[0]):
            async with self._renewal:
                await self._renew_queue()
        elif pause := self.throttle.seconds_to_wait(self._loop.time()):
            await asyncio.sleep(min(pause, IDLE_SECONDS))
        return True

    async def _wait_idle(self, urgent_only: bool) -> bool:
        self._work.clear()
        self._idle += not urgent_only
        if self._places is not None:
            self._places.idle.add(self)
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._work.wait()
        except TimeoutError:
            return False
        finally:
            self._idle -= not urgent_only
            if self._places is not None and not self._idle:
                self._places.idle.discard(self)
        # Woken without work: somebody else needs the place.
        return bool(self._urgent or (self._bulk and not urgent_only)) or self._places is None

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
            if now - parcel.gated_at > RENEW_AFTER:
                return None
            if not self.throttle.take(now):
                self._short_at = now
                return None
            queue.popleft()
            envelope = self._compose(parcel)
            if envelope is None:
                self.throttle.give_back()
            else:
                self._pulled += 1
                self._undotted.add(parcel)
                parcel.transport_id = self.route.transport_id
                return envelope
        return None

    def _is_short(self, now: float) -> bool:
        return now - self._short_at < 2 * IDLE_SECONDS

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
            self.throttle.give_back()
        elif result.state == DEFERRED and outcome.retry_elsewhere:
            self._take_back(parcel, result)
            return
        else:
            self._note_answer(result, outcome)
            self._journal.note_reply(parcel.message_id, result)
        parcel.owner.take_result(parcel, result)

    def _take_back(self, parcel: Parcel, result: Result) -> None:
        """The connection failed, not the message: another one tries, as long as there is hope in it."""
        self.throttle.give_back()
        if not self._is_closing_gate:
            now = self._loop.time()
            self.tally.failed += 1
            self.breaker.note_lost_connection(result.reply, now)
            self.throttle.note_result(result, now)
            parcel.tries += 1
        if parcel.tries >= TRIES and not self.breaker.is_trying:
            parcel.owner.take_result(parcel, result)
        else:
            self._bulk.appendleft(parcel)
            self._work.set()
            self._look_at_trouble()

    def _note_answer(self, result: Result, outcome: Outcome) -> None:
        """Learn from it whether the way out works. A refusal of our own says something only about the message's size."""
        now = self._loop.time()
        self.throttle.note_result(result, now)
        if result.state == DELIVERED:
            self.sent += 1
            self.tally.delivered += 1
            self.breaker.note_success()
            return
        self._count(result)
        if result.state == UNKNOWN:
            self.breaker.note_lost_connection(result.reply, now)
        elif outcome.stage is Stage.LOCAL:
            if result.code == TOO_LARGE:
                self.breaker.note_refusal(result.reply, now)
        elif is_about_us(result):
            self.breaker.note_refusal(result.reply, now)
        else:
            self.breaker.note_answer()
        self._look_at_trouble()

    def _count(self, result: Result) -> None:
        if result.state == BOUNCED:
            self.tally.bounced += 1
        elif result.state == DEFERRED:
            self.tally.deferred += 1
