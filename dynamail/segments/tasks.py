from __future__ import annotations

from typing import Any

from django.db import InterfaceError, OperationalError
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from dynamail.accounts.models import BackgroundWork
from dynamail.contacts.bulk import BulkAct
from dynamail.contacts.queries import ContactFilter
from dynamail.lib.clock import utc_now
from dynamail.segments.acting import run_act_where
from dynamail.segments.exporting import remove_old_exports, run_export
from dynamail.segments.following import follow_logs
from dynamail.segments.indexing import maintain_indexes
from dynamail.segments.membership import list_due, refresh_whole
from dynamail.segments.queueing import queue_follow, queue_refresh
from dynamail.segments.rechecking import run_recheck
from dynamail.segments.recounting import recount_segment

# A database that went away comes back; each task goes on where it was.
AGAIN = RetryStrategy(
    max_attempts=30, wait=5, linear_wait=5, retry_exceptions={OperationalError, InterfaceError}
)


@app.task(name="segments.follow", queueing_lock="segments.follow")
def follow_logs_task(timestamp: int | None = None) -> None:
    """One turn, and the next one behind it. The schedule begins anew where a worker was killed."""
    if follow_logs() is not None:
        queue_follow()


@app.task(name="segments.refresh_due", queueing_lock="segments.refresh_due")
def refresh_due_task(timestamp: int | None = None) -> None:
    for account_id, segment_id in list_due(now=utc_now()):
        queue_refresh(account_id, segment_id)


@app.task(name="segments.refresh", queue="default", retry=AGAIN)
def refresh_task(*, account_id: int, segment_id: int) -> None:
    refresh_whole(account_id, segment_id, now=utc_now())


@app.task(name="segments.count", queue="default", retry=AGAIN)
def count_task(*, account_id: int, segment_id: int) -> None:
    recount_segment(account_id, segment_id, now=utc_now())


@app.task(name="segments.run_act", queue="default", retry=AGAIN)
def run_bulk_act(
    *,
    account_id: int,
    work_id: int,
    wanted: dict[str, Any],
    act: str,
    subject_id: int | None,
    condition: dict[str, Any],
) -> None:
    """Like contacts.run_act, for those who also fit a condition."""
    work = BackgroundWork.objects.for_account(account_id).select_related("created_by").get(pk=work_id)
    chosen = ContactFilter.from_json(wanted)
    run_act_where(work, chosen, condition, BulkAct(act, subject_id), now=utc_now())


@app.task(name="segments.recheck", queue="default", retry=AGAIN)
def recheck_task(*, account_id: int, work_id: int, segment_id: int) -> None:
    """What a member asked for, with progress."""
    work = BackgroundWork.objects.for_account(account_id).get(pk=work_id)
    run_recheck(work, segment_id, now=utc_now())


@app.task(name="segments.run_export", queue="default", retry=AGAIN)
def export_task(*, account_id: int, work_id: int) -> None:
    run_export(BackgroundWork.objects.for_account(account_id).get(pk=work_id), now=utc_now())


@app.task(name="segments.remove_old_exports", queueing_lock="segments.remove_old_exports")
def remove_old_exports_task(timestamp: int | None = None) -> None:
    remove_old_exports(utc_now())


@app.task(name="segments.maintain_indexes", queueing_lock="segments.maintain_indexes")
def maintain_indexes_task(timestamp: int | None = None) -> None:
    maintain_indexes()
