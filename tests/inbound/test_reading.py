from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.inbound.reading import find_files, find_new_text, read_from, read_parts_of
from tests.inbound.letters import LETTER


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("Yes.\n\nOn Mon, Nov 23, 2026 at 9:00 AM Shop <a@b.example> wrote:\n> Hi\n", "Yes."),
        ("Yes.\n\nOn Mon, Nov 23, 2026 at 9:00 AM A Very Long Shop\n<a@b.example> wrote:\n> Hi", "Yes."),
        ("Так.\n\nпн, 23 нояб. 2026 г. в 09:00, Shop <a@b.example> пишет:\n> Hi", "Так."),
        ("Ja\n\nAm 23.11.26 um 09:00 schrieb Shop:\n> Hi", "Ja"),
        ("Yes\n-----Original Message-----\nFrom: Shop", "Yes"),
        ("Yes\n\n________________________________\nFrom: Shop", "Yes"),
        ("Yes\n-- \nAnn\nAcme", "Yes"),
        ("> quoted\nBelow it.\n> more\nAnd here.", "Below it.\nAnd here."),
        ("I said: yes\nand he wrote: no", "I said: yes\nand he wrote: no"),
        ("", ""),
    ],
)
def test_the_new_part_of_an_answer(text: str, new: str) -> None:
    assert find_new_text(text) == new


@given(st.text(max_size=400))
def test_any_text_has_a_new_part(text: str) -> None:
    assert len(find_new_text(text)) <= len(text)


@given(st.binary(max_size=600))
def test_any_octets_are_taken_apart(raw: bytes) -> None:
    read_parts_of(raw)
    find_files(raw)


def test_files_are_found_by_their_names() -> None:
    (file,) = find_files(LETTER)
    assert (file.filename, file.content_type, file.content) == ("bill.pdf", "application/pdf", b"%PDF")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("/etc/passwd", "passwd"),
        (r"C:\\Windows\\system.ini", "system.ini"),
        ("=?utf-8?q?..=2Fboot=2Eini?=", "boot.ini"),
        ("../..", ""),
        ("Счёт 7.pdf", "Счёт 7.pdf"),
    ],
)
def test_the_name_of_a_file_leads_to_no_other_folder(said: str, name: str) -> None:
    head = f'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="{said}"\r\n\r\n%PDF'
    (file,) = find_files(head.encode())
    assert file.filename == name


@pytest.mark.parametrize(
    ("value", "email", "name"),
    [
        ("Ann <ann@example.com>", "ann@example.com", "Ann"),
        ('"Lee, Ann" <ann@example.com>', "ann@example.com", "Lee, Ann"),
        ("ann@example.com", "ann@example.com", ""),
        ('"Ann <boss@shop.example>" <ann@example.com>', "ann@example.com", "Ann <boss@shop.example>"),
        ("=?utf-8?q?=3Cboss=40shop.example=3E?= <ann@example.com>", "ann@example.com", "<boss@shop.example>"),
        ("=?utf-8?q?J=C3=BCrg?=\r\n <jurg@example.com>, bo@example.com", "jurg@example.com", "Jürg"),
        ("Ann (<boss@shop.example>) <ann@example.com>", "ann@example.com", "Ann (<boss@shop.example>)"),
        ("nobody", "", ""),
        ("", "", ""),
    ],
)
def test_who_says_to_have_written(value: str, email: str, name: str) -> None:
    found = read_from(b"Subject: x\r\nFrom: " + value.encode() + b"\r\n\r\nFrom: no@example.com\r\n")
    assert (found.email, found.name) == (email, name)


def test_a_from_that_is_nested_deeper_than_anybody_reads_names_nobody() -> None:
    assert read_from(b"From: " + b"(" * 5_000 + b"ann@example.com\r\n\r\nHi\r\n").email == ""
