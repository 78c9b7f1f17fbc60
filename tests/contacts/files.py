"""Uploads for tests: a file as bytes goes the whole way, as a member would take it."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path

from openpyxl import Workbook

from dynamail.accounts.models import Account, User
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.running import check_import, run_import
from dynamail.contacts.importing.statement import Options
from dynamail.contacts.importing.steps import set_mapping, start_check, start_import, upload_file
from dynamail.contacts.models import Contact, ContactImport
from tests.support.personas import NOW

DATA = Path(__file__).parent.parent / "data"


def upload(
    account: Account, user: User, data: bytes, *, name: str = "people.csv", now: datetime = NOW
) -> ContactImport:
    return upload_file(account.pk, iter([data]), file_name=name, by=user, now=now)


def check(
    row: ContactImport, user: User, options: Options | None = None, *, mapping: Sequence[str] = ()
) -> Counts:
    """Mapping, options and the dry run; returns what it counted."""
    set_mapping(row, mapping or row.mapping, by=user, now=NOW)
    start_check(row, options or Options(), by=user, now=NOW)
    check_import(reload(row), now=NOW)
    row.refresh_from_db()
    return Counts.from_json(row.counts.get("checked"))


def run(row: ContactImport, user: User, *, now: datetime = NOW) -> Counts:
    start_import(row, by=user, now=now)
    run_import(reload(row), now=now)
    row.refresh_from_db()
    return Counts.from_json(row.counts.get("imported"))


def take_in(
    account: Account, user: User, data: bytes, options: Options | None = None, *, name: str = "people.csv"
) -> ContactImport:
    """Upload, check and run; the dry run must have told the truth."""
    row = upload(account, user, data, name=name)
    checked = check(row, user, options)
    assert run(row, user) == checked
    assert row.state == ContactImport.State.FINISHED
    return row


def counts_of(row: ContactImport) -> Counts:
    return Counts.from_json(row.counts.get("imported"))


def reload(row: ContactImport) -> ContactImport:
    return (
        ContactImport.objects.for_account(row.account_id).select_related("work", "created_by").get(pk=row.pk)
    )


def contacts_of(account: Account) -> dict[str, Contact]:
    return {contact.email_key: contact for contact in Contact.objects.for_account(account)}


def make_workbook(rows: Sequence[Sequence[object]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(list(row))
    target = BytesIO()
    book.save(target)
    return target.getvalue()


def repack(workbook: bytes, name: str, content: bytes) -> bytes:
    """The workbook with one entry replaced."""
    target = BytesIO()
    with zipfile.ZipFile(BytesIO(workbook)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            new.writestr(entry, content if entry == name else old.read(entry))
    return target.getvalue()


def repeat(piece: bytes, times: int) -> Iterator[bytes]:
    return itertools.repeat(piece, times)
