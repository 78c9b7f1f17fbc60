"""Which claims have a living owner. Each process that posts has a mark; its claims begin with it, and a lock of the session says that it lives.

Where a process dies, its session ends, and the lock with it: another one's next turn frees what it had claimed, without waiting for the lease. The
lease is for what a session survives, such as a machine that lost its network. A process that lives and lost only its connection may see
deliveries of its own posted once more, under the same id.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from django.db import connections

from dynamail.lib.sql import load_sql

LOCK_CLASS = 7_301_008  # advisory locks of two numbers: this and a mark


def make_mark() -> int:
    return secrets.randbits(31)


def hold_mark(mark: int) -> bool:
    """On the connection of the thread that asks, for as long as it is open. False where another one has it."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, mark])
        return bool(cursor.fetchone()[0])


def free_claims(*, now: datetime) -> int:
    """What the dead had claimed is due at once. Returns how many there were."""
    parameters: dict[str, Any] = {"now": now, "class": LOCK_CLASS}
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("webhooks", "free_claims"), parameters)
        return cursor.rowcount
