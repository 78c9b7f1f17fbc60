"""The outlets of the accounts that this worker meets: found, kept up to date, forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dynamail.delivery.carriers import HostMemory
from dynamail.delivery.connections import LONGEST_WAIT, Equipment, WayOut
from dynamail.delivery.database import Database
from dynamail.delivery.describing import describe_direct, describe_way
from dynamail.delivery.destinations import Destinations
from dynamail.delivery.direct import DirectEquipment
from dynamail.delivery.gate import Gate
from dynamail.delivery.health import Health, Tally
from dynamail.delivery.journal import Journal
from dynamail.delivery.outlets import Outlet
from dynamail.delivery.places import Places
from dynamail.delivery.throttling import Throttles
from dynamail.delivery.transports import read_routing
from dynamail.lib.clock import utc_now
from dynamail.protocols.dns import Resolver
from dynamail.protocols.hop_plans import HopSettings

ROUTE_SECONDS = 10.0  # after which an account's settings are read again
UNUSED_SECONDS = 60.0  # after which an idle outlet is forgotten
# All accounts together; well below the 1,024 files that a process may usually open.
DIRECT_CONNECTIONS = 400
LONGEST_POSTPONEMENT = 900.0  # seconds: limits may be changed meanwhile
POSTPONED_AT_ONCE = 5_000  # rows of one account
MOST_SHOWN = 200  # ways out that a worker shows


@dataclass(frozen=True, slots=True)
class WaysSettings:
    """`connections`: to one transport or destination at once. `hops` holds the timeouts for every transport."""

    connections: int
    hops: HopSettings
    resolver: Resolver


@dataclass
class _Known:
    outlet: Outlet
    read_at: float
    used_at: float


class Ways:
    """See the module. `share` is the number of living workers: they divide limits."""

    def __init__(self, database: Database, *, gate: Gate, journal: Journal, settings: WaysSettings) -> None:
        self._database, self._gate, self._settings = database, gate, settings
        self.throttles = Throttles(database)
        self._destinations = Destinations(settings.resolver)
        self._equipment = DirectEquipment(
            Equipment(gate, journal, Places(DIRECT_CONNECTIONS)),
            self.throttles,
            self._destinations,
            HostMemory(),
            settings.hops,
        )
        self._health = Health(database)
        self._known: dict[int, _Known] = {}
        self._loading: dict[int, asyncio.Task[Outlet]] = {}
        self.share = 1
        self._sent_by_forgotten = 0

    def __iter__(self) -> Iterator[WayOut]:
        """Every way out of every account."""
        for outlet in self.list_outlets():
            yield from outlet.list_ways()

    def list_outlets(self) -> list[Outlet]:
        return [known.outlet for known in self._known.values()]

    @property
    def sent(self) -> int:
        return self._sent_by_forgotten + sum(outlet.sent for outlet in self.list_outlets())

    def closed_accounts(self) -> list[int]:
        """Accounts of which nothing can go any way."""
        return [account_id for account_id, known in self._known.items() if known.outlet.is_closed]

    def describe(self) -> list[dict[str, Any]]:
        """For the transports page: first what has a problem, then what has most to do."""
        ways = [way for way in self if way.connection_count or way.queued or way.sent or way.problem]
        ways.sort(key=lambda way: (not way.problem, -way.queued, -way.sent))
        closed = [direct for outlet in self.list_outlets() for direct in outlet.list_closed_direct()]
        return [*map(describe_direct, closed[:MOST_SHOWN]), *map(describe_way, ways[:MOST_SHOWN])]

    async def find(self, account_id: int) -> Outlet:
        """The account's outlet, its settings not older than some seconds. One account's waits for no other's."""
        now = asyncio.get_running_loop().time()
        known = self._known.get(account_id)
        if known is not None:
            known.used_at = now
            if now - known.read_at < ROUTE_SECONDS:
                return known.outlet
        return await self._load(account_id)

    async def refresh(self, *, in_use: Collection[int] = ()) -> None:
        """Read the settings of the outlets in use again, and forget those that are not used. `in_use`: accounts of which the lanes hold
        something, even if all of it waits for the database at this moment."""
        now = asyncio.get_running_loop().time()
        for account_id, known in list(self._known.items()):
            if account_id in in_use:
                known.used_at = now
            for tally in known.outlet.forget_unused(now):
                self._health.keep(tally)
            if known.outlet.is_idle and now - known.used_at > UNUSED_SECONDS:
                self._forget(account_id)
            elif now - known.read_at > ROUTE_SECONDS:
                await self._load(account_id)

    async def postpone(self) -> None:
        """Let claims not stumble over what waits for accounts that are closed for a while."""
        now = utc_now()
        for outlet in self.list_outlets():
            if outlet.is_closed and outlet.seconds_closed > LONGEST_WAIT:
                run_at = now + timedelta(seconds=min(outlet.seconds_closed, LONGEST_POSTPONEMENT))
                await self._database.run(
                    "postpone_outbox",
                    {
                        "account_id": outlet.account_id,
                        "now": now,
                        "run_at": run_at,
                        "size": POSTPONED_AT_ONCE,
                    },
                )

    async def look(self) -> None:
        """Several times a second: what waits on slow connections is asked about again, what waits in vain moves on."""
        now = asyncio.get_running_loop().time()
        aged = []
        for outlet in self.list_outlets():
            outlet.look(now)
            for way in outlet.list_ways():
                aged += way.list_aged(now)
        await self._gate.check(aged)

    async def write_health(self) -> None:
        await self._health.write(self._list_tallies())

    async def renew_throttles(self) -> None:
        await self.throttles.renew(share=self.share)

    async def close(self) -> None:
        """Drop all connections now; what was in flight gets its result before this returns."""
        await asyncio.gather(*(way.close() for way in self))

    async def end(self) -> None:
        """After `close`: give back what is shared with other workers, write the last counts."""
        await self._destinations.close()
        await self.write_health()
        await self.throttles.close()

    def _list_tallies(self) -> list[Tally]:
        return [tally for outlet in self.list_outlets() for tally in outlet.list_tallies()]

    def _forget(self, account_id: int) -> None:
        outlet = self._known.pop(account_id).outlet
        self._sent_by_forgotten += outlet.sent
        for tally in outlet.list_tallies():
            self._health.keep(tally)

    async def _load(self, account_id: int) -> Outlet:
        """Whoever asks meanwhile gets the same answer."""
        task = self._loading.get(account_id)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._read(account_id))
            self._loading[account_id] = task
            task.add_done_callback(lambda _: self._loading.pop(account_id, None))
        return await asyncio.shield(task)

    async def _read(self, account_id: int) -> Outlet:
        rows = await self._database.run("load_routing", {"account_id": account_id})
        await self.throttles.load(account_id)
        routing = read_routing(
            account_id,
            rows[0],
            most_connections=self._settings.connections,
            timeouts=self._settings.hops.timeouts,
        )
        now = asyncio.get_running_loop().time()
        known = self._known.get(account_id)
        if known is None:
            known = self._known[account_id] = _Known(Outlet(routing, self._equipment), now, now)
        else:
            if routing != known.outlet.routing:
                known.outlet.change(routing)
            known.read_at = now
        return known.outlet
