"""From a row's cells to a suppression: compiled once for an import, run for every row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime

from django.utils.translation import gettext as _

from dynamail.consent.mass_suppressing import NewSuppression
from dynamail.consent.suppressing import MAX_DETAIL
from dynamail.consent.suppression_list import EARLIEST, LONGEST, USUAL_SCOPE
from dynamail.contacts.exporting import strip_formula_guard
from dynamail.contacts.importing.blocks import Block, Reject, make_reject
from dynamail.contacts.importing.problems import RowProblem
from dynamail.contacts.importing.reading import BadRow
from dynamail.contacts.importing.seen import SeenAddresses
from dynamail.contacts.importing_suppressions.columns import Defaults, Target
from dynamail.contacts.importing_suppressions.words import Meaning, read_reason, read_scope
from dynamail.contacts.models import Attribute
from dynamail.contacts.values import ValueProblem, parse_value
from dynamail.protocols.address import AddressError, parse_address

CACHED_TEXTS = 5_000  # moments whose meaning is remembered: exports repeat them
_MOMENT = Attribute(type=Attribute.Type.TIME)
_SECONDS = re.compile(r"\d{9,10}(?:\.\d+)?")  # Unix time from 1973 on
_MILLISECONDS = re.compile(r"\d{12,13}")
_ZONE_WORD = re.compile(r"\s+(?:UTC|GMT)$")
_OFFSET_APART = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)")


@dataclass
class ParsedRows:
    """A block as suppressions. `mailable` counts rows that say the address may be mailed: they are left alone."""

    end: int
    rows: list[NewSuppression] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    duplicates: int = 0
    mailable: int = 0


class SuppressionReader:
    """Reads rows by one mapping. `zone` is for moments without an offset."""

    def __init__(
        self, mapping: Sequence[str], defaults: Defaults, *, now: datetime, zone: tzinfo = UTC
    ) -> None:
        self._width = len(mapping)
        self._email = mapping.index(Target.EMAIL)
        self._reason, self._scope, self._since, self._expires = (
            mapping.index(target) if target in mapping else None
            for target in (Target.REASON, Target.SCOPE, Target.SINCE, Target.EXPIRES)
        )
        self._notes = [place for place, target in enumerate(mapping) if target == Target.NOTE]
        self._default = Meaning(defaults.reason, defaults.scope or USUAL_SCOPE[defaults.reason])
        self._default_scope = defaults.scope
        self._now, self._zone = now, zone
        self._moments: dict[str, datetime] = {}

    def read(self, cells: Sequence[str]) -> NewSuppression | None:
        """None for a row that says the address may be mailed. Raises RowProblem."""
        if len(cells) < self._width:
            cells = [*cells, *[""] * (self._width - len(cells))]
        key = _read_key(cells[self._email])
        meaning, remark = self._read_meaning(cells)
        if not meaning.is_suppressed:
            return None
        notes = [remark]
        expires_at = self._read_moment(cells, self._expires, notes)
        if expires_at is not None and expires_at <= self._now:
            raise RowProblem("ended", _("This suppression ended already."))
        since = self._read_moment(cells, self._since, notes)
        at = min(since, self._now) if since is not None else self._now
        notes += [_clean(cells[place]) for place in self._notes]
        detail = " · ".join(dict.fromkeys(filter(None, notes)))[:MAX_DETAIL]
        scope = self._read_scope(cells) or meaning.scope
        return NewSuppression(key, meaning.reason, scope, at, detail, expires_at)

    def _read_meaning(self, cells: Sequence[str]) -> tuple[Meaning, str]:
        """The meaning of the row's word; a text that is none says more about the usual reason, and is kept as a note."""
        text = _clean(cells[self._reason]) if self._reason is not None else ""
        meaning = read_reason(text) if text else None
        if meaning is None:
            return self._default, text
        if meaning.is_suppressed and self._default_scope and meaning.reason == self._default.reason:
            return Meaning(meaning.reason, self._default_scope), ""
        return meaning, ""

    def _read_scope(self, cells: Sequence[str]) -> str | None:
        return read_scope(cells[self._scope]) if self._scope is not None else None

    def _read_moment(self, cells: Sequence[str], place: int | None, notes: list[str]) -> datetime | None:
        """A date that cannot be read becomes a note: that somebody must not be mailed matters more than since when."""
        if place is None or not (text := _clean(cells[place])):
            return None
        if (known := self._moments.get(text)) is not None:
            return known
        try:
            moment = read_moment(text, zone=self._zone)
        except RowProblem:
            moment = None
        if moment is None or not EARLIEST <= moment <= self._now + LONGEST:
            notes.append(text)
            return None
        if len(self._moments) < CACHED_TEXTS:
            self._moments[text] = moment
        return moment


def read_moment(text: str, *, zone: tzinfo = UTC) -> datetime:
    """A moment as exports write it: ISO 8601, a day, Unix seconds or milliseconds, a mail's date. Raises RowProblem."""
    if _SECONDS.fullmatch(text) or _MILLISECONDS.fullmatch(text):
        seconds = float(text) if _SECONDS.fullmatch(text) else int(text) / 1000
        return datetime.fromtimestamp(seconds, UTC)
    try:
        plain = _OFFSET_APART.sub("", _ZONE_WORD.sub("Z", text))
        if value := parse_value(_MOMENT, plain, zone=zone):
            return datetime.fromisoformat(str(value))
        raise RowProblem("bad_time", _("There is no date."))
    except ValueProblem as problem:
        reason = str(problem)
    try:
        moment = parsedate_to_datetime(text)  # RFC 5322 §3.3, as Mailgun writes it
        return moment.replace(tzinfo=moment.tzinfo or zone).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        raise RowProblem("bad_time", reason[:300]) from None


def parse_rows(block: Block, reader: SuppressionReader, seen: SeenAddresses) -> ParsedRows:
    """Suppressions and rejects of a block. An address that comes again with the same scope is a duplicate: the first reason stays."""
    parsed = ParsedRows(block.end)
    by_key: dict[str, NewSuppression] = {}
    for row in block.rows:
        if isinstance(row, BadRow):
            parsed.rejects.append(make_reject(row.number, row.code, row.reason, row.cells))
            continue
        try:
            found = reader.read(row.cells)
        except RowProblem as problem:
            parsed.rejects.append(make_reject(row.number, problem.code, str(problem), row.cells))
            continue
        if found is None:
            parsed.mailable += 1
            continue
        if by_key.setdefault(f"{found.scope} {found.email_key}", found) is not found:
            parsed.duplicates += 1
    before = seen.add(list(by_key))
    parsed.duplicates += len(before)
    parsed.rows = [found for key, found in by_key.items() if key not in before]
    return parsed


def _read_key(text: str) -> str:
    try:
        return parse_address(strip_formula_guard(text).strip(" \u00a0")).key
    except AddressError as error:
        raise RowProblem(error.code, str(error)) from None


def _clean(text: str) -> str:
    """One line without what a database or an eye cannot take."""
    if text.isprintable():
        return strip_formula_guard(text.strip())
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return strip_formula_guard(" ".join(printable.split()))
