from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, transaction

from dynamail.accounts.models import Account
from dynamail.events.kinds import EventKind
from dynamail.events.log import record_event
from dynamail.events.tailing import skip_to_end, take_events
from dynamail.lib.ids import new_id
from tests.support.personas import NOW

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_SECONDS = 180


@pytest.fixture(autouse=True)
def empty_log(transactional_db: None) -> Iterator[None]:
    """The log is no managed table: the flush between tests leaves it alone."""
    empty()
    yield
    empty()


def empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE event")


def settle() -> None:
    """Wait until no transaction is open that began before the log's last row: other tests' hold the horizon back as well."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT tx < pg_snapshot_xmin(pg_current_snapshot()) FROM event ORDER BY tx DESC LIMIT 1"
            )
            if cursor.fetchone() in (None, (True,)):
                return
        time.sleep(0.05)
    raise AssertionError("another transaction stayed open")


def take(limit: int = 100, reader: str = "test") -> list[str]:
    settle()
    return take_at_once(limit, reader)


def take_at_once(limit: int = 100, reader: str = "test") -> list[str]:
    with transaction.atomic():
        return [event.data["name"] for event in take_events(reader, limit=limit, now=NOW)]


@contextmanager
def other_session() -> Iterator[psycopg.Connection]:
    """A transaction of somebody else, in a session of its own."""
    parameters = connection.get_connection_params()
    kept = {
        key: parameters[key] for key in ("dbname", "user", "password", "host", "port") if parameters.get(key)
    }
    with psycopg.connect(**kept) as session:
        yield session


def write(session: psycopg.Connection, name: str, account_id: int) -> None:
    session.execute(
        "INSERT INTO event (account_id, id, at, kind, data) VALUES (%s, %s, %s, 'contact.updated', %s::jsonb)",
        [account_id, new_id(NOW), NOW, f'{{"name": "{name}"}}'],
    )


def test_a_row_that_commits_late_is_not_skipped(account: Account) -> None:
    with other_session() as first, other_session() as second:
        write(first, "began first, ends last", account.pk)
        write(second, "began last, ends first", account.pk)
        second.commit()
        assert take_at_once() == []  # the first one is still open: nothing behind it is safe to read
        first.commit()
        assert take() == ["began first, ends last", "began last, ends first"]
        assert take() == []


def test_a_row_that_is_rolled_back_is_never_read(account: Account) -> None:
    with other_session() as session:
        write(session, "never happened", account.pk)
        session.rollback()
    assert take() == []


def test_a_reader_goes_on_where_it_committed(account: Account) -> None:
    for name in "abc":
        record_event(account.pk, EventKind.CONTACT_UPDATED, data={"name": name}, now=NOW)
    assert take(limit=2) == ["a", "b"]
    with suppress(ZeroDivisionError), transaction.atomic():
        take_events("test", limit=2, now=NOW)
        1 / 0
    assert take(limit=2) == ["c"]
    assert take(reader="another") == ["a", "b", "c"]


def test_a_new_reader_may_start_at_the_end(account: Account) -> None:
    record_event(account.pk, EventKind.CONTACT_UPDATED, data={"name": "old"}, now=NOW)
    settle()
    skip_to_end("late", now=NOW)
    record_event(account.pk, EventKind.CONTACT_UPDATED, data={"name": "new"}, now=NOW - timedelta(minutes=1))
    assert take(reader="late") == ["new"]


def test_taking_without_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="open a transaction"):
        take_events("test", limit=1, now=NOW)


def test_the_next_rows_are_found_by_index() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT * FROM event WHERE (tx, id) > ('5'::xid8, %s::uuid) "
            "AND tx < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY tx, id LIMIT 100",
            [new_id(NOW)],
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Index" in plan
    assert "Seq Scan" not in plan
