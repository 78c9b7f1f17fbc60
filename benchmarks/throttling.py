"""How many leases of tokens one hot row serves in a second, compared with a plain UPDATE of the same row; and what asking costs in memory.

    python -m benchmarks.throttling [--quick]

Some connections, as many workers would have, renew the same limit as fast as they can with the statement of the deliver worker; then they
update the same row by its key. Both take turns, and the middle of the rounds' ratios counts. A worker asks four times a second for all of
its limits at once, so the rate divided by four is the number of workers that one limit bears. `twenty` is the rate of statements that
lease from twenty limits each, as a worker with twenty destinations does. Runs in a database of its own on the server of DATABASE_URL,
else in an embedded one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
import timeit
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import uvloop

from benchmarks.harness import print_result, print_table, read_load
from tests.support import database
from tests.support.scratch_database import scratch_database

BUDGET = 0.3  # of a plain UPDATE by key: a lease locks, reckons and inserts what is missing
CONNECTIONS = 16
ROUNDS = 5
SECONDS, QUICK_SECONDS = 3.0, 1.0  # of each turn
TAKES = 300_000
LIMITS_OF_A_MESSAGE = 4  # transport's pace and day, destination's pace, account's day
PLAIN = "UPDATE throttle_bucket SET tokens = tokens + 1, filled_at = %s WHERE account_id = 1 AND key = 'hot/second' RETURNING tokens"

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Act = Callable[[Connection], Awaitable[None]]


@dataclass(frozen=True)
class Turn:
    """What the connections did together in one turn."""

    rate: float
    p99_ms: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="turns of one second instead of three")
    seconds = QUICK_SECONDS if parser.parse_args().quick else SECONDS
    database.prepare_environment()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dynamail.settings")
    import django

    django.setup()
    try:
        with scratch_database(os.environ["DATABASE_URL"]) as url:
            uvloop.run(_run(url, seconds))
    finally:
        database.stop()


async def _run(url: str, seconds: float) -> None:
    from dynamail.delivery.worker import PLANNING

    connections = [
        await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=0, options=PLANNING)
        for _ in range(CONNECTIONS)
    ]
    lease, lease_twenty = _make_lease(["hot/second"]), _make_lease([f"cold{n:02}/second" for n in range(20)])
    for act in (lease, lease_twenty):
        await act(connections[0])
    leases, plains, twenties = [], [], []
    for _ in range(ROUNDS):
        leases.append(await _take_turn(connections, lease, seconds))
        plains.append(await _take_turn(connections, _update_plainly, seconds))
        twenties.append(await _take_turn(connections, lease_twenty, seconds))
    for connection in connections:
        await connection.close()
    _report(leases, plains, twenties)


def _report(leases: list[Turn], plains: list[Turn], twenties: list[Turn]) -> None:
    rate = statistics.median(turn.rate for turn in leases)
    ratio = statistics.median(one.rate / plain.rate for one, plain in zip(leases, plains, strict=True))
    twenty = statistics.median(turn.rate for turn in twenties)
    p99_ms = statistics.median(turn.p99_ms for turn in leases)
    free_ns, limited_ns = _measure_taking(0), _measure_taking(LIMITS_OF_A_MESSAGE)
    print_table(
        [
            ("leases from one row", f"{rate:,.0f}/s with {CONNECTIONS} connections, p99 {p99_ms:.1f} ms"),
            (
                "plain UPDATE of it",
                f"{statistics.median(turn.rate for turn in plains):,.0f}/s, ratio {ratio:.2f}",
            ),
            ("leases from twenty rows", f"{twenty:,.0f} statements/s, {20 * twenty:,.0f} limits/s"),
            ("workers one limit bears", f"{rate / 4:,.0f}"),
            ("asking without a limit", f"{free_ns:.0f} ns"),
            (f"asking with {LIMITS_OF_A_MESSAGE} limits", f"{limited_ns:.0f} ns"),
        ]
    )
    print_result(
        {
            "name": "throttling",
            "rate": round(rate),
            "unit": "leases/s from one row",
            "reference": "plain UPDATE … RETURNING of the same row",
            "ratio": round(ratio, 3),
            "budget": BUDGET,
            "holds": ratio >= BUDGET,
            "p99_ms": round(p99_ms, 2),
            "statements_of_twenty": round(twenty),
            "take_free_ns": round(free_ns),
            "take_limited_ns": round(limited_ns),
            "load": read_load(),
        }
    )


async def _take_turn(connections: list[Connection], act: Act, seconds: float) -> Turn:
    waits: list[float] = []
    started = time.perf_counter()

    async def repeat(connection: Connection) -> None:
        while (began := time.perf_counter()) - started < seconds:
            await act(connection)
            waits.append(time.perf_counter() - began)

    await asyncio.gather(*(repeat(connection) for connection in connections))
    spent = time.perf_counter() - started
    return Turn(len(waits) / spent, 1000 * statistics.quantiles(waits, n=100)[98])


def _make_lease(rows: list[str]) -> Act:
    from dynamail.delivery.throttles.leases import Request, as_parameters
    from dynamail.lib.sql import load_sql

    statement = load_sql("delivery", "lease_tokens")
    requests = [Request(1, row, 1e9, 1e6, 1) for row in rows]

    async def lease(connection: Connection) -> None:
        cursor = await connection.execute(statement, as_parameters(requests, datetime.now(UTC)))
        await cursor.fetchall()

    return lease


async def _update_plainly(connection: Connection) -> None:
    cursor = await connection.execute(PLAIN, [datetime.now(UTC)])
    await cursor.fetchall()


def _measure_taking(limits: int) -> float:
    """Nanoseconds of one `take` that succeeds, the best of some runs."""
    from dynamail.delivery.throttles.leases import Lease
    from dynamail.delivery.throttles.limits import Limit, ThrottleKey, TransportLimits
    from dynamail.delivery.throttling import Clock, Throttle
    from dynamail.senders.destinations import DestinationLimits

    throttle = Throttle(ThrottleKey(1, 1, ""), TransportLimits(None, 1, None, None, None, ()), Clock())
    leases = [Lease(Limit(1, f"limit/{number}", 1e9, 1), 0.0) for number in range(limits)]
    for lease in leases:
        lease.left, lease.valid_until = 1e9, 1e9
    throttle.arrange(DestinationLimits(), leases)
    take = throttle.take
    return min(timeit.repeat(lambda: take(1.0), number=TAKES, repeat=3)) / TAKES * 1e9


if __name__ == "__main__":
    main()
