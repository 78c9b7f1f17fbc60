"""What a program says of a contact: values with types of their own, attributes by their keys."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from django.utils.translation import gettext as _

from dynamail.contacts.models import Attribute
from dynamail.contacts.values import MAX_DIGITS, Value, ValueProblem, parse_value

NUMBER, BOOLEAN, LIST = Attribute.Type.NUMBER, Attribute.Type.BOOLEAN, Attribute.Type.LIST


@dataclass(frozen=True)
class AttributeFault:
    """Why a value cannot be taken; `key` is what the program called the attribute."""

    key: str
    sentence: str


def read_attributes(
    attributes: Sequence[Attribute], given: Mapping[str, object], *, zone: tzinfo = UTC
) -> tuple[dict[int, Value | None], list[AttributeFault]]:
    """Values by attribute number, None to clear one; and what is wrong, one fault a key."""
    known = {attribute.key: attribute for attribute in attributes}
    values: dict[int, Value | None] = {}
    faults: list[AttributeFault] = []
    for key, value in given.items():
        if key not in known:
            faults.append(AttributeFault(key, _explain_unknown(key, known)))
            continue
        try:
            values[known[key].number] = read_given(known[key], value, zone=zone)
        except ValueProblem as problem:
            faults.append(AttributeFault(key, str(problem)))
    return values, faults


def read_given(attribute: Attribute, value: object, *, zone: tzinfo = UTC) -> Value | None:
    """A JSON value as what is stored. Text is read as a form reads it; another type must be the attribute's. Raises ValueProblem."""
    match value:
        case None:
            return None
        case str():
            return parse_value(attribute, value, zone=zone)
        case bool() if attribute.type == BOOLEAN:
            return value
        case int() | float() if attribute.type == NUMBER and not isinstance(value, bool):
            return parse_value(attribute, _write_number(value))
        case list() if attribute.type == LIST and all(isinstance(one, str) for one in value):
            return parse_value(attribute, "\n".join(one.replace("\n", " ") for one in value))
    raise ValueProblem(
        _("This attribute takes %(kind)s.") % {"kind": str(Attribute.Type(attribute.type).label).lower()}
    )


def _write_number(value: int | float) -> str:
    """In as many digits as are kept exactly: what programs add up ends in noise."""
    return str(value) if isinstance(value, int) else format(value, f".{MAX_DIGITS}g")


def _explain_unknown(key: str, known: Mapping[str, Attribute]) -> str:
    near = difflib.get_close_matches(key[:60].lower(), list(known), n=1, cutoff=0.6)
    if near:
        return _("There is no such attribute. Did you mean “%(key)s”?") % {"key": near[0]}
    return _("There is no such attribute. Create it first, or leave it out.")
