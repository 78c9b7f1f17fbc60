"""Closed segments into the database, each exactly once.

One transaction: the segment's id (a second time meets its key, and nothing is written), COPY, what may be kept, the log, the counters,
the facts per person. The file is deleted after the commit; a process that dies in between ships it again, which writes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from dynamail.events.counters import find_shard
from dynamail.lib.clock import utc_now
from dynamail.lib.sql import load_sql
from dynamail.tracking.hits import KIND_NAMES, MACHINE, Hit, drop_repeats, mark_bursts, unpack_hits
from dynamail.tracking.segments import REFUSED, SegmentWriter, close_abandoned, find_closed, segment_id

SHIP_SECONDS = 1.0  # a click is in the report this long after it happened, plus the transaction
TAKE_OVER_EVERY = 10  # rounds between two looks for files of dead processes
COPY_HITS = (
    "COPY hit (account_id, id, at, kind, machine, source_id, contact_id, link_number, single, url) FROM STDIN"
)

_URL = re.compile(rb"[!-\[\]-~]*")  # no backslash, which COPY would read as the beginning of something else

log = logging.getLogger(__name__)


async def run_shipping(pool: AsyncConnectionPool, writer: SegmentWriter, *, stop: asyncio.Event) -> None:
    """Ship every second until `stop` is set, then once more. A database that is away is waited for; the files stay."""
    rounds = 0
    while not stop.is_set():
        if rounds % TAKE_OVER_EVERY == 0 and writer.directory.is_dir():
            close_abandoned(writer.directory)
        rounds += 1
        await _ship_round(pool, writer)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), SHIP_SECONDS)
    writer.close()
    await _ship_round(pool, writer)


async def ship_directory(pool: AsyncConnectionPool, directory: Path, *, now: datetime) -> int:
    """Ship all closed files; returns the number of hits in them. Raises psycopg.OperationalError when the database is away."""
    shipped = 0
    for path in find_closed(directory):
        async with pool.connection() as connection:
            shipped += await ship_file(connection, path, now=now)
    return shipped


async def ship_file(
    connection: AsyncConnection[Any],
    path: Path,
    *,
    now: datetime,
    after_commit: Callable[[], None] = lambda: None,
) -> int:
    """Ship one file and delete it. A file that PostgreSQL will never take is set aside as `.refused`, and said so.

    `after_commit` lets a test end the process between the commit and the deletion.
    """
    try:
        # In a thread: a large segment would hold up the requests of this process.
        hits, rows = await asyncio.to_thread(prepare_segment, path)
    except FileNotFoundError:
        return 0  # another process shipped it
    try:
        await write_hits(connection, segment_id(path), rows, count=hits, now=now)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        refused = path.rename(path.with_suffix(REFUSED))
        log.error(
            "%d hits could not be recorded and lie in %s: %s", hits, refused, error.diag.message_primary
        )
        return 0
    after_commit()
    path.unlink(missing_ok=True)
    return hits


def prepare_segment(path: Path) -> tuple[int, bytes]:
    """The hits of a file, without repeats and with bursts marked, in COPY's text format; and their number."""
    hits = mark_bursts(drop_repeats(unpack_hits(path.read_bytes())))
    random = os.urandom(10 * len(hits)).hex()
    lines = [_copy_line(hit, random[20 * place : 20 * place + 20]) for place, hit in enumerate(hits)]
    return len(hits), "".join(lines).encode("ascii")


async def write_hits(
    connection: AsyncConnection[Any], segment: UUID, rows: bytes, *, count: int, now: datetime
) -> bool:
    """Record one prepared segment in one transaction. False when the segment was recorded before."""
    async with connection.transaction():
        cursor = await connection.execute(
            "INSERT INTO ingest_segment (id, rows, at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [segment, count, now],
        )
        if not cursor.rowcount:
            return False
        if rows:
            await connection.execute(load_sql("tracking", "create_hit_tables"))
            async with connection.cursor() as copying, copying.copy(COPY_HITS) as copy:
                await copy.write(rows)
            await _settle(connection)
    return True


def _copy_line(hit: Hit, random: str) -> str:
    """One row of COPY_HITS. Numbers, hexadecimal digits, fixed words and an address as it stands in a Location header: nothing that
    needs escaping.

    The id is a UUIDv7 of the hit's moment, like `lib.ids.new_id`, from 20 random digits drawn for the whole segment at once.
    """
    row_id = f"{hit.at_ms:012x}7{random[:3]}8{random[3:18]}"
    at = datetime.fromtimestamp(hit.at_ms / 1000, UTC).isoformat()
    machine = "t" if hit.flags & MACHINE else "f"
    names = f"{KIND_NAMES[hit.kind]}\t{machine}\t{hit.source.hex()}\t{hit.contact.hex()}"
    single = "t" if hit.is_single else "f"
    return (
        f"{hit.account_id}\t{row_id}\t{at}\t{names}\t{hit.link_number}\t{single}\t{_read_url(hit.address)}\n"
    )


def _read_url(address: bytes) -> str:
    """A damaged one is left out."""
    return address.decode("ascii") if _URL.fullmatch(address) else ""


async def _settle(connection: AsyncConnection[Any]) -> None:
    shard = [find_shard()]
    await connection.execute(load_sql("tracking", "settle_hits"))
    await connection.execute(load_sql("tracking", "settle_single_hits"))
    await connection.execute(load_sql("tracking", "count_single_firsts"), shard)
    await connection.execute(load_sql("tracking", "insert_hit_events"))
    await connection.execute(load_sql("tracking", "count_interactions"), shard)
    await connection.execute(load_sql("tracking", "add_hit_counters"), shard)
    await connection.execute(load_sql("tracking", "touch_engagement"))
    await connection.execute(load_sql("tracking", "count_activity"))


async def _ship_round(pool: AsyncConnectionPool, writer: SegmentWriter) -> None:
    try:
        writer.rotate()
        await ship_directory(pool, writer.directory, now=utc_now())
    except (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege, OSError) as error:
        log.warning("Opens and clicks wait in %s: %s", writer.directory, error)
    except Exception:
        log.exception("Opens and clicks wait in %s", writer.directory)
