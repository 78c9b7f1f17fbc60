"""One process at a time follows a log: a lock of the database session, given back when its process dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections


@contextmanager
def take_turn(lock: int) -> Iterator[bool]:
    """Whether it is ours. `lock` is the number of an advisory lock (PostgreSQL, §13.3.5); others do not wait for it."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine and connections["default"].connection is not None:
            with connections["default"].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])
