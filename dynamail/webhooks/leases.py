"""Which claims have a living owner. Each process that posts has a mark; its claims begin with it, and a lock of the session says that it lives.

Where a process dies, its session ends, and the lock with it: another one's next turn frees what it had claimed, without waiting for the lease. The
lease is for what a session survives, such as a machine that lost its network. A process that lives and lost only its connection may see
deliveries of its own posted once more, under the same id.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections

from dynamail.lib.ids import new_id
from dynamail.lib.sql import load_sql
from dynamail.webhooks.kinds import list_groups
from dynamail.webhooks.models import WebhookAttempt

LOCK_CLASS = 7_301_008  # advisory locks of two numbers: this and a mark
LOST = "lost"  # of an attempt that nobody settled


@dataclass(frozen=True, slots=True)
class LostClaim:
    """A claim that nobody settled: its worker died, and what it sent may have arrived."""

    account_id: int
    delivery_id: UUID
    kind: str
    payload: dict[str, Any] | None
    person_id: UUID | None
    authorization_id: int | None


def note_lost(claims: Sequence[LostClaim], *, now: datetime) -> None:
    """Each is an attempt whose end is not known, with all that may have been in it (P7.1)."""
    rows = WebhookAttempt.objects.across_accounts(reason="the rows name their account")
    rows.bulk_create(
        WebhookAttempt(
            account_id=one.account_id,
            id=new_id(now),
            at=now,
            delivery_id=one.delivery_id,
            error=LOST,
            authorization_id=one.authorization_id,
            person_id=one.person_id,
            fields=list_groups(one.kind, one.payload["data"]),
        )
        for one in claims
        if one.payload
    )


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
