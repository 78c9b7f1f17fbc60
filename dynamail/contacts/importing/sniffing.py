"""What a file is, from its content; its name says nothing."""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from dynamail.contacts.addressing import AddressError, read_address
from dynamail.contacts.importing.encodings import detect_encoding, not_a_table
from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.importing.reading import MAX_LINE, BadRow, Row, iter_text_rows, open_text
from dynamail.contacts.importing.workbooks import iter_workbook_rows

HEAD_BYTES = 2**20
SAMPLE_ROWS = 10
GUESS_ROWS = 200  # rows that guesses of types look at
SEPARATORS = {",": ",", ";": ";", "\t": "Tab", "|": "|"}

_ZIP = b"PK\x03\x04"
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BINARY = (
    b"%PDF",
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"\x1f\x8b",
    b"Rar!",
    b"7z\xbc\xaf",
    b"{\\rtf",
    b"\x7fELF",
    b"SQLite",
)
_MARKUP = ("<!doctype", "<html", "<?xml", "<table", "<svg")


@dataclass(frozen=True)
class Shape:
    """How to read the file."""

    format: str  # csv, xlsx
    encoding: str = "utf-8"
    separator: str = ","
    has_header: bool = True


@dataclass(frozen=True)
class Sniffed:
    """The shape, the names of the columns, and the first rows under them."""

    shape: Shape
    columns: list[str]
    samples: list[list[str]]


def sniff_file(
    path: Path, *, encoding: str = "", separator: str = "", has_header: bool | None = None
) -> Sniffed:
    """Look at the beginning of the file. What is given is not guessed. Raises ImportProblem."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise ImportProblem("empty", _("The file is empty."))
    _refuse_known(head)
    if head.startswith(_ZIP):
        shape = Shape("xlsx")
    else:
        complete = len(head) < HEAD_BYTES
        encoding = encoding or detect_encoding(head, complete=complete)
        text = _read_head(head, encoding)
        _refuse_text(text, complete=complete)
        shape = Shape("csv", encoding, separator or find_separator(text))
    rows = _read_first_rows(path, shape, GUESS_ROWS + 1)
    return _describe(rows, shape, has_header)


def iter_rows(path: Path, shape: Shape) -> Iterator[Row | BadRow]:
    """All rows below the header. Raises ImportProblem when a workbook turns out to be damaged."""
    if shape.format == "xlsx":
        rows = iter_workbook_rows(path)
    else:
        rows = iter_text_rows(path, encoding=shape.encoding, separator=shape.separator)
    return itertools.islice(rows, 1, None) if shape.has_header else rows


def find_separator(text: str) -> str:
    """The character that cuts most rows into the same number of cells, more than one."""
    scores = {separator: _score(text, separator) for separator in SEPARATORS}
    best = max(scores, key=lambda separator: scores[separator])
    return best if scores[best] > (0, 0) else ","


def _score(text: str, separator: str) -> tuple[float, int]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    counts: Counter[int] = Counter()
    try:
        for cells in itertools.islice(reader, 60):
            if any(cells):
                counts[len(cells)] += 1
    except csv.Error:
        pass
    if not counts:
        return 0.0, 0
    width, rows = counts.most_common(1)[0]
    return (rows / counts.total(), width) if width > 1 else (0.0, 0)


def _refuse_known(head: bytes) -> None:
    if head.startswith(_OLD_OFFICE):
        raise ImportProblem(
            "old_excel", _("This is an old Excel file. Save it as XLSX or CSV and upload it again.")
        )
    if head.startswith(_BINARY):
        raise not_a_table()


def _refuse_text(text: str, *, complete: bool) -> None:
    start = text.lstrip("\ufeff \t\r\n")
    if not start:
        raise ImportProblem("empty", _("The file has no rows."))
    if start[:20].lower().startswith(_MARKUP) or start[:2] in ('{"', "[{", "{\n", "[\n", "{\r", "[\r"):
        raise not_a_table()
    first = start.splitlines()[0] if start else ""
    if len(first) >= MAX_LINE // 4 and not complete:
        raise ImportProblem(
            "line_too_long",
            _(
                "The first line is longer than a table's header can be. Check that rows stand on lines of their own."
            ),
        )


def _read_head(head: bytes, encoding: str) -> str:
    try:
        return open_text(io.BytesIO(head), encoding).read()
    except (UnicodeError, LookupError):
        raise not_a_table() from None


def _read_first_rows(path: Path, shape: Shape, limit: int) -> list[Row]:
    whole = Shape(shape.format, shape.encoding, shape.separator, has_header=False)
    rows = itertools.islice(iter_rows(path, whole), limit)
    found = [row if isinstance(row, Row) else Row(row.number, []) for row in rows]
    if not any(row.cells for row in found):
        raise ImportProblem("empty", _("The file has no rows."))
    return found


def _describe(rows: Sequence[Row], shape: Shape, has_header: bool | None) -> Sniffed:
    if has_header is None:
        has_header = not any(_is_address(cell) for cell in rows[0].cells)
    shape = Shape(shape.format, shape.encoding, shape.separator, has_header)
    below = rows[1:] if has_header else rows
    width = max((len(row.cells) for row in (rows[:1] if has_header else rows)), default=0)
    if has_header and not below:
        raise ImportProblem("no_rows", _("The file has a header but no rows below it."))
    names = [" ".join(cell.replace("\x00", "").split()) for cell in rows[0].cells] if has_header else []
    while names and not names[-1]:
        names.pop()
    columns = _name_columns(names, len(names) if has_header else width)
    return Sniffed(shape, columns, [_show_cells(row.cells, len(columns)) for row in below])


def _name_columns(names: Sequence[str], width: int) -> list[str]:
    return [
        (names[place] if place < len(names) else "")[:200] or _("Column %(number)s") % {"number": place + 1}
        for place in range(width)
    ]


def _show_cells(cells: Sequence[str], width: int) -> list[str]:
    shown = [make_storable(cell)[:200] for cell in cells[:width]]
    return shown + [""] * (width - len(shown))


def make_storable(text: str) -> str:
    """What a database can keep: NUL and stray bytes become visible marks."""
    return text.replace("\x00", "\u2400").encode("utf-8", "replace").decode("utf-8")


def _is_address(text: str) -> bool:
    try:
        read_address(text)
    except AddressError:
        return False
    return True
