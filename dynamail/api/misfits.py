"""What does not fit its record, in the words of JSON: msgspec speaks of `str` and `array`, and leaves the keys of objects out.

Everything here happens after a request was found wanting; one that fits pays nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from dynamail.api.errors import FieldError

MOMENT = "a moment such as 2026-03-31T14:30:00Z"
_PLACE = re.compile(r"(?s)(.*?) - at (`key` in )?`\$\.?(.*)`")
_NAMED = re.compile(r"Object (missing required|contains unknown) field `([^`]*)`")
_STEP = re.compile(r"\[(\d+|\.\.\.)\]|\.?([^.\[\]]+)")
_KIND = re.compile(r"Expected `([^`]+)`(?:, got `([^`]+)`)?")
_LENGTH = re.compile(r"Expected `(\w+)` of length (>=|<=|) ?(\d+)(?:, got \d+)?")
_RANGE = re.compile(r"Expected `\w+` (>=|<=|>|<) (\S+)")
_PATTERN = re.compile(r"(?s)Expected `str` matching regex '(.*)'")
_CHOICE = re.compile(r"(?s)Invalid enum value .*")
_WANTED = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
    "datetime": MOMENT,
    "date": "a date such as 2026-03-31",
    "uuid": "a UUID",
    "bytes": "a text in base 64",
}
_GOT = {**_WANTED, "int": "a number"}
_UNITS = {
    "str": ("character", "characters"),
    "array": ("entry", "entries"),
    "object": ("key", "keys"),
    "bytes": ("octet", "octets"),
}
_BOUNDS = {">=": "{} or more", "<=": "{} or less", ">": "more than {}", "<": "less than {}"}
_SENTENCES = {
    "Expected `datetime` with a timezone component": "must have an offset, such as 2026-03-31T14:30:00Z",
    "Invalid RFC3339 encoded datetime": f"must be {MOMENT}",
    "Invalid RFC3339 encoded date": f"must be {_WANTED['date']}",
    "Invalid UUID": "must be a UUID",
    "Invalid decimal string": "must be a number",
    "Invalid base64 encoded string": "must be a text in base 64",
    "Integer value out of range": "is a number too large to be kept",
    "Number out of range": "is a number too large to be kept",
}


class Misread(msgspec.ValidationError):
    """JSON that is no record of its kind; `said` is the JSON."""

    def __init__(self, error: msgspec.ValidationError, said: bytes) -> None:
        super().__init__(str(error))
        self.said = said


def name_fault(error: msgspec.ValidationError, said: Any = None, shape: Any = None) -> FieldError:
    """Which field does not fit its record, and why. `said` are the values, or JSON, and `shape` the record, where they are at hand."""
    text = str(error)
    place = _PLACE.fullmatch(text)
    message, path = (place[1], place[3]) if place else (text, "")
    steps = _read_steps(path)
    if "..." in steps:
        steps = _find_keys(steps, message, _read_values(getattr(error, "said", said)))
    named = _NAMED.fullmatch(message)
    if named:
        steps.append(named[2])
        words = "is missing" if named[1].startswith("missing") else "is not known here"
    elif _CHOICE.fullmatch(message):
        words = _tell_choices(_list_choices(shape, steps) if shape else [])
    else:
        words = write_words(message)
    if place and place[2]:
        words = f"has a key that does not fit: it {words}"
    return FieldError(_write_path(steps)[:200] or "body", words[:300])


def write_words(message: str) -> str:
    """What msgspec says of a value, for people who write JSON."""
    if sentence := _SENTENCES.get(message):
        return sentence
    if found := _KIND.fullmatch(message):
        return _tell_kind(found[1].split(" | "), found[2])
    if found := _LENGTH.fullmatch(message):
        return _tell_length(found[1], found[2], int(found[3]))
    if found := _RANGE.fullmatch(message):
        return f"must be {_BOUNDS[found[1]].format(found[2])}"
    if found := _PATTERN.fullmatch(message):
        return f"must fit the pattern {found[1]}"
    return "is not valid" if "`" in message else message


def _tell_kind(wanted: Sequence[str], got: str | None) -> str:
    names = [_WANTED.get(one, "a value of another kind") for one in wanted]
    text = " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    if got is None:
        return f"must be {text}"
    given = "a fraction" if got == "float" and "int" in wanted else _GOT.get(got, "what it is")
    return f"must be {text}, not {given}"


def _tell_length(kind: str, sign: str, number: int) -> str:
    if sign == ">=" and number == 1:
        return "must not be empty"
    unit = _UNITS.get(kind, ("entry", "entries"))[number != 1]
    bound = {">=": " or more", "<=": " at most", "": " exactly"}[sign]
    return f"must have {number} {unit}{bound}"


def _tell_choices(choices: Sequence[Any]) -> str:
    if not choices:
        return "is none of the values that this field takes; the documentation at /api/ names them"
    texts = [one if isinstance(one, str) else msgspec.json.encode(one).decode() for one in choices]
    listed = ", ".join(text or "“”" for text in texts)
    return f"must be one of {listed}" if len(texts) > 1 else f"must be {listed}"


# ── Places ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _read_steps(path: str) -> list[str | int]:
    return [int(number) if number.isdecimal() else number or name for number, name in _STEP.findall(path)]


def _write_path(steps: Sequence[str | int]) -> str:
    written = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps if step != "...")
    return written.lstrip(".")


def _read_values(said: Any) -> Any:
    """Raw JSON as values; msgspec has read it once, so it is JSON."""
    if isinstance(said, bytes | msgspec.Raw):
        try:
            return msgspec.json.decode(said)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
    return said


def _find_keys(steps: list[str | int], message: str, value: Any) -> list[str | int]:
    """The path with the keys in place of `...`: those of the first values that have this fault."""
    return next(_walk(steps, message, value), steps)


def _walk(steps: Sequence[str | int], message: str, value: Any) -> Iterator[list[str | int]]:
    if not steps:
        if _has_fault(value, message):
            yield []
        return
    first, rest = steps[0], steps[1:]
    for key, inner in _list_inner(value):
        if first in ("...", key):
            yield from ([key, *tail] for tail in _walk(rest, message, inner))


def _list_inner(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _has_fault(value: Any, message: str) -> bool:
    """Could msgspec have said this of the value?"""
    if named := _NAMED.fullmatch(message):
        return isinstance(value, dict) and (named[2] in value) != named[1].startswith("missing")
    if kind := _KIND.fullmatch(message):
        return kind[2] is None or _name_kind(value) == kind[2]
    if length := _LENGTH.fullmatch(message):
        size = len(value) if isinstance(value, str | list | dict) else 0
        return size < int(length[3]) if length[2] == ">=" else size > int(length[3])
    return True


def _name_kind(value: Any) -> str:
    names = {str: "str", bool: "bool", int: "int", float: "float", list: "array", dict: "object"}
    return names.get(type(value), "null")


# ── Choices ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _list_choices(shape: Any, steps: Sequence[str | int]) -> list[Any]:
    """The values that a field of a record takes, where they are listed."""
    kinds = [msgspec.inspect.type_info(shape)]
    for step in steps:
        kinds = [inner for kind in kinds for inner in _enter(kind, step)]
    return [value for kind in kinds for value in _list_literals(kind)]


def _enter(kind: msgspec.inspect.Type, step: str | int) -> Iterator[msgspec.inspect.Type]:
    match kind:
        case msgspec.inspect.Metadata():
            yield from _enter(kind.type, step)
        case msgspec.inspect.UnionType():
            for one in kind.types:
                yield from _enter(one, step)
        case msgspec.inspect.StructType():
            yield from (field.type for field in kind.fields if field.encode_name == step)
        case msgspec.inspect.CollectionType():
            yield kind.item_type
        case msgspec.inspect.DictType():
            yield kind.value_type


def _list_literals(kind: msgspec.inspect.Type) -> Iterator[Any]:
    match kind:
        case msgspec.inspect.Metadata():
            yield from _list_literals(kind.type)
        case msgspec.inspect.UnionType():
            for one in kind.types:
                yield from _list_literals(one)
        case msgspec.inspect.LiteralType():
            yield from kind.values
