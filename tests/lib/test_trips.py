from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from django.db import connection as django_connection

from dynamail.lib.trips import travel

pytestmark = pytest.mark.django_db


@pytest.fixture
async def line() -> AsyncIterator[psycopg.AsyncConnection]:
    given = django_connection.get_connection_params()
    wanted = {name: given[name] for name in ("dbname", "host", "port", "user", "password") if given.get(name)}
    connection = await psycopg.AsyncConnection.connect(**wanted, autocommit=True)
    yield connection
    await connection.close()


async def test_statements_of_a_trip_share_a_transaction_and_bring_their_rows(
    line: psycopg.AsyncConnection,
) -> None:
    at, uid = datetime(2026, 2, 3, tzinfo=UTC), UUID(int=7)
    for _again in range(2):  # the second time everything is prepared
        told = await travel(
            [
                ("BEGIN", ()),
                ("CREATE TEMPORARY TABLE kept (id uuid, at timestamptz, said text, octets bytea)", ()),
                ("INSERT INTO kept VALUES (%s, %s, %s, %s)", [uid, at, "50 % “x”", b"\x00\xff"]),
                ("SELECT id, at, said, octets, %(n)s::int, %(n)s::int %% 2 FROM kept", {"n": 3}),
                ("SELECT '%' WHERE false", ()),
                ("ROLLBACK", ()),
            ],
            line,
        )
        assert told[2] == ([], 1)
        assert told[3] == ([(uid, at, "50 % “x”", b"\x00\xff", 3, 1)], 1)
        assert told[4] == ([], 0)


async def test_the_first_failure_is_raised_and_the_rest_not_run(line: psycopg.AsyncConnection) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        await travel([("BEGIN", ()), ("SELECT 1 / %s", [0]), ("SELECT 2", ())], line)
    assert line.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
    await line.rollback()
    assert await travel([("SELECT 2", ()), ("SELECT 1 / %s", [1])], line) == [([(2,)], 1), ([(1,)], 1)]


async def test_more_than_a_socket_holds_comes_through_both_ways(line: psycopg.AsyncConnection) -> None:
    text = "x" * 3_000_000
    told = await travel([("SELECT %s::text", [text])] * 3, line)
    assert [rows[0][0] == text for rows, _count in told] == [True] * 3


async def test_a_server_that_goes_away_is_an_operational_error(line: psycopg.AsyncConnection) -> None:
    with pytest.raises(psycopg.OperationalError):
        await travel([("SELECT pg_terminate_backend(pg_backend_pid())", ()), ("SELECT 1", ())], line)
    assert line.closed
