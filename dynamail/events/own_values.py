"""What an event of an account's own may say: its name, its properties, its moment. Checked once, before anything is stored."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from dynamail.lib.partitions import find_oldest_moment

MAX_NAME = 100  # characters; of a property's name too
MAX_PROPERTIES = 50
MAX_PROPERTY_BYTES = 8 * 1024  # of all of them as JSON
MAX_DEPTH = 3  # the object of properties is the first level
MAX_DIGITS = 30
MAX_SENDER_ID = 200  # characters
AHEAD = timedelta(hours=1)  # clocks differ
RESERVED = ("message.", "contact.", "contacts.", "campaign.", "segment.", "scenario.")  # names of our own

_NAME = re.compile(r"\w(?:[\w. -]*\w)?")  # letters of any script
_LARGEST = 10**MAX_DIGITS
_WORDS: dict[type, str] = {
    str: "text",
    bool: "boolean",
    int: "number",
    float: "number",
    Decimal: "number",
    list: "list",
    dict: "object",
}
_encode = msgspec.json.Encoder(decimal_format="number").encode


class OwnEventFault(ValueError):
    """The event cannot be taken. `field` names what is wrong, `code` is stable, the text is for a person."""

    def __init__(self, field: str, code: str, text: str) -> None:
        super().__init__(text)
        self.field = field
        self.code = code


@lru_cache(maxsize=4_096)
def clean_event_name(name: str) -> str:
    """The name as it is kept. Raises OwnEventFault."""
    name = name if name.isascii() else unicodedata.normalize("NFC", name)
    if not name:
        raise OwnEventFault("name", "no_name", _("The event has no name."))
    if len(name) > MAX_NAME:
        raise OwnEventFault(
            "name", "bad_name", _("The name is longer than %(limit)s characters.") % {"limit": MAX_NAME}
        )
    if not _NAME.fullmatch(name):
        raise OwnEventFault(
            "name",
            "bad_name",
            _("A name consists of letters, digits, points, hyphens, underscores and spaces between them."),
        )
    if name.casefold().startswith(RESERVED):
        raise OwnEventFault(
            "name",
            "reserved_name",
            _("Names that begin with “%(prefix)s” belong to DynaMail. Choose another one.")
            % {"prefix": name.partition(".")[0] + "."},
        )
    return name


def check_properties(properties: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The properties as JSON, and the type of each: text, number, boolean, list, object. Raises OwnEventFault.

    Numbers stay exact: hand fractions over as Decimal. A property that is None is kept, and has no type.
    """
    if not properties:
        return "{}", {}
    if len(properties) > MAX_PROPERTIES:
        raise _refuse(
            "too_many_properties",
            _("An event has up to %(limit)s properties.") % {"limit": MAX_PROPERTIES},
        )
    types: dict[str, str] = {}
    for name, value in properties.items():
        _check_property_name(name)
        if (word := _check_value(name, value, 2)) is not None:
            types[name] = word
    try:
        encoded = _encode(properties)
        text = encoded.decode()
    except (UnicodeError, TypeError, ValueError, RecursionError):
        raise _refuse("bad_text", _("The properties contain something that is no JSON text.")) from None
    if len(encoded) > MAX_PROPERTY_BYTES:
        raise _refuse(
            "too_large",
            _("The properties are larger than %(limit)s KB.") % {"limit": MAX_PROPERTY_BYTES // 1024},
        )
    return text, types


@dataclass(frozen=True, slots=True)
class Span:
    """The moments that an event may have: as long as the log is kept, and not ahead of `now` by more than clocks differ."""

    first: datetime
    last: datetime

    @classmethod
    def around(cls, now: datetime) -> Span:
        return cls(find_oldest_moment(now), now + AHEAD)


def check_moment(at: datetime, span: Span) -> None:
    """Raises OwnEventFault for a moment without an offset, before the log begins, or more than an hour ahead."""
    if at.tzinfo is None:
        raise OwnEventFault("at", "bad_time", _("The time has no offset: write it as 2026-03-31T14:30:00Z."))
    if at > span.last:
        raise OwnEventFault("at", "future", _("The time lies more than an hour ahead."))
    if at < span.first:
        raise OwnEventFault(
            "at", "too_old", _("The time lies more than 13 months back: events are kept no longer.")
        )


def make_event_key(name: str, sender_id: str) -> UUID | None:
    """What tells that an event was sent before; None when its sender gave no id. Raises OwnEventFault."""
    if not sender_id:
        return None
    if len(sender_id) > MAX_SENDER_ID:
        raise OwnEventFault(
            "id", "bad_id", _("The id is longer than %(limit)s characters.") % {"limit": MAX_SENDER_ID}
        )
    told = f"{name}\x1f{sender_id}".encode("utf-8", "surrogatepass")
    return UUID(bytes=blake2b(told, digest_size=16).digest())


def _check_property_name(name: object) -> None:
    if not isinstance(name, str) or not name or len(name) > MAX_NAME or "\x00" in name:
        raise _refuse(
            "bad_property", _("The name of a property has 1 to %(limit)s characters.") % {"limit": MAX_NAME}
        )


def _check_value(path: str, value: object, depth: int) -> str | None:
    """The word for the value's type. `depth` is the level that a list or object here would be."""
    kind = type(value)
    if kind is str:
        if "\x00" in value:  # type: ignore[operator]
            raise _refuse("bad_text", _("A text contains the character NUL."), path)
    elif kind is list or kind is dict:
        _check_inside(path, value, depth)
    elif kind is int or kind is Decimal or kind is float:
        _check_number(path, value)
    elif value is None:
        return None
    elif kind is not bool:
        raise _refuse("bad_property", _("The value is none that JSON knows."), path)
    return _WORDS[kind]


def _check_inside(path: str, value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _refuse(
            "too_deep",
            _("Lists and objects are nested more than %(limit)s levels deep.") % {"limit": MAX_DEPTH},
            path,
        )
    if isinstance(value, dict):
        for name in value:
            _check_property_name(name)
    for inner in value.values() if isinstance(value, dict) else value:
        _check_value(path, inner, depth + 1)


def _check_number(path: str, value: Any) -> None:
    if type(value) is int:
        fits = -_LARGEST < value < _LARGEST
    elif not Decimal(value).is_finite():
        fits = False
    else:
        number = Decimal(value) if type(value) is Decimal else Decimal(repr(value))
        fits = len(number.as_tuple().digits) <= MAX_DIGITS and abs(number.adjusted()) <= MAX_DIGITS
    if not fits:
        raise _refuse("bad_number", _("A number has up to %(limit)s digits.") % {"limit": MAX_DIGITS}, path)


def _refuse(code: str, text: str, path: str = "") -> OwnEventFault:
    return OwnEventFault(f"properties.{path[:MAX_NAME]}" if path else "properties", code, text)
