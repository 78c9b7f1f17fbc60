from __future__ import annotations

import os
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.importing.sniffing import Sniffed, iter_rows, sniff_file
from tests.contacts.files import make_workbook, repack

TABLE = "Имя{0}E-mail\nАнна Ковалёва{0}anna@example.by\nІгнат Ўладзіміравіч{0}ignat@example.by\n"


@pytest.fixture
def sniff(tmp_path: Path) -> object:
    def look(data: bytes, **options: object) -> Sniffed:
        path = tmp_path / "upload"
        path.write_bytes(data)
        return sniff_file(path, **options)

    return look


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("codec", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1251", "cp1251"),
    ],
)
def test_encoding_and_separator_are_found(sniff: object, codec: str, found: str, separator: str) -> None:
    sniffed = sniff(TABLE.format(separator).encode(codec))
    assert (sniffed.shape.encoding, sniffed.shape.separator, sniffed.shape.has_header) == (
        found,
        separator,
        True,
    )
    assert sniffed.columns == ["Имя", "E-mail"]
    assert sniffed.samples[0] == ["Анна Ковалёва", "anna@example.by"]


def test_a_file_without_header_gets_names_for_its_columns(sniff: object) -> None:
    sniffed = sniff(b"ann@example.com,Ann\nbob@example.com,Bob\n")
    assert sniffed.shape.has_header is False
    assert sniffed.columns == ["Column 1", "Column 2"]
    assert len(sniffed.samples) == 2


def test_one_column_of_addresses_is_a_table(sniff: object) -> None:
    assert sniff(b"email\nann@example.com\n").columns == ["email"]


def test_a_workbook_is_known_by_its_content(sniff: object, tmp_path: Path) -> None:
    sniffed = sniff(
        make_workbook(
            [
                ["Email", "Имя", "Age"],
                ["ann@example.com", "Анна", 41.0],
                [None, None, None],
                ["b@example.com"],
            ]
        )
    )
    assert sniffed.shape.format == "xlsx"
    assert sniffed.samples[0] == ["ann@example.com", "Анна", "41"]
    assert [row.number for row in iter_rows(tmp_path / "upload", sniffed.shape)] == [2, 4]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"\n\n  \n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"email,name\n", "no_rows"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "not_a_table"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "not_a_table"),
        (bytes(range(256)) * 40, "not_a_table"),
        (b"\x00" * 5_000, "not_a_table"),
        (os.urandom(50_000), ""),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "old_excel"),
        (b"<html><body><table><tr><td>a@b.example", "not_a_table"),
        (b'{"email": "ann@example.com"}', "not_a_table"),
        (b"PK\x03\x04 but no archive", "broken_workbook"),
        ("Имя;Почта\nпривет;a@example.by\n".encode("koi8-r"), "encoding"),
        ("Name;Mail\nJosé;a@example.by\nRené;b@example.by\n".encode("cp1252"), "encoding"),
        ("Имя;Почта\n".encode("utf-32"), "encoding"),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(sniff: object, data: bytes, code: str) -> None:
    with pytest.raises(ImportProblem) as problem:
        sniff(data)
    assert not code or problem.value.code == code
    assert str(problem.value).endswith(".")


def test_a_wrong_guess_is_corrected_by_choice(sniff: object) -> None:
    data = "Имя;Почта\nпривет;a@example.by\n".encode("koi8-r")
    assert sniff(data, encoding="koi8-r").samples == [["привет", "a@example.by"]]


def test_an_archive_that_is_no_workbook_is_refused(sniff: object) -> None:
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("contacts.csv", "email\na@example.com\n")
    with pytest.raises(ImportProblem, match="Unpack it"):
        sniff(target.getvalue())


WORKBOOK = make_workbook([["Email"], ["ann@example.com"]])
SHEET = "xl/worksheets/sheet1.xml"
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE worksheet [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><worksheet><sheetData><row r="1"><c t="inlineStr"><is><t>&c;</t></is></c></row>'
    b"</sheetData></worksheet>"
)


def test_a_workbook_that_unpacks_to_gigabytes_is_not_unpacked(sniff: object) -> None:
    bomb = repack(WORKBOOK, SHEET, b"<row/>" * 8_000_000)
    assert len(bomb) < 200_000
    with pytest.raises(ImportProblem) as problem:
        sniff(bomb)
    assert problem.value.code == "unpacks_too_large"


def test_a_workbook_of_thousands_of_entries_is_refused(sniff: object) -> None:
    target = BytesIO(WORKBOOK)
    with zipfile.ZipFile(target, "a") as archive:
        for number in range(2_100):
            archive.writestr(f"xl/media/{number}.png", b"")
    with pytest.raises(ImportProblem) as problem:
        sniff(target.getvalue())
    assert problem.value.code == "unpacks_too_large"


@pytest.mark.parametrize("content", [LAUGHS, b"<worksheet><sheetData><row", b"no xml at all", b""])
def test_broken_or_hostile_sheets_are_refused(sniff: object, content: bytes) -> None:
    with pytest.raises(ImportProblem) as problem:
        sniff(repack(WORKBOOK, SHEET, content))
    assert problem.value.code in ("broken_workbook", "empty")


def test_a_truncated_workbook_is_refused(sniff: object) -> None:
    with pytest.raises(ImportProblem):
        sniff(WORKBOOK[: len(WORKBOOK) // 2])


def test_a_sparse_gigabyte_of_zeros_is_refused_at_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(ImportProblem):
        sniff_file(path)


def test_a_header_of_a_megabyte_is_no_header(tmp_path: Path) -> None:
    path = tmp_path / "line"
    path.write_bytes(b"x" * (3 * 2**20))
    with pytest.raises(ImportProblem) as problem:
        sniff_file(path)
    assert problem.value.code == "line_too_long"
