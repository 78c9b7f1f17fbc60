"""Attribute values: from text to what is stored, and from what is stored to text.

Stored in `contact.attributes` as JSON: text, choice and date (`2026-03-04`) as strings, a moment as ISO 8601 in UTC, numbers as
numbers, yes or no as true or false, a list as strings. What could mean two things is refused with a sentence, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Protocol

from django.utils.translation import gettext as _

MAX_TEXT_LENGTH = 2_000  # characters
MAX_LIST_LENGTH = 50
MAX_DIGITS = 15  # what a JSON number keeps exactly

Value = str | int | float | bool | list[str]

TRUE_WORDS = frozenset(["yes", "y", "true", "t", "1", "on", "+", "да", "д", "истина", "так", "праўда", "✓"])
FALSE_WORDS = frozenset(["no", "n", "false", "f", "0", "off", "-", "нет", "н", "ложь", "не", "хлусня", "✗"])

_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f']+")
_ORDINARY_NUMBER = re.compile(
    r"-?[0-9]{1,9}\.[0-9]{1,6}"
)  # nearly all, and never more digits than a float keeps
_UNCLEAR_NUMBER = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d{1,2})?")
_COMMA_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_POINT_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|[+-]?\d{1,3}(?:\.\d{3})+,\d+")
_YEAR_FIRST = re.compile(r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})")
_DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_EITHER_FIRST = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})")
_CLOCK = re.compile(r"(.+?)[T ,]+(\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:Z|[+-]\d{2}:?\d{2})?)")


class ValueProblem(ValueError):
    """The text is no value of the attribute's type; `str(error)` says what to write instead."""


class Typed(Protocol):
    """What parsing needs to know of an attribute."""

    @property
    def type(self) -> str: ...

    @property
    def choices(self) -> Sequence[str]: ...


def parse_value(attribute: Typed, text: str, *, zone: tzinfo = UTC) -> Value | None:
    """The stored value of what was typed; None for nothing. A moment without an offset is in `zone`. Raises ValueProblem."""
    text = text.strip()
    if not text:
        return None
    return _PARSERS[attribute.type](text, attribute, zone)


def format_value(value: object, *, zone: tzinfo = UTC) -> str:
    """The text that parses back to the value, for forms, files and pages."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return str(value)


def export_value(value: object) -> str:
    """Like `format_value`, in words that do not depend on the reader's language."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format_value(value)


def guess_type(texts: Sequence[str]) -> str:
    """The narrowest type that all of the sample values have; text when there is doubt."""
    filled = [text.strip() for text in texts if text.strip()]
    if not filled:
        return "text"
    if any(re.fullmatch(r"\+?0\d+|\+\d+", text) for text in filled):
        return "text"  # codes and phone numbers: a number would lose the zero or the plus
    for kind in ("boolean", "number", "date", "time"):
        if all(_fits(kind, text) for text in filled):
            return kind
    return "text"


class _Bare:
    """An attribute that has only a type."""

    choices: Sequence[str] = ()

    def __init__(self, kind: str) -> None:
        self.type = kind


def _fits(kind: str, text: str) -> bool:
    if kind == "boolean" and text in ("0", "1", "+", "-"):
        return False
    if kind == "number" and len(re.sub(r"\D", "", text)) > 9:
        return False  # more likely an identifier
    try:
        parse_value(_Bare(kind), text)
    except ValueProblem:
        return False
    return True


def _parse_text(text: str, attribute: Typed, zone: tzinfo) -> str:
    if len(text) > MAX_TEXT_LENGTH:
        raise ValueProblem(_("The text is longer than %(limit)s characters.") % {"limit": MAX_TEXT_LENGTH})
    return text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")


def _parse_number(text: str, attribute: Typed, zone: tzinfo) -> int | float:
    if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS:
        return int(text)
    if _ORDINARY_NUMBER.fullmatch(text):
        number = float(text)
        return int(number) if number.is_integer() else number
    plain = _SPACES.sub("", text).replace("\u2212", "-")
    if _UNCLEAR_NUMBER.fullmatch(plain):
        raise ValueProblem(
            _("“%(text)s” may mean a thousand or a fraction: write it without the comma, or with a point.")
            % {"text": text[:40]}
        )
    unified = _unify_decimal_mark(plain)
    if unified is None:
        raise ValueProblem(_("“%(text)s” is not a number.") % {"text": text[:40]})
    exact = Decimal(unified)
    if len(exact.as_tuple().digits) > MAX_DIGITS or abs(exact.adjusted()) > MAX_DIGITS:
        raise ValueProblem(_("“%(text)s” has too many digits: keep it as text.") % {"text": text[:40]})
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def _unify_decimal_mark(plain: str) -> str | None:
    """`1,5`, `1,234.5` and `1.234,5` with a point for the fraction alone; None for what is no number."""
    if _PLAIN_NUMBER.fullmatch(plain):
        return plain.replace(",", ".")
    if _COMMA_THOUSANDS.fullmatch(plain):
        return plain.replace(",", "")
    if _POINT_THOUSANDS.fullmatch(plain):
        return plain.replace(".", "").replace(",", ".")
    return None


def _parse_boolean(text: str, attribute: Typed, zone: tzinfo) -> bool:
    word = text.casefold()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueProblem(_("“%(text)s” is neither yes nor no.") % {"text": text[:40]})


def _parse_date(text: str, attribute: Typed, zone: tzinfo) -> str:
    clock = _CLOCK.fullmatch(text)
    if clock and clock[2].strip(" 0:Z.") == "":
        text = clock[1]  # spreadsheets write a date as midnight
    return _read_date(text).isoformat()


def _read_date(text: str) -> date:
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, day = match.groups()
    elif match := _DAY_FIRST.fullmatch(text):
        day, month, year = match.groups()
    elif match := _EITHER_FIRST.fullmatch(text):
        day, month, year = _tell_day_from_month(match, text)
    else:
        raise ValueProblem(
            _("“%(text)s” is not a date: write it as 2026-03-31 or 31.03.2026.") % {"text": text[:40]}
        )
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise ValueProblem(_("There is no such day as “%(text)s”.") % {"text": text[:40]}) from None


def _tell_day_from_month(match: re.Match[str], text: str) -> tuple[str, str, str]:
    first, second, year = match.groups()
    if int(first) > 12 or first == second:
        return first, second, year
    if int(second) > 12:
        return second, first, year
    raise ValueProblem(
        _("“%(text)s” may begin with the day or with the month: write it as 2026-03-31.")
        % {"text": text[:40]}
    )


def _parse_time(text: str, attribute: Typed, zone: tzinfo) -> str:
    match = _CLOCK.fullmatch(text)
    day, clock = (match[1], _SPACES.sub("", match[2])) if match else (text, "00:00")
    if re.match(r"\d:", clock):
        clock = f"0{clock}"
    try:
        moment = datetime.fromisoformat(f"{_read_date(day).isoformat()}T{clock}")
    except ValueProblem:
        raise
    except ValueError:
        raise ValueProblem(
            _("“%(text)s” is not a date and time: write it as 2026-03-31 14:30.") % {"text": text[:40]}
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except OverflowError:
        raise ValueProblem(_("There is no such day as “%(text)s”.") % {"text": text[:40]}) from None


def _parse_choice(text: str, attribute: Typed, zone: tzinfo) -> str:
    wanted = text.casefold()
    for choice in attribute.choices:
        if choice.casefold() == wanted:
            return choice
    listed = ", ".join(attribute.choices[:8])
    raise ValueProblem(_("“%(text)s” is not one of: %(choices)s.") % {"text": text[:40], "choices": listed})


def _parse_list(text: str, attribute: Typed, zone: tzinfo) -> list[str]:
    values = split_list(text)
    if len(values) > MAX_LIST_LENGTH:
        raise ValueProblem(_("A list holds up to %(limit)s values.") % {"limit": MAX_LIST_LENGTH})
    return [_parse_text(value, attribute, zone) for value in values]


def split_list(text: str) -> list[str]:
    """`red; green, red` as red and green: once each, in order."""
    parts = (part.strip() for part in re.split(r"[,;|\r\n]", text.replace("\x00", "")))
    return list(dict.fromkeys(part for part in parts if part))


_PARSERS: dict[str, Callable[[str, Typed, tzinfo], Value]] = {
    "text": _parse_text,
    "number": _parse_number,
    "boolean": _parse_boolean,
    "date": _parse_date,
    "time": _parse_time,
    "choice": _parse_choice,
    "list": _parse_list,
}
