"""A connection that asks conditions of a whole account: its settings, its limit of time, and why something costs too much."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString, cast

from django.db import connections, transaction
from django.db.utils import OperationalError
from psycopg.errors import QueryCanceled

from dynamail.accounts.tenancy import account_scope
from dynamail.lib.sql import SqlFragment, load_sql

STATEMENT_TIMEOUT = 15.0  # seconds that a member waits for an exact number
# Row-level security keeps every condition that is not leakproof out of index scans, and jsonb's operators are not. Questions about
# whole accounts are therefore asked with the workers' role: each table that a compiled condition names is held to the account by the
# condition itself, which a test reads from its text.
ROLE = "dynamail_work"
# Names and values of settings for the statement's transaction alone.
PLANNING = {
    "work_mem": "128MB",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "2",
    "parallel_setup_cost": "100",
    "parallel_tuple_cost": "0.01",
    "min_parallel_table_scan_size": "1MB",
    "min_parallel_index_scan_size": "128kB",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class Answer:
    rows: list[tuple[Any, ...]]
    milliseconds: float


class TimedOut(Exception):
    """The database gave up after the limit."""


@contextmanager
def ask_account(account_id: int, *, seconds: float = STATEMENT_TIMEOUT) -> Iterator[Any]:
    """A cursor for one account, planned for whole populations. Raises TimedOut when a statement takes longer than `seconds`.

    Only for reading: what happened inside is rolled back, and the settings with it.
    """
    with account_scope(account_id), connections["default"].cursor() as cursor:
        savepoint = transaction.savepoint()
        try:
            _set_local(cursor, {**PLANNING, "role": ROLE, "statement_timeout": f"{int(seconds * 1000)}ms"})
            yield cursor
        except OperationalError as error:
            if isinstance(error.__cause__, QueryCanceled):
                raise TimedOut from error
            raise
        finally:
            transaction.savepoint_rollback(savepoint)


def _set_local(cursor: Any, settings: Mapping[str, str]) -> None:
    calls = ", ".join(["set_config(%s, %s, true)"] * len(settings))
    cursor.execute(f"SELECT {calls}", [part for pair in settings.items() for part in pair])


def run(cursor: Any, name: str, fragments: Mapping[str, SqlFragment], **parameters: Any) -> Answer:
    """A statement of ours with conditions in the places `/* name */`."""
    statement: LiteralString = load_sql("segments", name)
    for place, fragment in fragments.items():
        text, values = fragment.named(place)
        statement = cast(LiteralString, statement.replace(f"/* {place} */", text))
        parameters |= values
    started = time.perf_counter()
    cursor.execute(statement, parameters)
    rows = cursor.fetchall()
    return Answer(rows, round((time.perf_counter() - started) * 1000, 1))
