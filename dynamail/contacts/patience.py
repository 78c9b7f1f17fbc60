"""A list that a member or a piece of work waits for: how long the database may take, and what it may use meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction
from django.db.utils import OperationalError
from psycopg.errors import QueryCanceled

SECONDS = 15.0
_SETTINGS = (
    "SELECT set_config('statement_timeout', %s, true), set_config('work_mem', '128MB', true), "
    "set_config('random_page_cost', '1.1', true), set_config('jit', 'off', true)"
)


class TooSlow(Exception):
    """The database gave up after the limit."""


@contextmanager
def limit_time(*, seconds: float = SECONDS) -> Iterator[None]:
    """Only for reading, inside the walls of the account's own role. Raises TooSlow when one statement takes longer.

    What happened inside is rolled back, and the settings with it.
    """
    with transaction.atomic():
        savepoint = transaction.savepoint()
        try:
            with limit_statements(seconds=seconds):
                yield
        finally:
            transaction.savepoint_rollback(savepoint)


@contextmanager
def limit_statements(*, seconds: float) -> Iterator[None]:
    """The same to the end of the caller's transaction, which keeps what happened inside."""
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute(_SETTINGS, [f"{int(seconds * 1000)}ms"])
        yield
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooSlow from error
        raise
