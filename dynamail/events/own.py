"""Writing the events of an account's own. Who they are about, and whether they may be kept, is decided above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections

from dynamail.lib.personal_data import RETENTION_DAYS, Retention
from dynamail.lib.sql import load_sql

KEYS_AT_ONCE = 10_000


@dataclass(slots=True)  # not frozen: thousands are made in a second
class OwnEventRow:
    """An event that is about to be written. `properties` is JSON; `key` is what its sender calls it, hashed."""

    id: UUID  # UUIDv7 of `at`
    name_id: int
    contact_id: UUID
    at: datetime
    properties: str
    key: UUID | None = None


def insert_own_events(
    cursor: Any, account_id: int, rows: Sequence[OwnEventRow], *, source_kind: str, now: datetime
) -> dict[UUID, UUID]:
    """Write rows whose keys differ, in the caller's transaction. Returns the event that was there before, by key.

    A key that another transaction is writing just now is waited for: one of the two is written.
    """
    if not rows:
        return {}
    parameters = {
        "account_id": account_id,
        "rows": f"[{','.join(map(_write_row, rows))}]",
        "source_kind": source_kind,
        "now": now,
    }
    cursor.execute(load_sql("events", "insert_own_events"), parameters)
    if cursor.rowcount == len(rows):
        return {}
    own_ids = {row.id for row in rows}
    return {
        key: event_id
        for key, event_id in _find_taken(cursor, account_id, rows).items()
        if event_id not in own_ids
    }


def find_taken_keys(cursor: Any, account_id: int, keys: Sequence[UUID]) -> dict[UUID, UUID]:
    """The event behind each key that was taken."""
    cursor.execute(
        "SELECT key, event_id FROM custom_event_key WHERE account_id = %s AND key = ANY(%s)",
        [account_id, list(keys)],
    )
    return dict(cursor.fetchall())


def forget_keys(*, now: datetime) -> int:
    """Retention: an event as old as its key has left the log, and one with such a moment is not taken any more. Returns how many."""
    limit = now - timedelta(days=RETENTION_DAYS[Retention.MESSAGE_LOG] or 0)
    total = 0
    with connections["default"].cursor() as cursor:
        while True:  # each round is a transaction of its own: short locks
            cursor.execute(load_sql("events", "forget_event_keys"), [limit, KEYS_AT_ONCE])
            total += cursor.rowcount
            if cursor.rowcount < KEYS_AT_ONCE:
                return total


def _find_taken(cursor: Any, account_id: int, rows: Sequence[OwnEventRow]) -> dict[UUID, UUID]:
    return find_taken_keys(cursor, account_id, [row.key for row in rows if row.key is not None])


def _write_row(row: OwnEventRow) -> str:
    """One object of the document. By hand: ids, numbers and moments need no escaping, and the properties are JSON already."""
    key = f'"{row.key.hex}"' if row.key is not None else "null"
    return (
        f'{{"id":"{row.id.hex}","name_id":{row.name_id},"contact_id":"{row.contact_id.hex}",'
        f'"at":"{row.at.isoformat()}","properties":{row.properties},"key":{key}}}'
    )
