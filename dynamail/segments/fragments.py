"""Pieces of SQL put together from our own texts alone; whatever a user wrote travels beside them as a parameter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, LiteralString, cast

from dynamail.lib.sql import SqlFragment

TRUE, FALSE = SqlFragment("TRUE"), SqlFragment("FALSE")


def bind(value: Any, type: LiteralString) -> SqlFragment:
    """A value as a parameter of an SQL type."""
    return SqlFragment(f"%s::{type}", (value,))


def compose(template: LiteralString, *parts: SqlFragment) -> SqlFragment:
    """The template with a part in each `{}`."""
    text = template.format(*(part.text for part in parts))
    return SqlFragment(cast(LiteralString, text), tuple(value for part in parts for value in part.parameters))


def join_all(parts: Iterable[SqlFragment]) -> SqlFragment:
    """All of them hold; of none: true."""
    kept = [part for part in parts if part != TRUE]
    return FALSE if FALSE in kept else _join(kept, " AND ", empty=TRUE)


def join_any(parts: Iterable[SqlFragment]) -> SqlFragment:
    """One of them holds; of none: false."""
    kept = [part for part in parts if part != FALSE]
    return TRUE if TRUE in kept else _join(kept, " OR ", empty=FALSE)


def negate(part: SqlFragment) -> SqlFragment:
    """The opposite. What begins with NOT is a negation as a whole: joined parts stand in parentheses."""
    if part in (TRUE, FALSE):
        return FALSE if part == TRUE else TRUE
    if part.text.startswith("NOT "):
        return SqlFragment(part.text.removeprefix("NOT "), part.parameters)
    return compose("NOT {}", part)


def negate_nullable(part: SqlFragment) -> SqlFragment:
    """True where the part is false or NULL."""
    return negate(part) if part in (TRUE, FALSE) else compose("({}) IS NOT TRUE", part)


def say(part: SqlFragment, *, negated: bool) -> SqlFragment:
    return negate(part) if negated else part


def is_storable(text: str) -> bool:
    """Can a database hold this text? What it cannot hold is equal to nothing in it."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _join(parts: list[SqlFragment], word: LiteralString, *, empty: SqlFragment) -> SqlFragment:
    if len(parts) <= 1:
        return parts[0] if parts else empty
    text = f"({word.join(part.text for part in parts)})"
    return SqlFragment(cast(LiteralString, text), tuple(value for part in parts for value in part.parameters))
