"""Pages of a list by a cursor: `?limit=…&after=…`, answered as {"data": […], "has_more": …, "next": …}.

    page = read_query(request, Page)
    before = read_after(page, "cnt")            # lists by id, the newest first
    rows = list_things(account_id, before=before, limit=page.limit + 1)
    return list_page(rows, page.limit, describe, lambda row: row.public_id)

A short list, which is read whole in whatever order it has, comes on one page unless a smaller `limit` is asked for:

    page = read_query(request, ShortPage)
    return cut_list(list_things(account_id), page, describe)

A cursor is what `next` of the page before said; callers are told not to read it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec

from dynamail.accounts.tenancy import PublicIdModel
from dynamail.api.errors import FieldError
from dynamail.api.reading import refuse
from dynamail.lib.ids import UnknownId, from_public_id
from dynamail.lib.keyset import Order, read_cursor

PAGE, LARGEST_PAGE = 50, 100
WHOLE = 2_000  # of a short list on one page

Item = TypeVar("Item")
Row = TypeVar("Row")
Named = TypeVar("Named", bound=PublicIdModel)


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The part of a query that asks for a page. A list's own struct of filters may be derived from it."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_PAGE, description="How many at most.")] = PAGE
    after: Annotated[
        str, msgspec.Meta(max_length=1000, description="What `next` of the page before said.")
    ] = ""


class ShortPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Like `Page`, for lists of which few have many entries."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=WHOLE, description="How many at most.")] = WHOLE
    after: Annotated[
        str, msgspec.Meta(max_length=100, description="What `next` of the page before said.")
    ] = ""


class Listed(msgspec.Struct, Generic[Item], frozen=True):
    """One page of a list. `next` is null on the last one."""

    data: list[Item]
    has_more: bool
    next: str | None


def make_page(data: list[Item], after: str | None) -> Listed[Item]:
    """`after` is the cursor of the page that follows, empty or None where there is none."""
    return Listed(data, bool(after), after or None)


def list_page(
    rows: Sequence[Row], limit: int, describe: Callable[[Row], Item], name: Callable[[Row], str]
) -> Listed[Item]:
    """The page of rows that were asked for with `limit + 1`; `name` is the public id at which the next page goes on."""
    shown = rows[:limit]
    return make_page([describe(row) for row in shown], name(shown[-1]) if len(rows) > limit else None)


def cut_list(rows: Sequence[Named], page: ShortPage, describe: Callable[[Named], Item]) -> Listed[Item]:
    """The page of a list that was read whole. Raises Problem (422).

    The cursor has the last entry's id and its number: where it is gone meanwhile, the page goes on in its place.
    """
    start = _find_start(rows, page.after) if page.after else 0
    end = start + page.limit
    after = f"{end}.{rows[end - 1].public_id}" if end < len(rows) else None
    return make_page([describe(row) for row in rows[start:end]], after)


def _find_start(rows: Sequence[Named], after: str) -> int:
    number, dot, public_id = after.partition(".")
    if not (dot and number.isascii() and number.isdecimal() and len(number) < 7 and int(number) > 0):
        raise wrong_cursor()
    for place, row in enumerate(rows, start=1):
        if row.public_id == public_id:
            return place
    return int(number) - 1


def read_after(page: Any, prefix: str) -> UUID | None:
    """The id at which a list by ids goes on; None for its beginning. Raises Problem (422)."""
    if not page.after:
        return None
    try:
        return from_public_id(prefix, page.after)
    except UnknownId:
        raise wrong_cursor() from None


def check_after(page: Any, order: Order) -> str:
    """The cursor for `lib.keyset.cut_page`. Raises Problem (422)."""
    if page.after and read_cursor(order, page.after) is None:
        raise wrong_cursor()
    return str(page.after)


def wrong_cursor() -> Exception:
    return refuse(FieldError("after", "is not what “next” of a page said"))
