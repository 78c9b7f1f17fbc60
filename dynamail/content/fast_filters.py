"""The most used filters without the Liquid engine, with the same results. None stands for an undefined value too."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from markupsafe import escape as escape_html

from dynamail.content.liquid_filters import MAX_DATE_FORMAT, format_date

Filter = Callable[[Any], Any]


def fast_filter(name: str, arguments: tuple[object, ...], *, is_html: bool) -> Filter | None:
    """The filter with its literal arguments, or None when only the engine can apply it."""
    match name, arguments:
        case "escape", ():
            return (lambda value: escape_html(str(_as_string(value)))) if is_html else _as_string
        case "default", () | (_,):
            return _defaulting(arguments[0] if arguments else "")
        case "append", (addition,):
            return lambda value: _as_string(value) + str(addition)
        case "date", (str() as pattern,) if len(pattern) <= MAX_DATE_FORMAT:
            return lambda value: format_date(value, pattern)
        case _, () if name in _TEXT_METHODS:
            method = _TEXT_METHODS[name]
            return lambda value: method(_as_string(value))
        case _:
            return None


_TEXT_METHODS: dict[str, Callable[[str], str]] = {
    "upcase": lambda text: text.upper(),
    "downcase": lambda text: text.lower(),
    "capitalize": lambda text: text.capitalize(),
    "strip": lambda text: text.strip(),
    "lstrip": lambda text: text.lstrip(),
    "rstrip": lambda text: text.rstrip(),
}


def _as_string(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _defaulting(fallback: object) -> Filter:
    def default(value: Any) -> Any:
        if value:
            return value
        is_number = isinstance(value, int | float | Decimal) and value is not False
        return value if is_number else fallback

    return default
