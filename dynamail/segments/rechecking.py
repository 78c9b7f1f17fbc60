"""Looking at everybody again because a member asked for it: work whose progress pages show."""

from __future__ import annotations

from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from dynamail.accounts.background import (
    WorkCanceled,
    fail_work,
    finish_work,
    mark_canceled,
    queue_work,
    report_progress,
    start_work,
)
from dynamail.accounts.models import BackgroundWork, User
from dynamail.accounts.tenancy import account_scope
from dynamail.segments.membership import refresh_whole
from dynamail.segments.models import Segment
from dynamail.segments.queueing import name_refresh
from dynamail.segments.recounting import recount_segment

KIND = "segments.recheck"
STEPS = 2  # count, then look who joined and left


@transaction.atomic
def queue_recheck(segment: Segment, *, by: User) -> BackgroundWork:
    """Row and task in the caller's transaction. Asked again while it runs, it is the same work."""
    if (running := find_recheck(segment)) is not None:
        return running
    title = _("Looking at everybody: %s") % segment.name
    work = queue_work(
        segment.account_id, kind=KIND, title=title[:200], by=by, total=STEPS, subject_id=segment.public_id
    )
    app.configure_task(KIND, queue="default", lock=name_refresh(segment.pk)).defer(
        account_id=segment.account_id, work_id=work.pk, segment_id=segment.pk
    )
    return work


def find_recheck(segment: Segment) -> BackgroundWork | None:
    """The work that waits or runs for a segment."""
    rows = BackgroundWork.objects.for_account(segment.account_id).filter(
        kind=KIND, subject_id=segment.public_id
    )
    open_states = (BackgroundWork.State.QUEUED, BackgroundWork.State.RUNNING)
    return rows.filter(state__in=open_states).order_by("-created_at").first()


def run_recheck(work: BackgroundWork, segment_id: int, *, now: datetime) -> None:
    """Count it, then settle who joined and left. What was settled before a cancel stays so."""
    if not start_work(work, now=now):
        return
    try:
        problem = _recheck(work, segment_id, now)
    except WorkCanceled:
        mark_canceled(work, now=now)
    except (OperationalError, InterfaceError):
        raise  # the database went away: the task is tried again
    except Exception:
        fail_work(
            work,
            now=now,
            message=_("Looking at everybody stopped because of an error in this service. Try it again."),
        )
        raise
    else:
        finish_work(work, now=now, message=problem)


def _recheck(work: BackgroundWork, segment_id: int, now: datetime) -> str:
    """Returns what is wrong with the segment. Raises WorkCanceled."""
    recount_segment(work.account_id, segment_id, now=now)
    report_progress(work, done=1)
    refresh_whole(work.account_id, segment_id, now=now)
    report_progress(work, done=STEPS)
    with account_scope(work.account_id):
        rows = Segment.objects.for_account(work.account_id).filter(pk=segment_id)
        return rows.values_list("problem", flat=True).first() or ""
