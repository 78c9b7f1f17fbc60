"""From a row's cells to a person: compiled once for an import, run for every row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from django.utils.translation import gettext as _

from dynamail.contacts.address_checks import check_address
from dynamail.contacts.editing import clean_name
from dynamail.contacts.exporting import strip_formula_guard
from dynamail.contacts.importing.mapping import ATTRIBUTE, NEW, Target
from dynamail.contacts.importing.problems import RowProblem
from dynamail.contacts.models import Attribute
from dynamail.contacts.values import Value, ValueProblem, parse_value, split_list
from dynamail.lib.mailbox_providers import find_lane
from dynamail.protocols.address import AddressError, parse_address

CACHED_TEXTS = (
    5_000  # texts of a column whose meaning is remembered: cities, ages, dates come again and again
)

ParseCell = Callable[[str], Value | None]  # raises RowProblem
FindTag = Callable[[str], int]  # raises RowProblem


@dataclass(slots=True)
class Person:
    """What a row says. Later rows of the same address are merged into the first."""

    row: int
    email: str
    key: str
    lane: int
    name: str
    language: str
    attributes: dict[str, Value]
    tags: frozenset[int]
    domain: str  # lower-case ASCII
    findings: int = 0  # bits, see address_checks.py
    rows: list[tuple[int, list[str]]] = field(default_factory=list)  # as they came, if they may be left out

    def merge(self, later: Person, *, file_wins: bool) -> None:
        """Take what a later row says: all of it, or only what is missing here."""
        old, new = (self, later) if file_wins else (later, self)
        self.name, self.language = new.name or old.name, new.language or old.language
        self.attributes = {**old.attributes, **new.attributes}
        self.tags |= later.tags
        self.rows += later.rows


class RowReader:
    """Reads rows by one mapping. `zone` is for moments without an offset, `tag_ids` go to everybody.

    `keep_rows`: each person brings the cells of its rows along, for those who may yet be left out.
    """

    def __init__(
        self,
        mapping: Sequence[str],
        columns: Sequence[str],
        attributes: dict[int, Attribute],
        *,
        find_tag: FindTag,
        tag_ids: Sequence[int] = (),
        zone: tzinfo = UTC,
        keep_rows: bool = False,
    ) -> None:
        self._width = len(mapping)
        self._zone = zone
        self._columns = columns
        self._email = mapping.index(Target.EMAIL)
        self._names = [
            mapping.index(target)
            for target in (Target.NAME, Target.FIRST_NAME, Target.LAST_NAME)
            if target in mapping
        ]
        self._language = mapping.index(Target.LANGUAGE) if Target.LANGUAGE in mapping else None
        self._tags = [place for place, target in enumerate(mapping) if target == Target.TAGS]
        self._attributes = [
            (place, *self._make_parser(columns[place], *_find_attribute(place, target, attributes)))
            for place, target in enumerate(mapping)
            if target.startswith((ATTRIBUTE, NEW))
        ]
        self._find_tag = find_tag
        self._tag_sets: dict[str, frozenset[int]] = {}
        self._common_tags = frozenset(tag_ids)
        self._keep_rows = keep_rows

    def read(self, row: int, cells: list[str]) -> Person:
        """Raises RowProblem."""
        missing = self._width - len(cells)
        if missing > 0:
            cells = cells + [""] * missing
        elif missing < 0 and any(cells[self._width :]):
            raise RowProblem(
                "too_many_cells",
                _(
                    "The row has %(found)s cells, the header has %(expected)s: a value may contain the separator without quotes."
                )
                % {"found": len(cells), "expected": self._width},
            )
        try:
            address = parse_address(strip_formula_guard(cells[self._email]).strip(" \u00a0"))
        except AddressError as error:
            raise RowProblem(error.code, str(error)) from None
        lane = find_lane(address.domain)
        findings = check_address(address)
        person = Person(
            row, address.text, address.key, lane, "", "", {}, self._common_tags, address.domain, findings
        )
        self._read_rest(person, cells)
        if self._keep_rows:
            person.rows.append((row, cells))
        return person

    def _read_rest(self, person: Person, cells: list[str]) -> None:
        if self._names:
            parts = [strip_formula_guard(cells[place]) for place in self._names]
            person.name = clean_name(parts[0] if len(parts) == 1 else " ".join(parts))
        if self._language is not None:
            person.language = _clean_language(cells[self._language])
        attributes = person.attributes
        for place, key, known, parse in self._attributes:
            if text := cells[place]:
                value = known.get(text)
                if value is None and (value := parse(text)) is None:
                    continue
                attributes[key] = value
        for place in self._tags:
            if text := cells[place]:
                person.tags |= self._tag_sets.get(text) or self._read_tags(text)

    def _read_tags(self, text: str) -> frozenset[int]:
        tags = frozenset(map(self._find_tag, split_list(strip_formula_guard(text))))
        if len(self._tag_sets) < CACHED_TEXTS:
            self._tag_sets[text] = tags
        return tags

    def _make_parser(
        self, column: str, key: str, attribute: Attribute
    ) -> tuple[str, dict[str, Value], ParseCell]:
        """The attribute's key, the texts whose meaning is remembered, and what reads all others: chosen once, not for each cell."""
        known: dict[str, Value] = {}
        is_text = attribute.type == "text"

        def parse(cell: str) -> Value | None:
            text = strip_formula_guard(cell) if cell[0] == "'" else cell
            value: Value | None
            if is_text and len(text) < 200 and "\x00" not in text and "\r" not in text:
                value = text.strip() or None
            else:
                value = _parse_cell(attribute, text, column, self._zone)
            if value is not None and len(known) < CACHED_TEXTS and len(cell) < 100:
                known[cell] = value
            return value

        return key, known, parse


def _parse_cell(attribute: Attribute, text: str, column: str, zone: tzinfo) -> Value | None:
    try:
        return parse_value(attribute, text, zone=zone)
    except ValueProblem as problem:
        raise RowProblem(f"bad_{attribute.type}", f"{column}: {problem}"[:300]) from None


def _find_attribute(place: int, target: str, attributes: dict[int, Attribute]) -> tuple[str, Attribute]:
    """The key under which values are stored, and their type. In a dry run an attribute may be one that is yet to be made."""
    if target.startswith(NEW):
        return f"new:{place}", Attribute(type=target.removeprefix(NEW))
    number = target.removeprefix(ATTRIBUTE)
    attribute = attributes[int(number)]
    return str(attribute.number), attribute


def _clean_language(text: str) -> str:
    """`pt-BR` and `RU_ru` as `pt` and `ru`; what is no language code is left out."""
    code = text.strip().lower().replace("_", "-").split("-")[0]
    return code if code.isascii() and code.isalpha() and 2 <= len(code) <= 3 else ""
