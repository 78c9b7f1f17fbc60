"""Statements over a pool of connections that comes back when the database does.

Every statement of this package may be repeated with the same parameters without another effect, so a lost connection is not an
error here: the statement waits and is tried again until the database answers or the worker gives up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from dynamail.lib.sql import load_sql

log = logging.getLogger(__name__)

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Answer = TypeVar("Answer")

AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0  # seconds between two tries
CONNECT_SECONDS = 5.0
LISTEN_CHANNELS: tuple[LiteralString, ...] = ("dynamail_outbox", "dynamail_chunks")


class DatabaseGone(Exception):
    """The worker was told to stop while the database was away."""


class Database:
    """The worker's way to PostgreSQL. `on_return` hears how many seconds the database was away."""

    def __init__(self, conninfo: str, *, size: int) -> None:
        self._conninfo = conninfo
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo,
            min_size=1,
            max_size=size,
            timeout=CONNECT_SECONDS,
            reconnect_timeout=CONNECT_SECONDS,
            kwargs={
                "autocommit": True,
                "application_name": "dynamail deliver",
                "connect_timeout": 5,
                "prepare_threshold": 0,
            },
            open=False,
        )
        self.away_since: float | None = None  # loop time
        self.returned_at = float("-inf")  # loop time
        self._giving_up = False

    async def open(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        with suppress(PoolClosed):
            await self._pool.close(timeout=2)

    def give_up(self) -> None:
        """From now on a statement that meets an absent database raises DatabaseGone."""
        self._giving_up = True

    async def run(
        self, name: str, parameters: Mapping[str, Any] | Callable[[], Mapping[str, Any]]
    ) -> list[tuple[Any, ...]]:
        """Run `delivery/sql/<name>.sql` and return its rows. A function makes the parameters anew for each try: the database may
        have been away for longer than a lease lasts."""
        statement = load_sql("delivery", name)
        return await self.insist(
            lambda connection: fetch(
                connection, statement, parameters() if callable(parameters) else parameters
            )
        )

    async def insist(self, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        """Do `work` with a connection, again and again while the database is away. It must bear repetition."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with self._pool.connection() as connection:
                    answer = await work(connection)
            except AWAY as error:
                self._note_absence(error)
                if self._giving_up:
                    raise DatabaseGone from error
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                self._note_presence()
                return answer

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncIterator[psycopg.Notify]]:
        """A connection of its own that hears of accepted messages. Raises one of AWAY when it breaks."""
        async with await psycopg.AsyncConnection.connect(
            self._conninfo, autocommit=True, connect_timeout=5
        ) as connection:
            for channel in LISTEN_CHANNELS:
                await connection.execute(f"LISTEN {channel}")
            yield connection.notifies()

    def _note_absence(self, error: Exception) -> None:
        if self.away_since is None:
            self.away_since = asyncio.get_running_loop().time()
            log.warning("The database is away; nothing is lost, sending waits: %s", str(error).strip())

    def _note_presence(self) -> None:
        if self.away_since is not None:
            self.returned_at = asyncio.get_running_loop().time()
            log.warning("The database is back after %.1f s.", self.returned_at - self.away_since)
            self.away_since = None


async def fetch(
    connection: Connection, statement: LiteralString, parameters: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(statement, parameters)
    return await cursor.fetchall() if cursor.description else []


# Arrays as literals: psycopg dumps a list element by element in Python, and these run once per message.


def uuid_array(values: Iterable[UUID | None]) -> str:
    return "{" + ",".join(["NULL" if value is None else value.hex for value in values]) + "}"


def bytea_array(values: Iterable[bytes]) -> str:
    return "{" + ",".join([f'"\\\\x{value.hex()}"' for value in values]) + "}"


def int_array(values: Iterable[int | None]) -> str:
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def text_array(values: Iterable[str]) -> str:
    """Of plain words only."""
    return "{" + ",".join(values) + "}"
