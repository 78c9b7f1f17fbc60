"""The ways out that this worker uses, one for each account that it meets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from dynamail.delivery.connections import WayOut
from dynamail.delivery.database import Database
from dynamail.delivery.gate import Gate
from dynamail.delivery.journal import Journal
from dynamail.delivery.transports import Route, make_route
from dynamail.protocols.smtp.next_hop import Timeouts

ROUTE_SECONDS = 10.0  # after which an account's settings are read again
UNUSED_SECONDS = 60.0  # after which an idle way out is forgotten


@dataclass
class _Known:
    way: WayOut
    read_at: float
    used_at: float


class Ways:
    """See the module. `share` is the number of living workers: they divide connections and rates."""

    def __init__(
        self, database: Database, *, gate: Gate, journal: Journal, most_connections: int, timeouts: Timeouts
    ) -> None:
        self._database, self._gate, self._journal = database, gate, journal
        self._most_connections, self._timeouts = most_connections, timeouts
        self._known: dict[int, _Known] = {}
        self._loading = asyncio.Lock()
        self.share = 1
        self.sent_by_forgotten = 0

    def __iter__(self) -> Iterator[WayOut]:
        return iter([known.way for known in self._known.values()])

    def closed_accounts(self) -> list[int]:
        return [account_id for account_id, known in self._known.items() if known.way.is_closed]

    def route_of(self, account_id: int) -> Route | None:
        known = self._known.get(account_id)
        return known.way.route if known else None

    async def find(self, account_id: int) -> WayOut:
        """The account's way out, its settings not older than some seconds."""
        now = asyncio.get_running_loop().time()
        known = self._known.get(account_id)
        if known is not None and now - known.read_at < ROUTE_SECONDS:
            known.used_at = now
            return known.way
        async with self._loading:
            return await self._load(account_id, now)

    async def refresh(self) -> None:
        """Read the settings of the ways in use again, and forget those that are not used."""
        now = asyncio.get_running_loop().time()
        for account_id, known in list(self._known.items()):
            if known.way.is_idle and now - known.used_at > UNUSED_SECONDS:
                self.sent_by_forgotten += known.way.sent
                del self._known[account_id]
            elif now - known.read_at > ROUTE_SECONDS:
                await self._load(account_id, known.used_at)

    async def renew_gates(self) -> None:
        for way in self:
            await way.renew_gate()

    async def close(self) -> None:
        await asyncio.gather(*(way.close() for way in self))

    async def _load(self, account_id: int, used_at: float) -> WayOut:
        rows = await self._database.run("load_transport", {"account_id": account_id})
        route = make_route(
            account_id,
            rows[0] if rows else None,
            most_connections=self._most_connections,
            timeouts=self._timeouts,
        )
        read_at = asyncio.get_running_loop().time()
        known = self._known.get(account_id)
        if known is None:
            way = WayOut(route, gate=self._gate, journal=self._journal)
            known = self._known[account_id] = _Known(way, read_at, used_at)
        known.way.change_route(route, share=self.share)
        known.read_at = read_at
        return known.way
