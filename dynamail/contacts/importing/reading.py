"""Rows out of a text file, one by one, with memory that depends on no file.

A line, a cell and a record have limits; what goes beyond is handed over as a bad row and reading goes on after it. A quote
that is never closed swallows the rest of a file: then the line it stands in is the bad row, and those after it are read anew.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from dynamail.contacts.importing.encodings import skip_bom

MAX_LINE = 2**20  # characters
MAX_CELL = 2**16  # characters
MAX_RECORD_LINES = 1_000  # line breaks inside the cells of one row
MAX_COLUMNS = 500
SHOWN = 1_000  # characters of an overlong line that are kept with the reason


@dataclass(slots=True)  # not frozen: a million of them are made, and freezing doubles the price
class Row:
    """A row as it stands; the first one has number 1, as a spreadsheet counts."""

    number: int
    cells: list[str]
    size: int = 0  # characters, roughly


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read."""

    number: int
    code: str
    reason: str
    cells: list[str]


class _LineTooLong(Exception):
    pass


class _RecordTooLong(Exception):
    pass


def iter_text_rows(path: Path, *, encoding: str, separator: str) -> Iterator[Row | BadRow]:
    """All rows of a CSV or TSV file. Rows without any content are left out, but counted."""
    with path.open("rb") as file:
        yield from read_text_rows(file, encoding=encoding, separator=separator)


def read_text_rows(file: BinaryIO, *, encoding: str, separator: str) -> Iterator[Row | BadRow]:
    """Like `iter_text_rows` for an open file, which it closes."""
    strict_bytes = encoding == "utf-8"
    with open_text(file, encoding) as text:
        lines = _Lines(text)
        reader = csv.reader(lines, delimiter=separator, strict=True)
        number = 0
        while True:
            number += 1
            lines.begin_record()
            try:
                row = _read_record(reader, lines, number, strict_bytes=strict_bytes)
            except StopIteration:
                return
            if row is not None:
                yield row


def _read_record(reader: Any, lines: _Lines, number: int, *, strict_bytes: bool) -> Row | BadRow | None:
    """The next row, None for one without content. Raises StopIteration at the end."""
    try:
        cells = next(reader)
    except _LineTooLong:
        return BadRow(number, "line_too_long", _("The line is longer than a megabyte."), [lines.excerpt()])
    except _RecordTooLong:
        return _reject_record(lines, number)
    except csv.Error:
        cells = lines.parse_leniently(reader.dialect.delimiter)
        if cells is None:
            return _reject_record(lines, number)
    if lines.is_plain and len(cells) <= MAX_COLUMNS:
        return Row(number, cells, lines.size) if any(cells) else None
    if problem := _check_record(lines, cells, strict_bytes=strict_bytes):
        return BadRow(number, *problem, [cell[:SHOWN] for cell in cells[:MAX_COLUMNS]])
    return Row(number, cells, lines.size) if any(cells) else None


def open_text(file: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """The file as text without its byte order mark; line ends stay as they are. Bytes that mean nothing become marks, not errors."""
    file.seek(skip_bom(file.read(4)))
    errors = "surrogateescape" if encoding == "utf-8" else "replace"
    return io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")


class _Lines:
    """Lines for the csv reader, with the lines of the record under way at hand."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._readline = text.readline
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self.ended_inside = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._readline(MAX_LINE)
        taken = self._taken
        if not line:
            self.ended_inside = bool(taken)
            raise StopIteration
        taken.append(line)
        if len(line) >= MAX_LINE and line[-1] not in "\r\n":
            if len(taken) > 1:  # an open quote led here; the long line is met again
                self._skip_line()
                raise _RecordTooLong
            self._skip_line()
            raise _LineTooLong
        if len(taken) > 1 and (len(taken) > MAX_RECORD_LINES or sum(map(len, taken)) > MAX_LINE):
            raise _RecordTooLong
        return line

    def begin_record(self) -> None:
        self._taken.clear()
        self.ended_inside = False

    def read_again(self) -> str:
        """Give back all lines of the record but the first, which is returned."""
        first, *rest = self._taken
        self._again.extendleft(reversed(rest))
        return first

    def parse_leniently(self, separator: str) -> list[str] | None:
        """A record of one line whose quotes were doubled wrongly, read as well as it can be; None for any other."""
        if len(self._taken) != 1 or self.ended_inside or len(self._taken[0]) > MAX_CELL:
            return None
        return next(csv.reader(self._taken, delimiter=separator), None)

    def excerpt(self) -> str:
        return self._taken[0][:SHOWN]

    @property
    def is_plain(self) -> bool:
        """Nearly all records: one short line of ASCII, about which nothing is left to ask."""
        taken = self._taken
        return len(taken) == 1 and taken[0].isascii() and len(taken[0]) <= MAX_CELL

    @property
    def is_ascii(self) -> bool:
        taken = self._taken
        return taken[0].isascii() if len(taken) == 1 else all(map(str.isascii, taken))

    @property
    def size(self) -> int:
        return len(self._taken[0]) if len(self._taken) == 1 else sum(map(len, self._taken))

    @property
    def has_stray_bytes(self) -> bool:
        try:
            "".join(self._taken).encode()
        except UnicodeEncodeError:
            return True
        return False

    def _skip_line(self) -> None:
        while (rest := self._readline(MAX_LINE)) and rest[-1] not in "\r\n":
            pass


def _reject_record(lines: _Lines, number: int) -> BadRow:
    """Only the first line of the record is lost; what it swallowed is read again."""
    first = lines.read_again()
    if '"' in first:
        reason = _("A quotation mark opens in this row and is never closed.")
        return BadRow(number, "unclosed_quote", reason, [first.rstrip("\r\n")[:SHOWN]])
    return BadRow(number, "cell_too_long", _("A cell is longer than 64 kB."), [first[:SHOWN]])


def _check_record(lines: _Lines, cells: list[str], *, strict_bytes: bool) -> tuple[str, str] | None:
    if len(cells) > MAX_COLUMNS:
        return "too_many_cells", _("The row has more than %(limit)s cells.") % {"limit": MAX_COLUMNS}
    if lines.size > MAX_CELL and any(len(cell) > MAX_CELL for cell in cells):
        return "cell_too_long", _("A cell is longer than 64 kB.")
    if strict_bytes and not lines.is_ascii and lines.has_stray_bytes:
        return "bad_encoding", _("The row has bytes that are not UTF-8, as the rest of the file is.")
    return None
