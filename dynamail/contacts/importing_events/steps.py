"""From an upload of events to a queued run. What an import of contacts does alike stands in `importing/steps.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import User
from dynamail.contacts.importing import steps
from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.importing.sniffing import Sniffed
from dynamail.contacts.importing.uploads import find_upload
from dynamail.contacts.importing_events.columns import EventOptions, check_targets, guess_targets
from dynamail.contacts.models import ContactImport

EVENTS = ContactImport.Subject.EVENTS
State = ContactImport.State


def upload_events(
    account_id: int, chunks: Iterable[bytes], *, file_name: str, by: User, now: datetime
) -> ContactImport:
    """Store a file and look at it. Raises ImportProblem; then nothing is kept."""
    return steps.upload_file(
        account_id, chunks, file_name=file_name, by=by, now=now, subject=EVENTS, guess=_guess
    )


def read_events_anew(row: ContactImport, *, encoding: str, separator: str, has_header: bool) -> None:
    """Look at the file again with what the member says about it. Raises ImportProblem."""
    steps.read_anew(row, encoding=encoding, separator=separator, has_header=has_header, guess=_guess)


@transaction.atomic
def start_event_check(
    row: ContactImport, mapping: Sequence[str], options: EventOptions, *, by: User, now: datetime
) -> None:
    """Keep what was decided and queue the dry run. Raises ImportProblem."""
    steps.check_open(row)
    options = replace(options, event=options.event.strip())
    check_targets(mapping, row.columns, options)
    row.mapping = list(mapping)
    row.options = replace(options, has_header=EventOptions.from_json(row.options).has_header).to_json()
    title = _("Checking %(file)s") % {"file": row.file_name}
    steps.queue_pass(row, State.CHECKING, task="contacts.check_event_import", title=title, total=None, by=by)


@transaction.atomic
def start_event_import(row: ContactImport, *, by: User, now: datetime) -> None:
    """Queue the run. Raises ImportProblem."""
    if row.state != State.CHECKED:
        raise ImportProblem("not_checked", _("Check the file first, then start the import."))
    find_upload(row)
    title = _("Importing %(file)s") % {"file": row.file_name}
    steps.queue_pass(
        row, State.RUNNING, task="contacts.run_event_import", title=title, total=row.row_count, by=by
    )
    record_audit(row.account_id, by=by, action="events.import_started", subject=row, options=row.options)


@transaction.atomic
def reopen_event_import(row: ContactImport) -> None:
    """Back to the columns after a dry run. Raises ImportProblem."""
    steps.check_open(row)
    row.state = State.UPLOADED
    row.save(update_fields=["state"])


def list_event_imports(account_id: int, *, limit: int = 50) -> list[ContactImport]:
    """Newest first."""
    return steps.list_imports(account_id, subject=EVENTS, limit=limit)


def _guess(row: ContactImport, sniffed: Sniffed) -> list[str]:
    return guess_targets(sniffed.columns, sniffed.samples)
