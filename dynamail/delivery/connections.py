"""One way out: its queue, its connections, its pace, and what happens when the server at the other end misbehaves.

1. `submit` queues parcels; connections are opened as there is work, up to the throttle's limit, and closed when idle.
2. A connection pulls parcels one ahead and tells what became of each (`feeds`).
3. After refused or lost connections the `Breaker` closes the way out for a while; then one connection tries. A server that does not
   even greet closes it too, for as long as it is silent (`is_stalled`).
4. Whenever nothing can go for a while, `on_trouble` lets somebody move what is queued (`give_up_queue`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dynamail.delivery.carriers import Carrier, Link
from dynamail.delivery.feeds import Feed, GateClosed
from dynamail.delivery.gate import Gate
from dynamail.delivery.journal import Journal
from dynamail.delivery.pacing import Breaker, Slots
from dynamail.delivery.places import Places
from dynamail.delivery.queues import Waiting
from dynamail.delivery.records import (
    RETURNED,
    Owner,
    Parcel,
    Result,
)
from dynamail.delivery.throttling import Throttle
from dynamail.delivery.transports import Route
from dynamail.protocols.smtp.envelopes import Envelope
from dynamail.protocols.smtp.pipeline import NextEnvelope
from dynamail.protocols.smtp.replies import SmtpError

log = logging.getLogger(__name__)

IDLE_SECONDS = 5.0  # an unused connection is closed then
RESERVE_FROM = 4  # with this many connections or more, one in five is kept for urgent messages
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


@dataclass(frozen=True, slots=True)
class Equipment:
    """What all ways out of one worker share. `places` bounds the connections to destinations, all together."""

    gate: Gate
    journal: Journal
    places: Places


@dataclass(slots=True, weakref_slot=True)
class Crowd:
    """Ways out to one site by different hosts: its limits are for all of them."""

    connections: int = 0


class WayOut(Feed):
    """See the module. Used by one event loop. `on_trouble` is called when what is queued will not go soon."""

    def __init__(
        self,
        route: Route,
        carrier: Carrier,
        throttle: Throttle,
        *,
        equipment: Equipment,
        site: str = "",
        crowd: Crowd | None = None,
        on_trouble: Callable[[WayOut], None] = lambda way: None,
    ) -> None:
        super().__init__(route, throttle, journal=equipment.journal, site=site)
        self.carrier = carrier
        self.used_at = 0.0
        self._gate = equipment.gate
        self._places = equipment.places if route.is_direct else None
        self._crowd = crowd or Crowd()
        self._on_trouble = on_trouble
        self._slots = Slots()
        self._connections: dict[asyncio.Task[None], bool] = {}  # → only for urgent messages?
        self._greeted = 0
        self._silent_since: float | None = None  # connecting, and nobody has greeted yet
        self._idle = 0  # connections for everything that have nothing to do
        self._speed = UNKNOWN_SPEED  # messages a second, as long as there are any
        self._looked_at, self._had_queue = self._loop.time(), False
        self._waker: asyncio.TimerHandle | None = None
        self._work = asyncio.Event()
        self._renewal: asyncio.Lock = asyncio.Lock()

    # --- for the lanes and the outlet ----------------------------------------------------------------------------------

    def now(self) -> float:
        """The event loop's clock."""
        return self._loop.time()

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
    def is_idle(self) -> bool:
        return not (self._connections or self._queue)

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    @property
    def most_connections(self) -> int:
        """At least one, also when others of its crowd have taken all that the limit allows."""
        if self.breaker.is_trying:
            return 1
        others = self._crowd.connections - len(self._connections)
        return max(1, min(self.route.connections, self.throttle.most_connections) - others)

    @property
    def queued(self) -> int:
        return len(self._queue)

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

    def submit(self, parcels: Iterable[Parcel], *, urgent: bool = False) -> None:
        """Queue parcels whose gate has just been asked."""
        (self._queue.urgent if urgent else self._queue.bulk).extend(parcels)
        self.wake()

    def expect_wait(self, *, urgent: bool) -> float:
        """Seconds until a message that is queued now would have its turn, as far as limits are to blame; a guess."""
        now = self._loop.time()
        if not self.is_short(now):
            return 0.0
        return (len(self._queue.urgent) if urgent else self.queued) * self.throttle.seconds_per_message

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
        if self._queue:
            wait = min(self.seconds_closed, LONGEST_WAIT)
            self._queue.withdraw(owner, Result(RETURNED, reply=self.problem, wait=wait))

    def give_up_surplus(self) -> list[Parcel]:
        """Take what it has no room for from the end of its queue."""
        return self._queue.take_surplus(self.room)

    def give_up_queue(self, is_given: Callable[[Parcel], bool] = lambda _: True) -> list[Waiting]:
        """Take those parcels out of the queue, each with whether it is urgent."""
        return self._queue.take_out(is_given) if self._queue else []

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
        if self._queue.urgent and not self._idle and common >= most - reserve and reserved < reserve:
            self._connect(urgent_only=True)

    def _connect(self, *, urgent_only: bool) -> bool:
        if self._places is not None and not self._places.take(self):
            return False
        if not self._greeted and self._silent_since is None:
            self._silent_since = self._loop.time()
        task = self._loop.create_task(self._serve(urgent_only))
        self._connections[task] = urgent_only
        self._crowd.connections += 1
        task.add_done_callback(self._forget_connection)
        return True

    def _forget_connection(self, task: asyncio.Task[None]) -> None:
        del self._connections[task]
        self._crowd.connections -= 1
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

    def _note_return(self) -> None:
        self._work.set()
        self._look_at_trouble()

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
            if not self._greeted and len(self._connections) > 1:
                self._silent_since = self._loop.time()  # The others have not been greeted.

    async def _feed(self, link: Link, carrier: Carrier, urgent_only: bool) -> None:
        """Messages, as long as there are any and the link is fit for them."""
        pull = self.next_urgent if urgent_only else self.next_envelope
        limit = self.throttle.most_per_connection
        counter = CountDown(pull, limit) if limit is not None else None
        while link.is_usable and self.carrier is carrier:
            try:
                await link.deliver(counter or pull, on_final_dot=self.note_dot, on_outcome=self.take_outcome)
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
        queue = self._queue.urgent if urgent_only else self._queue.urgent or self._queue.bulk
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
        return bool(self._queue.urgent or (self._queue.bulk and not urgent_only)) or self._places is None

    async def _renew_queue(self) -> None:
        waiting = [*self._queue.urgent][:GATE_BATCH] + [*self._queue.bulk][:GATE_BATCH]
        stale = [parcel for parcel in waiting if self._is_stale(parcel)]
        await self._gate.check(stale)
