from __future__ import annotations

from typing import Any

from django.db import InterfaceError, OperationalError
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from dynamail.accounts.models import BackgroundWork
from dynamail.contacts.bulk import BulkAct, run_act
from dynamail.contacts.importing.running import check_import, run_import
from dynamail.contacts.importing.uploads import remove_old_uploads
from dynamail.contacts.importing_suppressions.running import run_suppression_import
from dynamail.contacts.models import ContactImport
from dynamail.contacts.queries import ContactFilter
from dynamail.contacts.undoing import run_undo
from dynamail.lib.clock import utc_now

# A database that went away comes back; each task goes on where it was.
AGAIN = RetryStrategy(
    max_attempts=30, wait=5, linear_wait=5, retry_exceptions={OperationalError, InterfaceError}
)


@app.task(name="contacts.check_import", queue="default", retry=AGAIN)
def check_import_file(*, account_id: int, import_id: int) -> None:
    check_import(_load_import(account_id, import_id), now=utc_now())


@app.task(name="contacts.run_import", queue="default", retry=AGAIN)
def run_import_file(*, account_id: int, import_id: int) -> None:
    run_import(_load_import(account_id, import_id), now=utc_now())


@app.task(name="contacts.run_suppression_import", queue="default", retry=AGAIN)
def run_suppression_file(*, account_id: int, import_id: int) -> None:
    run_suppression_import(_load_import(account_id, import_id), now=utc_now())


@app.task(name="contacts.run_act", queue="default", retry=AGAIN)
def run_bulk_act(
    *, account_id: int, work_id: int, wanted: dict[str, Any], act: str, subject_id: int | None
) -> None:
    work = BackgroundWork.objects.for_account(account_id).select_related("created_by").get(pk=work_id)
    run_act(work, ContactFilter.from_json(wanted), BulkAct(act, subject_id), now=utc_now())


@app.task(name="contacts.undo_act", queue="default", retry=AGAIN)
def undo_bulk_act(*, account_id: int, work_id: int, undone_id: int) -> None:
    works = BackgroundWork.objects.for_account(account_id)
    undo = works.select_related("created_by").get(pk=work_id)
    run_undo(undo, works.get(pk=undone_id), now=utc_now())


def _load_import(account_id: int, import_id: int) -> ContactImport:
    return (
        ContactImport.objects.for_account(account_id).select_related("work", "created_by").get(pk=import_id)
    )


@app.task(name="contacts.remove_old_uploads", queueing_lock="contacts.remove_old_uploads")
def remove_old_upload_files(timestamp: int | None = None) -> None:
    """Retention: uploaded files, samples and rejected rows are kept for seven days."""
    remove_old_uploads(utc_now())
