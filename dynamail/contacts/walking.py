"""Walking through all contacts that match: they are found once, and read block by block by short transactions."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

from django.db import DatabaseError, connections

from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.patience import limit_statements
from dynamail.contacts.queries import ContactFilter, filter_contacts
from dynamail.lib.sql import SqlFragment

FINDING_SECONDS = 600.0
_NOBODY = UUID(int=0)
_OPEN = "contact.state <> 'restricted'"
# Tables of walks that nobody ended, by the session that has them. Python may collect such a generator in the middle of another statement of
# the same session, where one of ours would wait for itself for ever.
_left_behind: WeakKeyDictionary[Any, list[str]] = WeakKeyDictionary()


def leave_restricted_out(narrowing: SqlFragment | None) -> SqlFragment:
    """The same without people whose processing is restricted: nothing is done to them in bulk (P8.3)."""
    if narrowing is None:
        return SqlFragment(_OPEN)
    return SqlFragment(f"{_OPEN} AND ({narrowing.text})", narrowing.parameters)


def walk_contacts(
    account_id: int,
    wanted: ContactFilter,
    narrowing: SqlFragment | None,
    *,
    size: int,
    seconds: float = FINDING_SECONDS,
) -> Generator[list[UUID], None, None]:
    """Blocks of ids in id order: those that match now, whatever the blocks' work changes. Restricted people are left out.

    Raises TooSlow when finding them takes longer than `seconds`. A temporary table keeps them: asking again for each block would
    evaluate a condition of a second two hundred times. A walk that is given up leaves it to the next one of its session.
    """
    rows = filter_contacts(account_id, wanted, leave_restricted_out(narrowing)).order_by("id").values("id")
    statement, parameters = rows.query.sql_with_params()
    table = f"pg_temp.walk_{uuid4().hex}"
    connection = connections["default"]
    with account_scope(account_id), limit_statements(seconds=seconds), connection.cursor() as cursor:
        for old in _left_behind.pop(connection.connection, ()):
            cursor.execute(f"DROP TABLE IF EXISTS {old}")
        cursor.execute(f"CREATE TEMP TABLE {table} (id uuid PRIMARY KEY)")
        cursor.execute(f"INSERT INTO {table} {statement}", parameters)
    session = connection.connection
    try:
        after = _NOBODY
        while block := _read(account_id, table, after, size):
            yield block
            after = block[-1]
    except GeneratorExit:
        _left_behind.setdefault(session, []).append(table)
        raise
    except BaseException:
        _drop(account_id, table)
        raise
    _drop(account_id, table)


def _drop(account_id: int, table: str) -> None:
    # A connection that is gone took the table along.
    with suppress(DatabaseError), account_scope(account_id), connections["default"].cursor() as cursor:
        cursor.execute(f"DROP TABLE {table}")


def _read(account_id: int, table: str, after: UUID, size: int) -> list[UUID]:
    with account_scope(account_id), connections["default"].cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} WHERE id > %s ORDER BY id LIMIT %s", [after, size])  # noqa: S608 our own name
        return [contact_id for (contact_id,) in cursor.fetchall()]
