"""The values inside a condition's JSON, each checked where it is read; what is wrong is noted and reading goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

from dynamail.conditions.days import MAX_ANNIVERSARY_SPAN, read_day, read_moment
from dynamail.conditions.faults import Fault, join_path, make_fault, show_text
from dynamail.conditions.tree import MAX_DAYS, MAX_LEAVES, MAX_TEXT, MAX_VALUES, Moment, RelativeDay, Scalar
from dynamail.lib.ids import UnknownId, from_public_id

MAX_DIGITS = 15  # of a number: what JSON keeps exactly, and what attributes take
MAX_FAULTS = 100  # of one document; who wrote more of them is not reading
MAX_NAME = 100  # characters of an event's name, a property, a salt

MAX_ALL_VALUES = 10_000  # in all lists of one condition

_MISSING: Final = object()
_HUGE = 10 ** (2 * MAX_DIGITS)
Word = TypeVar("Word", bound=StrEnum)


class Notes:
    """The faults found so far, and how much was read: reading ends when a document is too large or too wrong."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._parts = 0
        self._values = 0

    @property
    def is_over(self) -> bool:
        return self._parts > MAX_LEAVES or self._values > MAX_ALL_VALUES or len(self.faults) >= MAX_FAULTS

    def add(self, path: str, code: str, /, **parameters: object) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(make_fault(path, code, **parameters))

    def count_part(self, path: str) -> None:
        """Every leaf, every group without members, every test and measure of an event."""
        self._parts += 1
        if self._parts == MAX_LEAVES + 1:
            self.add(path, "too_many_leaves")

    def count_values(self, path: str, number: int) -> None:
        """Of all lists together."""
        was_over = self._values > MAX_ALL_VALUES
        self._values += number
        if self._values > MAX_ALL_VALUES and not was_over:
            self.add(path, "too_many_in_all", limit=MAX_ALL_VALUES)


class Node:
    """An object of the document. Keys that nobody asked for are faults when it is closed.

    A reading method that notes a fault returns some value of its type: a tree with faults is never used.
    """

    def __init__(self, notes: Notes, document: dict[Any, Any], path: str) -> None:
        self.notes = notes
        self.document = document
        self.path = path
        self._asked: set[str] = set()

    def has(self, key: str) -> bool:
        return key in self.document

    def take(self, key: str) -> object:
        self._asked.add(key)
        return self.document.get(key, _MISSING)

    def require(self, key: str) -> object:
        """The value; a missing key is a fault."""
        value = self.take(key)
        if value is _MISSING:
            self.notes.add(self.path, "missing_key", key=key)
        return value

    def at(self, key: str) -> str:
        return join_path(self.path, key)

    def blame(self, key: str, code: str, /, **parameters: object) -> None:
        self.notes.add(self.at(key), code, **parameters)

    def close(self) -> None:
        for key in self.document:
            if key not in self._asked:
                shown = key if isinstance(key, str) else repr(type(key))
                self.blame(shown, "unknown_key", key=show_text(shown))
            if self.notes.is_over:
                return

    def text(self, key: str, *, limit: int = MAX_TEXT) -> str:
        value = self.require(key)
        return "" if value is _MISSING else read_text(self.notes, value, self.at(key), limit=limit)

    def text_or_none(self, key: str, *, limit: int = MAX_TEXT) -> str:
        return self.text(key, limit=limit) if self.has(key) else ""

    def word(self, key: str, words: type[Word]) -> Word:
        """One of a closed list."""
        first = next(iter(words))
        value = self.require(key)
        if value is _MISSING:
            return first
        if not isinstance(value, str):
            self.blame(key, "need_text")
            return first
        try:
            return words(value)
        except ValueError:
            self.blame(key, "unknown_word", value=show_text(value), choices=", ".join(words))
            return first

    def id(self, key: str, prefix: str) -> str:
        value = self.require(key)
        return "" if value is _MISSING else read_id(self.notes, value, self.at(key), prefix)

    def flag(self, key: str) -> bool:
        """True or false; false when it is left out."""
        value = self.take(key)
        if value is _MISSING or isinstance(value, bool):
            return value is True
        self.blame(key, "need_flag")
        return False

    def whole(self, key: str, low: int, high: int) -> int:
        value = self.require(key)
        return low if value is _MISSING else read_whole(self.notes, value, self.at(key), low, high)

    def items(self, key: str, limit: int) -> Sequence[object]:
        """A list with at least one element; empty after a fault."""
        value = self.require(key)
        return () if value is _MISSING else read_list(self.notes, value, self.at(key), limit)

    def node(self, key: str) -> Node | None:
        value = self.require(key)
        return None if value is _MISSING else read_node(self.notes, value, self.at(key))


def read_node(notes: Notes, value: object, path: str) -> Node | None:
    if isinstance(value, dict):
        return Node(notes, value, path)
    notes.add(path, "need_object")
    return None


def read_list(notes: Notes, value: object, path: str, limit: int = MAX_VALUES) -> Sequence[object]:
    if not isinstance(value, list):
        notes.add(path, "need_list")
    elif not value:
        notes.add(path, "no_values")
    elif len(value) > limit:
        notes.add(path, "too_many_values", limit=limit)
    else:
        notes.count_values(path, len(value))
        return () if notes.is_over else value
    return ()


def read_text(notes: Notes, value: object, path: str, *, limit: int = MAX_TEXT) -> str:
    if not isinstance(value, str):
        notes.add(path, "need_text")
    elif not value:
        notes.add(path, "empty_text")
    elif len(value) > limit:
        notes.add(path, "too_long", limit=limit)
    elif not is_storable(value):
        notes.add(path, "bad_text")
    else:
        return value
    return ""


def is_storable(text: str) -> bool:
    """PostgreSQL takes no NUL, and UTF-8 no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def read_id(notes: Notes, value: object, path: str, prefix: str) -> str:
    if not isinstance(value, str):
        notes.add(path, "need_text")
        return ""
    try:
        from_public_id(prefix, value)
    except UnknownId:
        notes.add(path, "bad_id", value=show_text(value), prefix=prefix)
    return value


def is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def read_number(notes: Notes, value: object, path: str) -> Decimal:
    """An exact decimal without trailing zeros. Digits are bounded before anything is computed with them."""
    if not is_number(value):
        notes.add(path, "need_number")
        return Decimal(0)
    if isinstance(value, int):
        number = Decimal(value) if abs(value) < _HUGE else None
    else:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(str(value))
        if not number.is_finite():
            notes.add(path, "not_finite")
            return Decimal(0)
    if number is None or not _is_short(number):
        notes.add(path, "too_many_digits", limit=MAX_DIGITS)
        return Decimal(0)
    return plain_number(number)


def _is_short(number: Decimal) -> bool:
    digits = len("".join(map(str, number.as_tuple().digits)).strip("0"))
    return digits <= MAX_DIGITS and (not number or abs(number.adjusted()) <= MAX_DIGITS)


def plain_number(number: Decimal) -> Decimal:
    """1.50 as 1.5, 1E+2 as 100, -0 as 0: one form for one number."""
    if not number:
        return Decimal(0)
    plain = number.normalize()
    return plain.quantize(Decimal(1)) if plain == plain.to_integral_value() else plain


def read_whole(notes: Notes, value: object, path: str, low: int, high: int) -> int:
    """A whole number; 3.0 is one."""
    if isinstance(value, (float, Decimal)) and value == value and abs(value) < _HUGE and value == int(value):  # noqa: PLR0124
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        notes.add(path, "need_whole")
    elif not low <= value <= high:
        notes.add(path, "out_of_range", low=low, high=high)
    else:
        return value
    return low


def read_relative(notes: Notes, value: object, path: str) -> RelativeDay:
    """`{"days": -30}`."""
    if not isinstance(value, dict):
        notes.add(path, "need_relative")
        return RelativeDay(0)
    node = Node(notes, value, path)
    day = RelativeDay(node.whole("days", -MAX_DAYS, MAX_DAYS))
    node.close()
    return day


def read_moment_value(notes: Notes, value: object, path: str) -> Moment:
    if isinstance(value, dict):
        return read_relative(notes, value, path)
    moment = read_moment(value) if isinstance(value, str) and len(value) <= MAX_TEXT else None
    if moment is None:
        notes.add(path, "need_moment")
        return RelativeDay(0)
    return moment


def read_fixed_day(notes: Notes, value: object, path: str) -> date:
    day = read_day(value) if isinstance(value, str) and len(value) <= MAX_TEXT else None
    if day is None:
        notes.add(path, "need_day")
        return date.min
    return day


def read_scalar(notes: Notes, value: object, path: str) -> Scalar:
    """What `equals` takes. A text stays a text: whether it is a day, the attribute's type says."""
    if isinstance(value, (str, bool)):
        return value if isinstance(value, bool) else read_text(notes, value, path)
    if isinstance(value, dict):
        return read_relative(notes, value, path)
    if is_number(value):
        return read_number(notes, value, path)
    notes.add(path, "need_scalar")
    return ""


def read_plain(notes: Notes, value: object, path: str) -> Scalar:
    """What a list of `in` holds, and what an event's property is compared with."""
    if isinstance(value, str):
        return read_text(notes, value, path)
    if is_number(value):
        return read_number(notes, value, path)
    notes.add(path, "need_text_or_number")
    return ""


def read_each(
    notes: Notes, value: object, path: str, read: Callable[[Notes, object, str], Scalar]
) -> tuple[Scalar, ...]:
    """A list of values, each once. Booleans do not occur, so equal values are the same value."""
    found = [
        read(notes, item, join_path(path, place)) for place, item in enumerate(read_list(notes, value, path))
    ]
    return tuple(dict.fromkeys(found))


def read_pair(
    notes: Notes, value: object, path: str, read: Callable[[Notes, object, str], Scalar]
) -> tuple[Scalar, ...]:
    """The first and the last, in this order."""
    if not isinstance(value, list) or len(value) != 2:
        notes.add(path, "need_two")
        return ()
    before = len(notes.faults)
    first, last = (read(notes, item, join_path(path, place)) for place, item in enumerate(value))
    if len(notes.faults) == before and not _is_ordered(first, last):
        notes.add(path, "wrong_order")
    return first, last


def _is_ordered(first: Scalar, last: Scalar) -> bool:
    """What cannot be told without a clock or a zone passes: then nobody is between."""
    if isinstance(first, RelativeDay) and isinstance(last, RelativeDay):
        return first.days <= last.days
    if isinstance(first, Decimal) and isinstance(last, Decimal):
        return first <= last
    if (
        isinstance(first, date)
        and isinstance(last, date)
        and isinstance(first, datetime) == isinstance(last, datetime)
    ):
        return first <= last
    return True


def read_anniversary(notes: Notes, value: object, path: str) -> tuple[Scalar, ...]:
    pair = read_pair(notes, value, path, read_relative)
    days = [day.days for day in pair if isinstance(day, RelativeDay)]
    if days and days[-1] - days[0] > MAX_ANNIVERSARY_SPAN:
        notes.add(path, "too_wide", limit=MAX_ANNIVERSARY_SPAN)
    return pair


def list_words(words: Iterable[str]) -> str:
    return ", ".join(words)
