"""Writing the events of an account's own. Who they are about, and whether they may be kept, is decided above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections

from dynamail.lib.asking import Ask
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


def ask_to_insert(account_id: int, rows: Sequence[OwnEventRow], *, source_kind: str, now: datetime) -> Ask:
    """Write rows whose keys differ; what is counted are those that were new.

    A key that another transaction is writing just now is waited for: one of the two is written.
    """
    parameters = {
        "account_id": account_id,
        "rows": f"[{','.join(map(_write_row, rows))}]",
        "source_kind": source_kind,
        "now": now,
    }
    return Ask(load_sql("events", "insert_own_events"), parameters)


def ask_for_taken(account_id: int, rows: Sequence[OwnEventRow]) -> Ask:
    """The event behind each key that these rows brought, theirs or an earlier one: (key, id of the event)."""
    keys = [row.key for row in rows if row.key is not None]
    return Ask(load_sql("events", "find_taken_keys"), [account_id, keys])


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


def _write_row(row: OwnEventRow) -> str:
    """One object of the document. By hand: ids, numbers and moments need no escaping, and the properties are JSON already."""
    key = f'"{row.key.hex}"' if row.key is not None else "null"
    return (
        f'{{"id":"{row.id.hex}","name_id":{row.name_id},"contact_id":"{row.contact_id.hex}",'
        f'"at":"{row.at.isoformat()}","properties":{row.properties},"key":{key}}}'
    )
