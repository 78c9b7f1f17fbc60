"""Reading the log as it grows, each fact once.

A row becomes visible when its transaction commits, not when it gets its id: a reader that remembers "the last id I saw" skips
the rows of a transaction that began earlier and commits later. So the order here is that of the writing transaction (`tx`),
and only rows of transactions below the oldest one still running are read: nothing can appear before them any more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connections, transaction

from dynamail.events.models import EventCursor
from dynamail.lib.sql import load_sql

NO_ID = UUID(int=0)


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A fact as a reader gets it. Its `id` is the key for what must be done once."""

    account_id: int
    id: UUID
    at: datetime
    kind: str
    contact_id: UUID | None
    message_id: UUID | None
    source_kind: str
    source_id: UUID | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TakenOwnEvent:
    """An event of an account's own as a reader gets it."""

    account_id: int
    id: UUID
    at: datetime
    contact_id: UUID
    name_id: int
    source_kind: str
    properties: dict[str, Any]


def take_events(reader: str, *, limit: int, now: datetime) -> list[LoggedEvent]:
    """The next facts for this reader, whose cursor moves past them in the caller's transaction.

    Call it inside `transaction.atomic()`, with the effects: both commit or neither does. Two processes with one reader's name
    take turns.
    """
    rows = _take_rows("take_events", reader, limit, now)
    return [LoggedEvent(*(*row[1:-1], json.loads(row[-1]))) for row in rows]


def take_custom_events(reader: str, *, limit: int, now: datetime) -> list[TakenOwnEvent]:
    """Like `take_events` for the events of the accounts' own. A reader of both needs two names."""
    rows = _take_rows("take_custom_events", reader, limit, now)
    return [TakenOwnEvent(*(*row[1:-1], json.loads(row[-1], parse_float=Decimal))) for row in rows]


def has_events(reader: str) -> bool:
    """Would `take_events` bring this reader anything now? Costs a look into an index."""
    return _ask_for_news("has_events", reader)


def has_custom_events(reader: str) -> bool:
    """The same for `take_custom_events`."""
    return _ask_for_news("has_custom_events", reader)


@transaction.atomic
def skip_to_end(reader: str, *, now: datetime) -> None:
    """Start a reader behind all that is finished now; what is being written in this moment will still come."""
    _lock_cursor(reader, now)
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1")
        (last,) = cursor.fetchone()
    EventCursor.objects.filter(pk=reader).update(after_tx=last, after_id=UUID(int=2**128 - 1), updated_at=now)


def _ask_for_news(statement: str, reader: str) -> bool:
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("events", statement), {"reader": reader})
        return bool(cursor.fetchone()[0])


def _lock_cursor(reader: str, now: datetime) -> EventCursor:
    EventCursor.objects.bulk_create([EventCursor(name=reader, updated_at=now)], ignore_conflicts=True)
    return EventCursor.objects.select_for_update().get(pk=reader)


def _take_rows(statement: str, reader: str, limit: int, now: datetime) -> list[tuple[Any, ...]]:
    """Rows that begin with (tx, account_id, id); the cursor stands behind the last of them."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(
            f"{statement} moves a cursor together with what the caller writes: open a transaction"
        )
    cursor_row = _lock_cursor(reader, now)
    with connections["default"].cursor() as cursor:
        parameters: list[Any] = [str(cursor_row.after_tx), cursor_row.after_id or NO_ID, limit]
        cursor.execute(load_sql("events", statement), parameters)
        rows = cursor.fetchall()
    if rows:
        EventCursor.objects.filter(pk=reader).update(
            after_tx=rows[-1][0], after_id=rows[-1][2], updated_at=now
        )
    return rows
