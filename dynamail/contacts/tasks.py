from __future__ import annotations

from typing import Any

from django.db import InterfaceError, OperationalError
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from dynamail.accounts.models import Account, BackgroundWork
from dynamail.contacts.bulk import BulkAct, run_act
from dynamail.contacts.changing_types import NewType, run_change, run_check
from dynamail.contacts.fetching.rounds import fetch_source, start_due_sources
from dynamail.contacts.finding_duplicates import find_rule, run_merge_all, run_search
from dynamail.contacts.importing.running import check_import, run_import
from dynamail.contacts.importing.uploads import remove_old_uploads
from dynamail.contacts.importing_events.running import check_event_import, run_event_import
from dynamail.contacts.importing_suppressions.running import run_suppression_import
from dynamail.contacts.mail_domains import forget_old_domains
from dynamail.contacts.models import Attribute, ContactImport, ImportSource
from dynamail.contacts.queries import ContactFilter
from dynamail.contacts.refreshing import refresh_findings
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


@app.task(name="contacts.check_event_import", queue="default", retry=AGAIN)
def check_event_file(*, account_id: int, import_id: int) -> None:
    check_event_import(_load_import(account_id, import_id), now=utc_now())


@app.task(name="contacts.run_event_import", queue="default", retry=AGAIN)
def run_event_file(*, account_id: int, import_id: int) -> None:
    run_event_import(_load_import(account_id, import_id), now=utc_now())


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


@app.task(name="contacts.find_duplicates", queue="default", retry=AGAIN)
def find_duplicate_pairs(*, account_id: int, work_id: int, rule: str) -> None:
    work = BackgroundWork.objects.for_account(account_id).get(pk=work_id)
    run_search(work, find_rule(account_id, rule), now=utc_now())


@app.task(name="contacts.merge_duplicates", queue="default", retry=AGAIN)
def merge_duplicate_pairs(*, account_id: int, work_id: int, rule: str) -> None:
    work = BackgroundWork.objects.for_account(account_id).select_related("created_by").get(pk=work_id)
    run_merge_all(work, find_rule(account_id, rule), now=utc_now())


@app.task(name="contacts.check_type", queue="default", retry=AGAIN)
def check_new_type(
    *, account_id: int, work_id: int, attribute_id: int, type: str, choices: list[str]
) -> None:
    work, attribute = _load_type_change(account_id, work_id, attribute_id)
    run_check(work, attribute, NewType(type, tuple(choices)), now=utc_now())


@app.task(name="contacts.change_type", queue="default", retry=AGAIN)
def change_to_new_type(
    *, account_id: int, work_id: int, attribute_id: int, type: str, choices: list[str]
) -> None:
    work, attribute = _load_type_change(account_id, work_id, attribute_id)
    run_change(work, attribute, NewType(type, tuple(choices)), now=utc_now())


def _load_type_change(account_id: int, work_id: int, attribute_id: int) -> tuple[BackgroundWork, Attribute]:
    works = BackgroundWork.objects.for_account(account_id).select_related("created_by")
    return works.get(pk=work_id), Attribute.objects.for_account(account_id).get(pk=attribute_id)


def _load_import(account_id: int, import_id: int) -> ContactImport:
    return (
        ContactImport.objects.for_account(account_id).select_related("work", "created_by").get(pk=import_id)
    )


@app.task(name="contacts.fetch_due_sources", queueing_lock="contacts.fetch_due_sources")
def fetch_due_sources_task(timestamp: int | None = None) -> None:
    start_due_sources(now=utc_now())


@app.task(name="contacts.fetch_source", queue="default", retry=AGAIN)
def fetch_source_task(*, account_id: int, source_id: int, first: bool = False) -> None:
    sources = ImportSource.objects.for_account(account_id).select_related("created_by")
    source = sources.filter(pk=source_id).first()
    if source is not None:
        fetch_source(source, now=utc_now(), first=first)


@app.task(name="contacts.refresh_findings", queueing_lock="contacts.refresh_findings", retry=AGAIN)
def refresh_findings_task(timestamp: int | None = None) -> None:
    """The lists that addresses are checked against grow with each release."""
    for account in Account.objects.all():
        refresh_findings(account.pk)


@app.task(name="contacts.remove_old_uploads", queueing_lock="contacts.remove_old_uploads")
def remove_old_upload_files(timestamp: int | None = None) -> None:
    """Retention: uploaded files, samples and rejected rows are kept for seven days."""
    remove_old_uploads(utc_now())
    forget_old_domains(utc_now())
