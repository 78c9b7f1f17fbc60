from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections

from dynamail.lib.asking import Ask
from dynamail.lib.ids import new_id
from dynamail.lib.sql import load_sql

ROWS_PER_STATEMENT = 5_000


@dataclass(frozen=True, slots=True)
class NewEvent:
    """A fact that is about to be recorded. `kind` is an EventKind; `data` holds plain values."""

    kind: str
    contact_id: UUID | None = None
    message_id: UUID | None = None
    source_kind: str = ""
    source_id: UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None  # when it happened, if not at the moment of recording


def record_event(
    account_id: int,
    kind: str,
    *,
    now: datetime,
    contact_id: UUID | None = None,
    message_id: UUID | None = None,
    source_kind: str = "",
    source_id: UUID | None = None,
    data: dict[str, Any] | None = None,
) -> UUID:
    """Append one fact in the caller's transaction; returns its id. `data` holds plain values."""
    event = NewEvent(kind, contact_id, message_id, source_kind, source_id, data or {})
    return record_events(account_id, [event], now=now)[0]


def record_events(account_id: int, events: Iterable[NewEvent], *, now: datetime) -> list[UUID]:
    """Append many facts in the caller's transaction, in few statements; returns their ids in order."""
    rows = [_to_row(event, now) for event in events]
    with connections["default"].cursor() as cursor:
        for start in range(0, len(rows), ROWS_PER_STATEMENT):
            insert_events(cursor, account_id, rows[start : start + ROWS_PER_STATEMENT])
    return [row[0] for row in rows]


def ask_to_insert_events(account_id: int, events: Sequence[NewEvent], *, now: datetime) -> Ask:
    """Like `record_events`, for those who ask by `lib/asking.py`."""
    rows = [_to_row(event, now) for event in events]
    return Ask(load_sql("events", "insert_events"), [account_id, *map(list, zip(*rows, strict=True))])


def insert_events(cursor: Any, account_id: int, rows: Sequence[tuple[Any, ...]]) -> None:
    """One INSERT of `(id, at, kind, contact_id, message_id, source_kind, source_id, data as JSON)` rows."""
    if rows:
        cursor.execute(load_sql("events", "insert_events"), [account_id, *map(list, zip(*rows, strict=True))])


def _to_row(event: NewEvent, now: datetime) -> tuple[Any, ...]:
    at = event.at or now
    return (
        new_id(at),
        at,
        str(event.kind),
        event.contact_id,
        event.message_id,
        event.source_kind,
        event.source_id,
        json.dumps(event.data, default=str),
    )
