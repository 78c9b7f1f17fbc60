"""One value against what a condition wants of it, by the type of the value. None is missing, and so is what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from dynamail.conditions import days
from dynamail.conditions.folding import fold
from dynamail.conditions.operators import NEGATIVE
from dynamail.conditions.tree import Moment, Op, Scalar, Value

STORED_DAY_LENGTH = len("2026-03-31")
STORED_MOMENT_LENGTH = len("2026-03-31T14:30:00Z")


# --- what is there ---


def read_text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def read_number(value: Any) -> Decimal | None:
    """Exactly the decimal that the JSON shows."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return Decimal(repr(value))
    return Decimal(value) if isinstance(value, (int, Decimal)) else None


def read_flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def read_list(value: Any) -> tuple[str, ...] | None:
    """The texts of a list; None for an empty list, but not for one without texts."""
    if not isinstance(value, list) or not value:
        return None
    return tuple(item for item in value if isinstance(item, str))


def read_stored_day(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) == STORED_DAY_LENGTH else None


def read_stored_moment(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) == STORED_MOMENT_LENGTH else None


def read_plain(value: Any) -> str | bool | Decimal | None:
    """A text, a number, or true or false."""
    if isinstance(value, bool):
        return value
    return read_text(value) or read_number(value)


# --- what is wanted ---


def holds_of_missing(op: Op) -> bool:
    return op in NEGATIVE


def holds_of_text(op: Op, found: str | None, wanted: Value) -> bool:
    return _hold(_TEXT, op, found, wanted)


def holds_of_number(op: Op, found: Decimal | None, wanted: Value) -> bool:
    return _hold(_NUMBER, op, found, wanted)


def holds_of_flag(op: Op, found: bool | None, wanted: Value) -> bool:
    return _hold(_EQUALITY, op, found, wanted)


def holds_of_list(op: Op, found: tuple[str, ...] | None, wanted: Value) -> bool:
    return _hold(_LIST, op, found, wanted)


def holds_of_property(op: Op, value: Any, wanted: Value) -> bool:
    """The value of an event's property, of whatever type it is there."""
    if op in (Op.EMPTY, Op.FILLED):
        return (value is None or value in ("", [])) is (op is Op.EMPTY)
    if op in _LIST:
        return holds_of_list(op, read_list(value), wanted)
    found = read_plain(value)
    return _hold(_NUMBER if isinstance(found, Decimal) else _TEXT, op, found, wanted)


def holds_of_stored_day(op: Op, found: str | None, wanted: Value, *, today: date) -> bool:
    """Of a day as attributes store it; they sort as texts."""
    if op is Op.ANNIVERSARY:
        return found is not None and found[5:] in _list_anniversaries(wanted, today)
    bounds = [_write_day(value, today) for value in _as_moments(wanted)]
    return _hold_span(op, found, [(text, text) for text in bounds if text], closed=True)


def holds_of_stored_moment(op: Op, found: str | None, wanted: Value, *, today: date, zone: str) -> bool:
    """Of a moment as attributes store it, in whole seconds; they sort as texts."""
    spans = [
        days.find_span(value, today=today, zone=zone, grain=days.SECOND) for value in _as_moments(wanted)
    ]
    bounds = [
        (days.write_moment(span.start), days.write_moment(span.end))
        for span in spans
        if span.start and span.end
    ]
    return _hold_span(op, found, bounds)


def holds_of_moment(op: Op, found: datetime | None, wanted: Value, *, today: date, zone: str) -> bool:
    spans = [days.find_span(value, today=today, zone=zone) for value in _as_moments(wanted)]
    return _hold_span(op, found, [(span.start, span.end) for span in spans])


def _hold_span(op: Op, found: Any, bounds: list[Any], *, closed: bool = False) -> bool:
    """Each bound is a start and an end that no longer belongs to it, unless `closed`: then both are the same and belong."""
    if op in (Op.EMPTY, Op.FILLED):
        return (found is None) is (op is Op.EMPTY)
    if found is None or not bounds:
        return holds_of_missing(op)
    (start, _), (_, end) = bounds[0], bounds[-1]
    is_before, is_after = found < start, found > end or (found == end and not closed)
    is_within = not is_before and not is_after
    answers = {
        Op.EQUALS: is_within,
        Op.DIFFERS: not is_within,
        Op.BETWEEN: is_within and len(bounds) == 2,
        Op.BEFORE: is_before,
        Op.AFTER: is_after,
    }
    return bool(answers.get(op, holds_of_missing(op)))


def _as_moments(wanted: Value) -> list[Moment]:
    moments = [days.as_moment(value) for value in (wanted if isinstance(wanted, tuple) else (wanted,))]
    return [moment for moment in moments if moment is not None]


def _write_day(value: Moment, today: date) -> str | None:
    return None if isinstance(value, datetime) else days.write_moment(days.resolve_day(value, today))


def _list_anniversaries(wanted: Value, today: date) -> frozenset[str]:
    spans = (
        [value.days for value in wanted if isinstance(value, days.RelativeDay)]
        if isinstance(wanted, tuple)
        else []
    )
    return days.list_anniversaries(today, *spans) if len(spans) == 2 else frozenset()


# --- tables of operators ---

Comparison = Callable[[Any, Any], bool]


def _hold(table: Mapping[Op, Comparison], op: Op, found: Any, wanted: Any) -> bool:
    if op is Op.EMPTY or op is Op.FILLED:
        return (found is None) is (op is Op.EMPTY)
    compare = table.get(op)
    return holds_of_missing(op) if found is None or compare is None else compare(found, wanted)


def _is_same(found: Scalar, wanted: Any) -> bool:
    """Equal and of one type: true is not 1."""
    return type(found) is type(wanted) and bool(found == wanted)


def _is_in(found: Scalar, wanted: Any) -> bool:
    return isinstance(wanted, tuple) and any(_is_same(found, value) for value in wanted)


def _contains(found: Any, wanted: Any) -> bool:
    return _are_texts(found, wanted) and fold(wanted) in fold(found)


def _begins(found: Any, wanted: Any) -> bool:
    return _are_texts(found, wanted) and fold(found).startswith(fold(wanted))


def _ends(found: Any, wanted: Any) -> bool:
    return _are_texts(found, wanted) and fold(found).endswith(fold(wanted))


def _are_texts(found: Any, wanted: Any) -> bool:
    return isinstance(found, str) and isinstance(wanted, str)


def _compare_numbers(compare: Callable[[Decimal, Decimal], bool]) -> Comparison:
    def hold(found: Any, wanted: Any) -> bool:
        return isinstance(wanted, Decimal) and compare(found, wanted)

    return hold


def _is_between(found: Any, wanted: Any) -> bool:
    if not isinstance(wanted, tuple) or len(wanted) != 2:
        return False
    low, high = wanted
    return isinstance(low, Decimal) and isinstance(high, Decimal) and bool(low <= found <= high)


def _set_of(wanted: Any) -> set[Scalar]:
    return set(wanted) if isinstance(wanted, tuple) else set()


_EQUALITY: dict[Op, Comparison] = {
    Op.EQUALS: _is_same,
    Op.DIFFERS: lambda found, wanted: not _is_same(found, wanted),
    Op.IN: _is_in,
    Op.NOT_IN: lambda found, wanted: not _is_in(found, wanted),
}
_TEXT: dict[Op, Comparison] = {
    **_EQUALITY,
    Op.CONTAINS: _contains,
    Op.NOT_CONTAINS: lambda found, wanted: not _contains(found, wanted),
    Op.BEGINS: _begins,
    Op.ENDS: _ends,
}
_NUMBER: dict[Op, Comparison] = {
    **_EQUALITY,
    Op.LESS: _compare_numbers(lambda found, wanted: found < wanted),
    Op.AT_MOST: _compare_numbers(lambda found, wanted: found <= wanted),
    Op.MORE: _compare_numbers(lambda found, wanted: found > wanted),
    Op.AT_LEAST: _compare_numbers(lambda found, wanted: found >= wanted),
    Op.BETWEEN: _is_between,
}
_LIST: dict[Op, Comparison] = {
    Op.HAS_ANY: lambda found, wanted: bool(_set_of(wanted) & set(found)),
    Op.HAS_ALL: lambda found, wanted: bool(wanted) and _set_of(wanted) <= set(found),
    Op.HAS_NONE: lambda found, wanted: not _set_of(wanted) & set(found),
}
