"""Filters that differ from python-liquid's: bounded, without regular expressions that backtrack, without `safe`.

Literals in a template are ordinary text, not trusted HTML: whatever an output writes into HTML is escaped. Only the
filters below that make HTML themselves (`escape`, `newline_to_br`) return Markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from typing import Any

from dateutil import parser as dateutil_parser
from liquid.exceptions import FilterError
from liquid.filter import sequence_filter, string_filter
from liquid.undefined import is_undefined
from markupsafe import Markup
from markupsafe import escape as escape_html

from dynamail.content.liquid_limits import MAX_STRING, StepLimitError
from dynamail.content.markup import decode_entities, strip_tags

MAX_DATE_FORMAT = 200
MAX_DATE_TEXT = 64

REMOVED_FILTERS = ("safe", "escapejs")


@string_filter
def escape(value: str) -> Markup:
    return escape_html(str(value))


@string_filter
def escape_once(value: str) -> Markup:
    return escape_html(decode_entities(str(value)))


@string_filter
def newline_to_br(value: str) -> Markup:
    _bound(len(value) + 6 * value.count("\n"))
    return Markup("<br />\n").join(escape_html(value.replace("\r\n", "\n")).split("\n"))


@string_filter
def strip_newlines(value: str) -> str:
    return value.replace("\r\n", "").replace("\n", "")


@string_filter
def strip_html(value: str) -> str:
    return strip_tags(str(value))


@string_filter
def replace(value: str, old: object, new: object = "") -> str:
    old, new = _text(old), _text(new)
    _bound(len(value) + value.count(old) * max(0, len(new) - len(old)))
    return value.replace(old, new)


@sequence_filter
def join(items: Iterable[object], separator: object = " ") -> str:
    texts, separator = [_text(item) for item in items], _text(separator)
    _bound(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


@sequence_filter
def uniq(items: list[Any], key: object = None) -> list[Any]:
    seen: set[object] = set()
    return [item for item in items if _is_new(seen, item if key is None else _member(item, key))]


def format_date(value: object, pattern: object = "%Y-%m-%d") -> str:
    """The date written by a strftime pattern; text that is no date stays as it is."""
    if value is None or is_undefined(value):
        return ""
    moment = _to_datetime(value)
    if moment is None or is_undefined(pattern):
        return _text(value)
    pattern = _text(pattern)
    if len(pattern) > MAX_DATE_FORMAT:
        raise FilterError("date: the format is too long", token=None)
    try:
        return moment.strftime(pattern)
    except ValueError:  # a directive that this platform does not know
        return _text(value)


def _to_datetime(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time.min)
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str) and 0 < len(value) <= MAX_DATE_TEXT:
            return _parse_date(value)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _parse_date(text: str) -> datetime:
    if text.isascii() and text.isdigit() and len(text) > 8:
        return datetime.fromtimestamp(int(text), UTC)
    return dateutil_parser.parse(text, default=datetime(1970, 1, 1, tzinfo=UTC))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str("" if value is None else value)


def _bound(size: int) -> None:
    if size > MAX_STRING:
        raise StepLimitError(f"a text of {size} characters is longer than {MAX_STRING}", token=None)


def _member(item: object, key: object) -> object:
    return item.get(key) if isinstance(item, dict) else None


def _is_new(seen: set[object], marker: object) -> bool:
    try:
        hash(marker)
    except TypeError:
        marker = ("unhashable", repr(marker)[:MAX_STRING])
    if marker in seen:
        return False
    seen.add(marker)
    return True


FILTERS: dict[str, Callable[..., Any]] = {
    "escape": escape,
    "escape_once": escape_once,
    "newline_to_br": newline_to_br,
    "strip_newlines": strip_newlines,
    "strip_html": strip_html,
    "replace": replace,
    "join": join,
    "uniq": uniq,
    "date": format_date,
}


@string_filter
def unchanged(value: str) -> str:
    return value


# In a subject or a text part there is no HTML to escape for.
PLAIN_FILTERS: dict[str, Callable[..., Any]] = {
    "escape": unchanged,
    "escape_once": unchanged,
    "newline_to_br": unchanged,
}
