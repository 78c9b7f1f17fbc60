"""From an upload of suppressions to a queued run. What an import of contacts does alike stands in `importing/steps.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import User
from dynamail.contacts.importing import steps
from dynamail.contacts.importing.sniffing import Sniffed
from dynamail.contacts.importing_suppressions.columns import (
    Defaults,
    check_targets,
    guess_reason,
    guess_targets,
)
from dynamail.contacts.models import ContactImport

SUPPRESSIONS = ContactImport.Subject.SUPPRESSIONS


def upload_suppressions(
    account_id: int, chunks: Iterable[bytes], *, file_name: str, by: User, now: datetime
) -> ContactImport:
    """Store a file and look at it. Raises ImportProblem; then nothing is kept."""
    return steps.upload_file(
        account_id, chunks, file_name=file_name, by=by, now=now, subject=SUPPRESSIONS, guess=_guess
    )


def read_suppressions_anew(row: ContactImport, *, encoding: str, separator: str, has_header: bool) -> None:
    """Look at the file again with what the member says about it. Raises ImportProblem."""
    steps.read_anew(row, encoding=encoding, separator=separator, has_header=has_header, guess=_guess)


@transaction.atomic
def start_suppression_import(
    row: ContactImport, mapping: Sequence[str], defaults: Defaults, *, by: User, now: datetime
) -> None:
    """Keep what was decided and queue the run. Raises ImportProblem."""
    steps.check_open(row)
    check_targets(mapping, row.columns)
    row.mapping = list(mapping)
    row.options = replace(defaults, has_header=Defaults.from_json(row.options).has_header).to_json()
    title = _("Importing %(file)s") % {"file": row.file_name}
    task = "contacts.run_suppression_import"
    steps.queue_pass(row, ContactImport.State.RUNNING, task=task, title=title, total=None, by=by)
    record_audit(
        row.account_id, by=by, action="suppressions.import_started", subject=row, options=row.options
    )


def list_suppression_imports(account_id: int, *, limit: int = 50) -> list[ContactImport]:
    """Newest first."""
    return steps.list_imports(account_id, subject=SUPPRESSIONS, limit=limit)


def _guess(row: ContactImport, sniffed: Sniffed) -> list[str]:
    row.options = {**row.options, "reason": guess_reason(row.file_name, sniffed.columns)}
    return guess_targets(sniffed.columns, sniffed.samples)
