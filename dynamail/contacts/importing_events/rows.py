"""From a row's cells to an event: compiled once for an import, run for every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal

from django.utils.translation import gettext as _

from dynamail.contacts.exporting import strip_formula_guard
from dynamail.contacts.importing.blocks import Block, Reject, make_reject
from dynamail.contacts.importing.problems import RowProblem
from dynamail.contacts.importing.reading import BadRow
from dynamail.contacts.importing_events.columns import PROPERTY, EventOptions, Target, name_property
from dynamail.contacts.importing_suppressions.rows import read_moment
from dynamail.contacts.models import Attribute
from dynamail.contacts.own_events import NewOwnEvent
from dynamail.contacts.values import Value, ValueProblem, parse_value


@dataclass(slots=True)  # not frozen: a million are made
class ReadEvent:
    """A row that could be read, with its cells for the case that it is refused later."""

    row: int
    cells: Sequence[str]
    event: NewOwnEvent


@dataclass
class ParsedEvents:
    end: int  # the number of the block's last row
    events: list[ReadEvent] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


class EventReader:
    """Reads rows by one mapping. `file_hash` names events that have no id; `zone` is for moments without an offset."""

    def __init__(
        self,
        mapping: Sequence[str],
        columns: Sequence[str],
        options: EventOptions,
        *,
        file_hash: str,
        zone: tzinfo = UTC,
    ) -> None:
        self._width = len(mapping)
        self._email = mapping.index(Target.EMAIL)
        self._event, self._time, self._id = (
            mapping.index(target) if target in mapping else None
            for target in (Target.EVENT, Target.TIME, Target.ID)
        )
        self._properties = [
            (place, name_property(columns[place]), Attribute(type=target.removeprefix(PROPERTY)))
            for place, target in enumerate(mapping)
            if target.startswith(PROPERTY)
        ]
        self._options, self._file_hash, self._zone = options, file_hash, zone

    def read(self, row: int, cells: Sequence[str]) -> NewOwnEvent:
        """Raises RowProblem. What the event itself may not say is found when it is recorded."""
        if len(cells) < self._width:
            cells = [*cells, *[""] * (self._width - len(cells))]
        own_id = self._read_text(cells, self._id)
        return NewOwnEvent(
            name=self._read_text(cells, self._event) or self._options.event,
            email=strip_formula_guard(cells[self._email]).strip(" \u00a0"),
            at=self._read_time(cells),
            properties={
                name: value
                for place, name, attribute in self._properties
                if (value := self._read_value(cells[place], name, attribute)) is not None
            },
            # Without an id of its own a row is known by its file: the same file again makes no second copy.
            event_id=own_id or f"{self._file_hash}:{row}",
            create_contact=self._options.create_contacts,
        )

    def _read_text(self, cells: Sequence[str], place: int | None) -> str:
        return strip_formula_guard(cells[place]).strip() if place is not None else ""

    def _read_time(self, cells: Sequence[str]) -> datetime | None:
        text = self._read_text(cells, self._time)
        if self._time is not None and not text:
            raise RowProblem("no_time", _("The row does not say when it happened."))
        return read_moment(text, zone=self._zone) if text else None

    def _read_value(self, text: str, name: str, attribute: Attribute) -> Value | Decimal | None:
        try:
            value = parse_value(attribute, strip_formula_guard(text), zone=self._zone)
        except ValueProblem as problem:
            raise RowProblem(f"bad_{attribute.type}", f"{name}: {problem}"[:300]) from None
        return Decimal(repr(value)) if isinstance(value, float) else value


def parse_block(block: Block, reader: EventReader) -> ParsedEvents:
    """Events and rejects of a block."""
    parsed = ParsedEvents(block.end)
    for row in block.rows:
        if isinstance(row, BadRow):
            parsed.rejects.append(make_reject(row.number, row.code, row.reason, row.cells))
            continue
        try:
            parsed.events.append(ReadEvent(row.number, row.cells, reader.read(row.number, row.cells)))
        except RowProblem as problem:
            parsed.rejects.append(make_reject(row.number, problem.code, str(problem), row.cells))
    return parsed
