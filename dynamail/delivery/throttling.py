"""How much may go out which way now: limits that all workers share, and what replies teach.

1. A way out asks its `Throttle` before each message (`take`), in memory: tokens were leased before, a slice of each limit at a time.
2. Four times a second the worker calls `Throttles.renew`: one statement leases and gives back for all limits in use, another shares
   what replies taught, a third reads what other workers learned.
3. A throttle without limits answers at once and costs no statement. One whose account was never looked up allows nothing: own limits
   may exist. `load` looks it up; else the next renewal does.

No throttle waits for another: `take` holds no lock and the statements are about all accounts at once. Nothing here is asked twice for a
limit that is used up. Without a database each worker ends its slice and then waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

from dynamail.delivery.database import Database, DatabaseGone
from dynamail.delivery.records import BOUNCED, DEFERRED, DELIVERED, Result
from dynamail.delivery.throttles.learning import BLOCKED_PAUSE, Change, Learned, LearnedRow
from dynamail.delivery.throttles.leases import RENEW_SECONDS, Lease, Request, as_parameters
from dynamail.delivery.throttles.limits import (
    MAILBOX,
    AccountLimits,
    Limit,
    ThrottleKey,
    TransportLimits,
    list_limits,
    read_account_limits,
)
from dynamail.lib.clock import utc_now
from dynamail.senders.destinations import DestinationLimits, Lesson, find_lesson, hide_addresses
from dynamail.senders.limit_keys import transport_key

__all__ = ["RENEW_SECONDS", "Throttle", "ThrottleKey", "Throttles", "TransportLimits"]

RULES_SECONDS = 10.0  # after which limits and own rules are read again
STATES_SECONDS = 1.0  # after which what other workers learned is read again
TIDY_SECONDS = 3_600.0
CLOSING_SECONDS = 2.0
KEPT_DAYS = 3  # rows of hours and days that are over


class Clock:
    """The event loop's time, in which everything here is reckoned, and the time of day that is stored."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> datetime:
        return utc_now()


class Throttle:
    """One way out, see the module. Nothing here touches the database; times are the event loop's."""

    def __init__(self, key: ThrottleKey, transport: TransportLimits, clock: Clock) -> None:
        self.key = key
        self._clock = clock
        self.learned = Learned()
        self._transport = transport
        self._destination = DestinationLimits()
        self._leases: tuple[Lease, ...] = ()
        self._paced: tuple[Lease, ...] = ()  # those that the learned factor slows down
        self._is_known = False  # have the account's own limits been read?
        self._share = 1

    # --- for the way out -----------------------------------------------------------------------------------------------

    def take(self, now: float) -> bool:
        """One message may go now; takes its token."""
        if not self._is_known or now < self.learned.closed_until:
            return False
        for lease in self._leases:
            if lease.left < 1 or now >= lease.valid_until:
                self._note_shortage(now)
                return False
        for lease in self._leases:
            lease.left -= 1
            lease.spent += 1
        return True

    def give_back(self) -> None:
        """A token was taken, but nothing was sent."""
        for lease in self._leases:
            lease.give_back()

    def seconds_to_wait(self, now: float) -> float:
        """0 when a message may go now; long when the day's limit is reached or the destination is closed."""
        if not self._is_known:
            return RENEW_SECONDS
        closed = max(0.0, self.learned.closed_until - now)
        return max(closed, max((lease.seconds_to_wait(now) for lease in self._leases), default=0.0))

    def is_exhausted(self, now: float) -> bool:
        """Is an hour's or a day's limit reached? Nothing will go until that hour or day (UTC) is over."""
        return any(lease.is_exhausted(now) for lease in self._leases)

    @property
    def seconds_per_message(self) -> float:
        """How far apart this worker's messages are when a limit holds them back; 0 without limits.

        An hour or a day counts only once it is used up: until then its messages may all go at once.
        """
        now = self._clock.now()
        slowest = max(
            (
                lease.limit.seconds_per_message
                for lease in self._leases
                if lease.limit.is_pace or lease.is_exhausted(now)
            ),
            default=0.0,
        )
        return slowest * self._share / self.learned.factor

    @property
    def most_connections(self) -> int:
        """This worker's share of the connections now; 0 while the destination is closed."""
        if self._clock.now() < self.learned.closed_until:
            return 0
        return max(1, int(self._all_connections / self._share))

    @property
    def most_per_connection(self) -> int | None:
        """Messages after which a connection is to be closed."""
        return self._destination.per_connection

    @property
    def closed_until(self) -> float:
        return self.learned.closed_until

    @property
    def reason(self) -> str:
        """The words that closed or slowed down the destination; "" when nothing did."""
        return self.learned.reason

    def note_result(self, result: Result, now: float) -> None:
        """Learn from an outcome."""
        if result.state == DELIVERED:
            if not self.learned.is_calm:
                self.learned.note_accepted(now, cohort=self._all_connections)
        elif result.code and result.state in (DEFERRED, BOUNCED):
            self._learn(f"{result.code} {result.enhanced} {result.reply}", now)

    def note_connection_refused(self, text: str, now: float) -> None:
        """Learn from what the server said instead of a greeting."""
        self._learn(text, now)

    def note_blocked(self, reason: str, now: float, *, surely: bool = False) -> None:
        """It was understood elsewhere that this destination refuses our address or domain. Not surely: several must say so."""
        reason = hide_addresses(reason)
        if self._can_learn and surely:
            self.learned.close(reason, now, seconds=BLOCKED_PAUSE)
        elif self._can_learn:
            self.learned.note_block(reason, now)

    # --- for Throttles -------------------------------------------------------------------------------------------------

    def change_transport(self, transport: TransportLimits) -> bool:
        """True when it changed."""
        changed, self._transport = transport != self._transport, transport
        return changed

    @property
    def transport(self) -> TransportLimits:
        return self._transport

    def arrange(self, destination: DestinationLimits, leases: Iterable[Lease]) -> None:
        """The limits in force from now on."""
        self._destination, self._leases, self._is_known = destination, tuple(leases), True
        own = transport_key(self.key.transport_id)
        slowed = [lease for lease in self._leases if lease.limit.is_pace]
        # A relay is its own destination; the pace of a direct transport belongs to all destinations.
        self._paced = tuple(lease for lease in slowed if not self.key.site or lease.limit.key != own)

    def prepare(self, *, share: int) -> tuple[Lease, ...]:
        """Its leases, with what was learned applied."""
        self._share = max(1, share)
        for lease in self._paced:
            lease.set_factor(self.learned.factor)
        return self._leases

    @property
    def _can_learn(self) -> bool:
        return self.key.transport_id != MAILBOX

    @property
    def _all_connections(self) -> int:
        """Of all workers."""
        most = self._transport.connections
        if self._destination.connections is not None:
            most = min(most, self._destination.connections)
        return max(1, int(most * self.learned.factor))

    def _note_shortage(self, now: float) -> None:
        """All that is short is asked for at once, or each would wait for the one before."""
        for lease in self._leases:
            if lease.left < 1 or now >= lease.valid_until:
                lease.is_short = True

    def _learn(self, said: str, now: float) -> None:
        if not self._can_learn or (rule := find_lesson(self.key.site, said)) is None:
            return
        reason = hide_addresses(said)
        match rule.lesson:
            case Lesson.SLOWER:
                self.learned.note_too_much(reason, now)
            case Lesson.PAUSE:
                self.learned.close(reason, now, seconds=60.0 * rule.minutes)
            case Lesson.BLOCKED:
                self.learned.note_block(reason, now)
            case Lesson.NOTHING:
                pass


class Throttles:
    """All ways out of one worker, see the module. Used by one event loop."""

    def __init__(self, database: Database, *, clock: Clock | None = None) -> None:
        self._database, self._clock = database, clock or Clock()
        self._throttles: WeakValueDictionary[ThrottleKey, Throttle] = WeakValueDictionary()
        self._leases: dict[tuple[int, str, int], Lease] = {}
        self._accounts: dict[int, AccountLimits] = {}
        self._states: dict[int, dict[ThrottleKey, LearnedRow]] = {}  # by account
        self._arranged_on: Any = None  # the day (UTC) of the limits in force
        self._rules_at = self._states_at = self._tidied_at = float("-inf")
        self._share = 1

    def find(self, key: ThrottleKey, limits: TransportLimits) -> Throttle:
        """The throttle of a way out; while somebody holds it, the same one. Call it again when the transport's settings change."""
        throttle = self._throttles.get(key)
        if throttle is None:
            throttle = self._throttles[key] = Throttle(key, limits, self._clock)
            stored = self._states.get(key.account_id, {}).get(key)
            throttle.learned.adopt(stored, self._clock.now(), self._clock.wall())
        elif not throttle.change_transport(limits):
            return throttle
        self._arrange(throttle, self._clock.wall())
        return throttle

    async def load(self, account_id: int) -> None:
        """Look up the limits of an account and what is known of its destinations, so that its first message need not wait."""
        if account_id not in self._accounts:
            await self._load_rules([account_id])
            await self._load_states([account_id])

    async def renew(self, *, share: int) -> None:
        """Lease what is needed, share what was learned. `share`: workers alive. To be called every RENEW_SECONDS."""
        self._share = max(1, share)
        now, wall = self._clock.now(), self._clock.wall()
        await self._refresh(now, wall)
        await self._lease(self._clock.now(), self._clock.wall())
        if now - self._tidied_at > TIDY_SECONDS:
            self._tidied_at = now
            await self._tidy(wall)

    # --- what the limits are -------------------------------------------------------------------------------------------

    async def _refresh(self, now: float, wall: datetime) -> None:
        """Limits and states, when they are due."""
        accounts = sorted({key.account_id for key in self._throttles})
        unknown = [account_id for account_id in accounts if account_id not in self._accounts]
        is_due = now - self._rules_at > RULES_SECONDS
        if accounts and (is_due or unknown):
            await self._load_rules(accounts if is_due else unknown)
            self._rules_at = now if is_due else self._rules_at
        if wall.date() != self._arranged_on:
            self._arranged_on = wall.date()
            for throttle in list(self._throttles.values()):
                self._arrange(throttle, wall)
        await self._share_lessons(wall)
        learners = sorted({key.account_id for key in self._throttles if key.transport_id != MAILBOX})
        if learners and (unknown or now - self._states_at > STATES_SECONDS):
            await self._load_states(learners)
            self._states_at = now

    async def _load_rules(self, account_ids: Sequence[int]) -> None:
        rows = await self._database.run("load_destination_rules", {"account_ids": list(account_ids)})
        found = read_account_limits(rows)
        for account_id in account_ids:
            limits = found.get(account_id, AccountLimits())
            if self._accounts.get(account_id) != limits:
                self._accounts[account_id] = limits
                for throttle in self._list_throttles(account_id):
                    self._arrange(throttle, self._clock.wall())

    def _list_throttles(self, account_id: int) -> list[Throttle]:
        return [throttle for key, throttle in list(self._throttles.items()) if key.account_id == account_id]

    def _arrange(self, throttle: Throttle, wall: datetime) -> None:
        key = throttle.key
        account = self._accounts.get(key.account_id)
        if account is None:
            return
        destination = account.find_destination_limits(key.transport_id, key.site)
        limits = list_limits(key, throttle.transport, account, destination, wall.date())
        throttle.arrange(destination, [self._find_lease(limit) for limit in limits])
        throttle.prepare(share=self._share)

    def _find_lease(self, limit: Limit) -> Lease:
        place = limit.account_id, limit.key, limit.seconds
        lease = self._leases.get(place)
        if lease is None:
            lease = self._leases[place] = Lease(limit, self._clock.now())
        lease.change_limit(limit)
        return lease

    # --- leasing -------------------------------------------------------------------------------------------------------

    async def _lease(self, now: float, wall: datetime) -> None:
        """One statement for all limits in use."""
        used: dict[int, Lease] = {}
        for throttle in list(self._throttles.values()):
            used |= {id(lease): lease for lease in throttle.prepare(share=self._share)}
        asked: dict[tuple[int, str], tuple[Lease, Request]] = {}
        for place, lease in list(self._leases.items()):
            if id(lease) not in used and lease.is_forgotten(now):
                del self._leases[place]
            elif request := lease.plan_request(now, wall, share=self._share):
                asked[request.account_id, request.row] = lease, request
        if not asked:
            return
        requests = [asked[place][1] for place in sorted(asked)]
        rows = await self._database.run("lease_tokens", as_parameters(requests, wall))
        for account_id, row, granted, taken in rows:
            lease, request = asked[account_id, row]
            lease.take_grant(request, granted, taken, asked_at=now)

    async def close(self) -> None:
        """Give back what is held. Call it when nothing is sent any more; without a database it is lost, and nobody waits for it."""
        now, wall = self._clock.now(), self._clock.wall()
        requests = [request for lease in self._leases.values() if (request := lease.plan_return(now, wall))]
        if not requests:
            return
        requests.sort(key=lambda request: (request.account_id, request.row))
        with suppress(TimeoutError, DatabaseGone):
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._database.run("lease_tokens", as_parameters(requests, wall))

    async def _tidy(self, wall: datetime) -> None:
        accounts = sorted({key.account_id for key in self._throttles})
        for account_id in self._accounts.keys() - set(accounts):
            del self._accounts[account_id]
            self._states.pop(account_id, None)
        await self._database.run(
            "forget_throttles", {"account_ids": accounts, "days": KEPT_DAYS, "now": wall}
        )

    # --- learning ------------------------------------------------------------------------------------------------------

    async def _share_lessons(self, wall: datetime) -> None:
        """What replies taught this worker since the last time."""
        now = self._clock.now()
        changed = [
            (throttle.key, throttle.learned)
            for throttle in list(self._throttles.values())
            if throttle.learned.change is Change.WORSE
            or (throttle.learned.change is Change.BETTER and throttle.learned.known_at is not None)
        ]
        if not changed:
            return
        rows = [
            (key, learned.change, learned.known_at, learned.as_row(now, wall)) for key, learned in changed
        ]
        for _, learned in changed:
            learned.change = None
        await self._database.run(
            "record_destination_state",
            {
                "account_ids": [key.account_id for key, *_ in rows],
                "transport_ids": [key.transport_id for key, *_ in rows],
                "sites": [key.site for key, *_ in rows],
                "ends": [row.until for *_, row in rows],
                "factors": [row.factor for *_, row in rows],
                "reasons": [row.reason for *_, row in rows],
                "known_at": [None if change is Change.WORSE else known for _, change, known, _ in rows],
                "now": wall,
            },
        )
        self._states_at = float("-inf")

    async def _load_states(self, account_ids: Sequence[int]) -> None:
        rows = await self._database.run("load_destination_states", {"account_ids": list(account_ids)})
        now, wall = self._clock.now(), self._clock.wall()
        found: dict[int, dict[ThrottleKey, LearnedRow]] = {account_id: {} for account_id in account_ids}
        for row in rows:
            found[row[0]][ThrottleKey(*row[:3])] = LearnedRow(*row[3:])
        self._states |= found
        for key, throttle in list(self._throttles.items()):
            if key.account_id in found:
                throttle.learned.adopt(found[key.account_id].get(key), now, wall)
