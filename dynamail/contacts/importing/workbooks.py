"""Rows out of an XLSX workbook. It is a ZIP of XML: its true size is checked before anything is unpacked."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from datetime import datetime, time
from pathlib import Path
from typing import BinaryIO
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from django.utils.translation import gettext as _
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.importing.reading import MAX_CELL, MAX_COLUMNS, SHOWN, BadRow, Row

MAX_ENTRIES = 2_000
MAX_UNPACKED_BYTES = 2**30
MAX_RATIO = 200  # unpacked to packed, of large entries: sheets reach 20 to 40
RATIO_MATTERS_BYTES = 2**23
MAX_STRINGS_BYTES = 2**26  # the table of shared strings is held in memory

# What a formula that failed left in its cell: no value of a person.
_ERRORS = frozenset(("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"))

_BROKEN = (
    zipfile.BadZipFile,
    InvalidFileException,
    DefusedXmlException,
    ParseError,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OSError,
    NotImplementedError,
    EOFError,
)


def check_workbook(path: Path) -> None:
    """Refuse what is no workbook or unpacks to too much. Raises ImportProblem."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise _broken() from None
    if not any(entry.filename == "xl/workbook.xml" for entry in entries):
        raise ImportProblem(
            "archive",
            _("This is an archive, not a table. Unpack it and upload the CSV, TSV or XLSX file inside."),
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise ImportProblem("encrypted", _("The workbook is protected by a password. Save it without one."))
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise _too_large()
    for entry in entries:
        if entry.file_size > RATIO_MATTERS_BYTES and entry.file_size > MAX_RATIO * max(
            entry.compress_size, 1
        ):
            raise _too_large()
        if entry.filename.lower().endswith("sharedstrings.xml") and entry.file_size > MAX_STRINGS_BYTES:
            raise _too_large()


def iter_workbook_rows(path: Path) -> Iterator[Row | BadRow]:
    """Rows of the first sheet that has any. Rows without content are left out, but counted. Raises ImportProblem."""
    check_workbook(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl's remarks on styles
            with path.open("rb") as file:  # given a path, openpyxl would judge by its ending
                yield from _read_first_sheet(file)
    except ImportProblem:
        raise
    except _BROKEN:
        raise _broken() from None


def _read_first_sheet(file: BinaryIO) -> Iterator[Row | BadRow]:
    book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    try:
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # what a file says about its size is often wrong
            found = False
            for number, values in enumerate(sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS), start=1):
                cells = [_write_cell(value) for value in values]
                if not any(cells):
                    continue
                found = True
                yield _check_row(number, cells)
            if found:
                return
    finally:
        book.close()


def _check_row(number: int, cells: list[str]) -> Row | BadRow:
    while cells and not cells[-1]:
        cells.pop()
    if any(len(cell) > MAX_CELL for cell in cells):
        return BadRow(
            number, "cell_too_long", _("A cell is longer than 64 kB."), [cell[:SHOWN] for cell in cells]
        )
    return Row(number, cells, sum(map(len, cells)))


def _write_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"
    if isinstance(value, datetime) and value.time() != time():
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, datetime):
        return value.date().isoformat()
    return "" if value in _ERRORS else str(value)


def _broken() -> ImportProblem:
    return ImportProblem(
        "broken_workbook",
        _(
            "The workbook cannot be read: it is damaged or not an XLSX file. Open it in a spreadsheet and save it again."
        ),
    )


def _too_large() -> ImportProblem:
    return ImportProblem(
        "unpacks_too_large",
        _("The workbook unpacks to more than it should. Save the sheet as CSV and upload that."),
    )
