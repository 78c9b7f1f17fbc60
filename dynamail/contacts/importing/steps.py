"""From an upload to a finished import, step by step. Each verb checks the state it starts from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from dynamail.accounts.audit import record_audit
from dynamail.accounts.background import queue_work, request_cancel
from dynamail.accounts.models import User
from dynamail.conditions.tree import Finding
from dynamail.contacts.catalog import list_attributes
from dynamail.contacts.importing.findings import FINDINGS, explain_finding
from dynamail.contacts.importing.mapping import check_mapping, create_missing_attributes, guess_mapping
from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.importing.sniffing import SAMPLE_ROWS, Sniffed, sniff_file
from dynamail.contacts.importing.statement import Options
from dynamail.contacts.importing.uploads import find_upload, remove_upload, store_upload
from dynamail.contacts.models import ContactImport, ImportSource
from dynamail.lib.ids import new_id

State = ContactImport.State
Subject = ContactImport.Subject
OPEN = (State.UPLOADED, State.CHECKED)
GuessMapping = Callable[[ContactImport, Sniffed], list[str]]


@dataclass(frozen=True)
class RejectReason:
    """Why rows were refused: how many, and the first of them."""

    code: str
    count: int
    row: int
    reason: str


def guess_columns(row: ContactImport, sniffed: Sniffed) -> list[str]:
    """What the columns of a file of contacts are."""
    return guess_mapping(sniffed.columns, sniffed.samples, list_attributes(row.account_id))


def upload_file(
    account_id: int,
    chunks: Iterable[bytes],
    *,
    file_name: str,
    by: User | None,
    now: datetime,
    subject: str = Subject.CONTACTS,
    guess: GuessMapping = guess_columns,
    import_source: ImportSource | None = None,
    has_header: bool | None = None,
) -> ContactImport:
    """Store a file and look at it; `has_header` is not guessed when it is given. Raises ImportProblem; then nothing is kept."""
    row = ContactImport(
        account_id=account_id,
        uid=new_id(now),
        created_at=now,
        created_by=by,
        subject=subject,
        import_source=import_source,
    )
    stored = store_upload(account_id, row.uid, chunks)
    row.file_path, row.file_sha256, row.file_bytes = stored.path, stored.sha256, stored.size_bytes
    row.file_name = clean_file_name(file_name)
    try:
        _take_shape(row, sniff_file(find_upload(row), has_header=has_header), guess)
        with transaction.atomic():
            row.save(force_insert=True)
            record_audit(account_id, by=by, action=f"{subject}.uploaded", subject=row, sha256=row.file_sha256)
    except BaseException:
        remove_upload(row)
        raise
    return row


def read_anew(
    row: ContactImport,
    *,
    encoding: str,
    separator: str,
    has_header: bool,
    guess: GuessMapping = guess_columns,
) -> None:
    """Look at the file again with what the member says about it. Raises ImportProblem."""
    check_open(row)
    sniffed = sniff_file(find_upload(row), encoding=encoding, separator=separator, has_header=has_header)
    _take_shape(row, sniffed, guess)
    row.state = State.UPLOADED
    row.save(
        update_fields=["format", "encoding", "separator", "columns", "samples", "mapping", "options", "state"]
    )


@transaction.atomic
def set_mapping(row: ContactImport, mapping: Sequence[str], *, by: User, now: datetime) -> None:
    """Decide which column is what. Raises ImportProblem."""
    check_open(row)
    check_mapping(mapping, row.columns, list_attributes(row.account_id))
    row.mapping = list(mapping)
    row.state = State.UPLOADED
    row.save(update_fields=["mapping", "state"])


@transaction.atomic
def start_check(row: ContactImport, options: Options, *, by: User, now: datetime) -> None:
    """Keep what was decided and queue the dry run. Raises ImportProblem."""
    check_open(row)
    check_mapping(row.mapping, row.columns, list_attributes(row.account_id))
    row.options = replace(options, has_header=Options.from_json(row.options).has_header).to_json()
    title = _("Checking %(file)s") % {"file": row.file_name}
    queue_pass(row, State.CHECKING, task="contacts.check_import", title=title, total=None, by=by)


@transaction.atomic
def start_import(row: ContactImport, *, by: User, now: datetime) -> None:
    """Make the attributes that the mapping names anew, and queue the run. Raises ImportProblem, CatalogError."""
    if row.state != State.CHECKED:
        raise ImportProblem("not_checked", _("Check the file first, then start the import."))
    find_upload(row)
    row.mapping = create_missing_attributes(row.account_id, row.mapping, row.columns, by=by, now=now)
    title = _("Importing %(file)s") % {"file": row.file_name}
    queue_pass(row, State.RUNNING, task="contacts.run_import", title=title, total=row.row_count, by=by)
    record_audit(row.account_id, by=by, action="contacts.import_started", subject=row, options=row.options)


@transaction.atomic
def start_fetched_import(row: ContactImport, options: Options, *, lock: str, now: datetime) -> None:
    """Run a file that came by itself, mapped as the files before it: without a dry run, after those of the same lock.

    Raises ImportProblem.
    """
    check_mapping(row.mapping, row.columns, list_attributes(row.account_id))
    row.options = options.to_json()
    title = _("Importing %(file)s") % {"file": row.file_name}
    queue_pass(
        row, State.RUNNING, task="contacts.run_import", title=title, total=None, by=row.created_by, lock=lock
    )
    record_audit(row.account_id, by=None, action="contacts.import_started", subject=row, options=row.options)


def cancel_import(row: ContactImport, *, by: User, now: datetime) -> None:
    """Stop after the block under way; what is imported stays. An import that has not begun is dropped with its file."""
    if row.state in (State.CHECKING, State.RUNNING) and row.work is not None:
        request_cancel(row.work, now=now)
        row.work.refresh_from_db()
        if row.work.is_over:  # it was still in the queue
            back = State.UPLOADED if row.state == State.CHECKING else State.CANCELED
            _rows(row).filter(state=row.state).update(
                state=back, finished_at=now if back == State.CANCELED else None
            )
    elif row.state in OPEN:
        _rows(row).filter(state=row.state).update(state=State.CANCELED, finished_at=now)
        remove_upload(row)


def list_imports(account_id: int, *, subject: str = Subject.CONTACTS, limit: int = 50) -> list[ContactImport]:
    """Newest first."""
    rows = ContactImport.objects.for_account(account_id).filter(subject=subject)
    rows = rows.select_related("created_by", "work", "import_source")
    return list(rows.order_by("-created_at")[:limit])


def list_reject_reasons(row: ContactImport, *, limit: int = 20) -> list[RejectReason]:
    """The most frequent first."""
    from django.db import connections

    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT code, count(*), min(row), (array_agg(reason ORDER BY row))[1] FROM import_reject "
            "WHERE account_id = %s AND import_id = %s GROUP BY code ORDER BY 2 DESC, code LIMIT %s",
            [row.account_id, row.pk, limit],
        )
        found = [RejectReason(*one) for one in cursor.fetchall()]
    # Each row names the domain that was meant; all of them share the reason.
    return [
        replace(one, reason=explain_finding(Finding(one.code))) if one.code in FINDINGS else one
        for one in found
    ]


def clean_file_name(name: str) -> str:
    """The last part of what a browser sent, for showing only: it never becomes a path."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(letter for letter in last if letter.isprintable())[:255] or "contacts"


def _take_shape(row: ContactImport, sniffed: Sniffed, guess: GuessMapping) -> None:
    shape = sniffed.shape
    row.format, row.encoding, row.separator = shape.format, shape.encoding, shape.separator
    row.columns, row.samples = sniffed.columns, sniffed.samples[:SAMPLE_ROWS]
    row.options = {**(row.options or {}), "has_header": shape.has_header}
    row.mapping = guess(row, sniffed)


def check_open(row: ContactImport) -> None:
    """Raises ImportProblem when the import is under way, over, or without its file."""
    if row.state not in OPEN:
        raise ImportProblem(
            "under_way", _("This import is under way or over. Upload the file again for another one.")
        )
    find_upload(row)


def queue_pass(
    row: ContactImport,
    state: str,
    *,
    task: str,
    title: str,
    total: int | None,
    by: User | None,
    lock: str | None = None,
) -> None:
    """State, work and task in one transaction; the condition lets one of two clicks win. Tasks of one lock run one by one."""
    before = row.state
    work = queue_work(
        row.account_id, kind=task, title=title[:200], by=by, total=total, subject_id=row.public_id
    )
    values: dict[str, Any] = {
        "state": state,
        "work": work,
        "position": 0,
        "problem": "",
        "options": row.options,
        "mapping": row.mapping,
    }
    if not _rows(row).filter(state=before).update(**values):
        raise ImportProblem(
            "under_way", _("This import is under way or over. Upload the file again for another one.")
        )
    row.refresh_from_db()
    app.configure_task(task, queue="default", lock=lock).defer(account_id=row.account_id, import_id=row.pk)


def _rows(row: ContactImport) -> Any:
    return ContactImport.objects.for_account(row.account_id).filter(pk=row.pk)
