"""Pages of a long list by key: what comes after (or before) the last row that was seen, however many rows there are.

A cursor is opaque outside: the values of the order's columns in the row it stands at.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import (
    BinaryField,
    BooleanField,
    CharField,
    DateTimeField,
    F,
    Field,
    Func,
    Model,
    QuerySet,
    UUIDField,
    Value,
)

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Order:
    """A way to sort: its columns, and whether it runs downward. The last column makes it total."""

    columns: tuple[tuple[str, Field], ...]
    descending: bool = False


@dataclass(frozen=True)
class KeysetPage(Generic[Row]):
    """One page of a list, and the cursors of its neighbors (empty where there is none)."""

    rows: Sequence[Row]
    before: str
    after: str


def cut_page(
    rows: QuerySet[Row], order: Order, *, before: str = "", after: str = "", size: int
) -> KeysetPage[Row]:
    """The page that follows the cursor `after` or precedes `before`, else the first one. A bad cursor is the first page."""
    if before and (start := read_cursor(order, before)) is not None:
        found = list(_run(rows, order, start, reverse=True)[: size + 1])
        page, more = found[:size][::-1], len(found) > size
        first = write_cursor(order, page[0]) if more and page else ""
        return KeysetPage(page, first, write_cursor(order, page[-1]) if page else "")
    start = read_cursor(order, after) if after else None
    found = list(_run(rows, order, start, reverse=False)[: size + 1])
    page, more = found[:size], len(found) > size
    first = write_cursor(order, page[0]) if start is not None and page else ""
    return KeysetPage(page, first, write_cursor(order, page[-1]) if more else "")


def write_cursor(order: Order, row: Model) -> str:
    values = [_write_value(getattr(row, name)) for name, _kind in order.columns]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def read_cursor(order: Order, text: str) -> list[Any] | None:
    """The values of a cursor; None for a text that is none of this order."""
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return [
            _READERS[type(kind)](str(value)) for value, (_n, kind) in zip(values, order.columns, strict=True)
        ]
    except (ValueError, TypeError, RecursionError):
        return None


def _run(rows: QuerySet[Row], order: Order, start: list[Any] | None, *, reverse: bool) -> QuerySet[Row]:
    descending = order.descending != reverse
    if start is not None:
        rows = rows.filter(_beyond(order, start, "<" if descending else ">"))
    return rows.order_by(*(f"-{name}" if descending else name for name, _kind in order.columns))


def _beyond(order: Order, start: Sequence[Any], sign: str) -> Func:
    """`(created_at, id) < (…, …)`: a row comparison, which one index range answers."""
    columns = Func(*(F(name) for name, _kind in order.columns), function="ROW")
    values = Func(
        *(Value(value, output_field=kind) for value, (_name, kind) in zip(start, order.columns, strict=True)),
        function="ROW",
    )
    return Func(
        columns, values, template="%(expressions)s", arg_joiner=f" {sign} ", output_field=BooleanField()
    )


def _write_value(value: object) -> str:
    match value:
        case datetime():
            return value.isoformat()
        case bytes() | memoryview():
            return value.hex()
    return str(value)


def _read_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment


def _read_text(text: str) -> str:
    text.encode()  # half a pair of surrogates is a ValueError
    if "\x00" in text:
        raise ValueError("no text that a database keeps")
    return text


_READERS: dict[type, Any] = {
    BinaryField: bytes.fromhex,
    CharField: _read_text,
    DateTimeField: _read_moment,
    UUIDField: UUID,
}
