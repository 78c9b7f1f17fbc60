"""The links of recent sources in memory, so that a click reads no table. One a web process; loaded on a miss by an async pool."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from dynamail.lib.sql import load_sql
from dynamail.tracking.destinations import to_location

MAX_SOURCES = 2_000
FRESH_SECONDS = 60.0  # how long a removed link still leads somewhere
MISSING_SECONDS = 2.0  # how long an unknown source is not asked for again

Key = tuple[int, bytes]  # account, source


@dataclass(frozen=True, slots=True)
class Destination:
    """A link as a click needs it. `location` is ready for the header; None where it is made per person or leads nowhere."""

    url: str
    is_dynamic: bool
    location: bytes | None = None


Links = dict[int, Destination]
Loader = Callable[[int, bytes], Awaitable[Links]]


@dataclass(frozen=True, slots=True)
class _Entry:
    links: Links
    good_until: float


class LinkCache:
    """`await find(account_id, source, number)`. Requests that miss at the same moment share one query.

    When the database cannot be asked, what is known goes on being served; for what is not, the loader's error is raised.
    """

    def __init__(self, load: Loader, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._loading: dict[Key, asyncio.Task[Links]] = {}

    def find_fresh(self, account_id: int, source: bytes, number: int) -> Destination | None:
        """The link if it is in memory and fresh; None says nothing about whether it exists."""
        entry = self._entries.get((account_id, source))
        return entry.links.get(number) if entry is not None and entry.good_until > self._clock() else None

    async def find(self, account_id: int, source: bytes, number: int) -> Destination | None:
        """The link, or None when the source has no such link."""
        key = (account_id, source)
        entry = self._entries.get(key)
        if entry is not None and entry.good_until > self._clock():
            return entry.links.get(number)
        try:
            links = await self._load_once(key)
        except Exception:
            if entry is None or not entry.links:
                raise
            links = entry.links
        return links.get(number)

    async def _load_once(self, key: Key) -> Links:
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._load_and_keep(key))
            task.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(task)

    async def _load_and_keep(self, key: Key) -> Links:
        links = await self._load(*key)
        self._entries[key] = _Entry(links, self._clock() + (FRESH_SECONDS if links else MISSING_SECONDS))
        self._entries.move_to_end(key)
        while len(self._entries) > MAX_SOURCES:
            self._entries.popitem(last=False)
        return links


def make_destination(url: str, is_dynamic: bool) -> Destination:
    return Destination(url, is_dynamic, None if is_dynamic else to_location(url))


def load_from(pool: AsyncConnectionPool) -> Loader:
    """The loader that asks PostgreSQL."""

    async def load(account_id: int, source: bytes) -> Links:
        async with pool.connection() as connection:
            cursor = await connection.execute(
                load_sql("tracking", "find_links"), [account_id, UUID(bytes=source)]
            )
            return {
                number: make_destination(url, dynamic) for number, url, dynamic in await cursor.fetchall()
            }

    return load
