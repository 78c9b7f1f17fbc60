"""Which column is what, and what holds for rows that do not say it themselves.

A mapping has one target a column: `email`, `event`, `time`, `id`, `property:<type>`, or empty for a column that is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.contacts.importing.mapping import HEADERS_OF_EMAIL, IGNORE, fold, is_address
from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.models import Attribute
from dynamail.contacts.values import guess_type
from dynamail.events.own_values import MAX_NAME, MAX_PROPERTIES, OwnEventFault, clean_event_name

PROPERTY = "property:"
PROPERTY_TYPES = tuple(kind for kind in Attribute.Type if kind != Attribute.Type.CHOICE)


class Target(models.TextChoices):
    """What a column of such a file can be, besides a property."""

    EMAIL = "email", gettext_lazy("Email")
    EVENT = "event", gettext_lazy("Name of the event")
    TIME = "time", gettext_lazy("When it happened")
    ID = "id", gettext_lazy("Id of the event")


_HEADERS: dict[Target, str] = {
    Target.EMAIL: f"{HEADERS_OF_EMAIL} address recipient customeremail buyeremail контакт адрес адрас",
    Target.EVENT: "event eventname eventtype action activity metric событие событиеназвание падзея дзеянне действие",
    Target.TIME: "time timestamp at date datetime when happenedat occurredat createdat created eventtime eventdate orderdate "
    "дата время датавремя когда час дата",
    Target.ID: "id eventid uid uuid key orderid ordernumber transactionid invoice номерзаказа заказ номернумар нумарзаказу",
}
_BY_HEADER = {word: target for target, words in _HEADERS.items() for word in words.split()}


@dataclass(frozen=True)
class EventOptions:
    """What is meant by rows without a name of their own, and what happens to addresses that nobody has."""

    event: str = ""
    create_contacts: bool = False
    has_header: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> EventOptions:
        data = data or {}
        return cls(
            str(data.get("event", "")),
            bool(data.get("create_contacts", False)),
            bool(data.get("has_header", True)),
        )


def guess_targets(columns: Sequence[str], samples: Sequence[Sequence[str]]) -> list[str]:
    """A first mapping for the member to correct: the first column of each kind, and properties."""
    values = [[row[place] if place < len(row) else "" for row in samples] for place in range(len(columns))]
    mapping: list[str] = []
    for header, cells in zip(columns, values, strict=True):
        target = _BY_HEADER.get(fold(header))
        taken = target is None or target.value in mapping
        mapping.append(_guess_property(cells) if target is None or taken else target.value)
    if Target.EMAIL not in mapping:
        _find_email(mapping, values)
    return mapping


def check_targets(mapping: Sequence[str], columns: Sequence[str], options: EventOptions) -> None:
    """Raises ImportProblem when the mapping cannot be worked with."""
    allowed = {IGNORE, *Target.values, *(f"{PROPERTY}{kind}" for kind in PROPERTY_TYPES)}
    if len(mapping) != len(columns) or not set(mapping) <= allowed:
        raise ImportProblem("mapping", _("The mapping does not fit the file. Open the import again."))
    for target in Target:
        places = [columns[place] for place, one in enumerate(mapping) if one == target]
        if len(places) > 1:
            raise ImportProblem(
                "twice", _("Two columns go to the same field: %(columns)s.") % {"columns": ", ".join(places)}
            )
    if Target.EMAIL not in mapping:
        raise ImportProblem(
            "no_email",
            _("Choose the column that holds the email address: without it nobody can be found."),
        )
    _check_properties(mapping, columns)
    _check_name(mapping, options)


def name_property(column: str) -> str:
    """What a property is called that comes out of a column."""
    return column.strip()[:MAX_NAME]


def _check_properties(mapping: Sequence[str], columns: Sequence[str]) -> None:
    names = [name_property(columns[place]) for place, one in enumerate(mapping) if one.startswith(PROPERTY)]
    if len(names) > MAX_PROPERTIES:
        raise ImportProblem(
            "too_many_properties",
            _("An event has up to %(limit)s properties. Leave some columns out.") % {"limit": MAX_PROPERTIES},
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ImportProblem(
            "twice",
            _("Two columns have the same name: %(columns)s. Leave one out.") % {"columns": ", ".join(twice)},
        )


def _check_name(mapping: Sequence[str], options: EventOptions) -> None:
    if not options.event:
        if Target.EVENT not in mapping:
            raise ImportProblem(
                "no_event", _("Choose the column that names the event, or write a name for all rows.")
            )
        return
    try:
        clean_event_name(options.event)
    except OwnEventFault as fault:
        raise ImportProblem("bad_event", str(fault)) from None


def _guess_property(cells: Sequence[str]) -> str:
    return f"{PROPERTY}{guess_type(cells)}" if any(cells) else IGNORE


def _find_email(mapping: list[str], values: Sequence[Sequence[str]]) -> None:
    counts = [sum(map(is_address, cells)) for cells in values]
    if counts and max(counts) > 0:
        mapping[counts.index(max(counts))] = Target.EMAIL.value
