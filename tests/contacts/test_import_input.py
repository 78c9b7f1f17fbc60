"""Bad input on its way through a whole import: each wrong row has its reason, all others arrive."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from dynamail.accounts.models import Account, User
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.importing.steps import set_mapping, start_import
from dynamail.contacts.importing.uploads import remove_old_uploads
from dynamail.contacts.models import ContactImport, ImportReject
from tests.contacts.files import contacts_of, counts_of, make_workbook, take_in, upload
from tests.support.personas import NOW

TABLE = "Email;Имя\nanna@example.by;Анна\nignat@example.by;Ігнат\n"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1251"])
def test_every_encoding_arrives_as_it_was_written(account: Account, bob: User, codec: str) -> None:
    take_in(account, bob, TABLE.encode(codec))
    assert {key: contact.name for key, contact in contacts_of(account).items()} == {
        "anna@example.by": "Анна",
        "ignat@example.by": "Ігнат",
    }


def test_a_workbook_arrives_with_dates_and_numbers(account: Account, bob: User) -> None:
    rows = [
        ["Email", "Joined", "Orders"],
        ["ann@example.com", date(2025, 3, 1), 12.0],
        ["no address", None, None],
    ]
    row = take_in(account, bob, make_workbook(rows), name="list.xlsx")
    assert counts_of(row) == Counts(new=1, invalid=1)
    assert sorted(contacts_of(account)["ann@example.com"].attributes.values(), key=str) == [12, "2025-03-01"]


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ('"a@b.example\r\nBcc: x@y.example"', "control_character"),
        ('"a\rb@example.com"', "control_character"),
        ("a\x00b@example.com", "control_character"),
        ("a@b@example.com", "several_at"),
        ('"""broken@example.com"', "unbalanced_quotes"),
        ("<a@example.com>", "angle_bracket"),
        ("a b@example.com", "space"),
        ("a@localhost", "no_dot"),
        ("", "empty"),
        ("x" * 65 + "@example.com", "local_too_long"),
        ("a\u202eb@example.com", "control_character"),
    ],
)
def test_hostile_addresses_are_refused_with_their_reason(
    account: Account, bob: User, cell: str, code: str
) -> None:
    row = take_in(account, bob, f"email,name\n{cell},Eve\ngood@example.com,Good\n".encode())
    assert counts_of(row) == Counts(new=1, invalid=1)
    assert ImportReject.objects.for_account(account).get().code == code


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("анна@пример.бел", "анна@xn--e1afmkfd.xn--90ais"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("δοκιμή@example.com", "δοκιμή@example.com"),
        ('""quoted""@example.com', None),
        ("'+ann@example.com", "+ann@example.com"),
    ],
)
def test_international_addresses_are_people_too(
    account: Account, bob: User, written: str, key: str | None
) -> None:
    take_in(account, bob, f"email\nfirst@example.com\n{written}\n".encode())
    assert set(contacts_of(account)) - {"first@example.com"} == ({key} if key else set())


def test_hostile_text_in_other_cells_is_kept_as_text(account: Account, bob: User) -> None:
    data = 'email,name,Note\nann@example.com,"Ann\r\nBcc: x@y.example",a\x00b<script>\n'
    take_in(account, bob, data.encode())
    contact = contacts_of(account)["ann@example.com"]
    assert contact.name == "Ann Bcc: x@y.example"
    assert list(contact.attributes.values()) == ["ab<script>"]


def test_a_row_that_does_not_fit_its_column_says_which(account: Account, bob: User) -> None:
    row = upload(account, bob, b"email,Birthday\nann@example.com,31.02.2020\n")
    from tests.contacts.files import check

    check(row, bob, mapping=["email", "new:date"])
    reject = ImportReject.objects.for_account(account).get()
    assert (reject.row, reject.code) == (2, "bad_date")
    assert reject.reason.startswith("Birthday: ")


def test_surplus_cells_are_no_reason_to_shift_a_row(account: Account, bob: User) -> None:
    row = take_in(account, bob, b"email,name\nann@example.com,Lee, Ann\nbob@example.com,Bob,,\n")
    assert counts_of(row) == Counts(new=1, invalid=1)
    assert ImportReject.objects.for_account(account).get().code == "too_many_cells"


def test_a_header_without_email_column_is_said_at_the_mapping(account: Account, bob: User) -> None:
    row = upload(account, bob, b"Name,City\nAnn,Minsk\n")
    assert "email" not in row.mapping
    with pytest.raises(ImportProblem, match="Choose the column"):
        set_mapping(row, row.mapping, by=bob, now=NOW)


def test_an_import_is_checked_before_it_runs(account: Account, bob: User) -> None:
    row = upload(account, bob, b"email\nann@example.com\n")
    with pytest.raises(ImportProblem, match="Check the file first"):
        start_import(row, by=bob, now=NOW)


def test_a_refused_file_leaves_nothing_behind(account: Account, bob: User, files_dir: Path) -> None:
    for data in (b"", b"%PDF-1.7", b"\x00" * 100):
        with pytest.raises(ImportProblem):
            upload(account, bob, data)
    assert not [path for path in files_dir.rglob("*") if path.is_file()]
    assert not ContactImport.objects.for_account(account).exists()


def test_a_file_above_the_limit_is_refused_while_it_comes(
    account: Account, bob: User, settings: object, files_dir: Path
) -> None:
    settings.IMPORT_MAX_BYTES = 1_000  # type: ignore[attr-defined]
    with pytest.raises(ImportProblem, match="larger than"):
        upload(account, bob, b"email\n" + b"a@example.com\n" * 100)
    assert not [path for path in files_dir.rglob("*") if path.is_file()]


@pytest.mark.promise("P6.1")
def test_uploaded_files_go_after_seven_days(account: Account, bob: User, files_dir: Path) -> None:
    row = take_in(account, bob, b"email\nann@example.com\nbroken\n")
    assert remove_old_uploads(NOW + timedelta(days=6)) == 0
    assert remove_old_uploads(NOW + timedelta(days=8)) == 1
    row.refresh_from_db()
    assert (row.file_path, row.samples) == ("", [])
    assert counts_of(row) == Counts(new=1, invalid=1), "the counts stay"
    assert not ImportReject.objects.for_account(account).exists()
    assert not [path for path in files_dir.rglob("*") if path.is_file()]
    assert remove_old_uploads(NOW + timedelta(days=9)) == 0
