"""Long work as a row: queued by a verb, reported on by its task, watched by pages.

Progress is written in short transactions of its own, so that a watcher sees it while the work's transaction is open.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dynamail.accounts.models import BackgroundWork, User

TRAY_LENGTH = 5  # pieces of work shown in the corner of a page
RECENT_LENGTH = 50


class WorkCanceled(Exception):
    """Someone asked to stop; raised between two steps."""


def queue_work(
    account_id: int, *, kind: str, title: str, by: User | None, total: int | None = None, subject_id: str = ""
) -> BackgroundWork:
    """The row for work that is about to be deferred in the same transaction."""
    return BackgroundWork.objects.add(
        account_id, kind=kind, title=title, created_by=by, total=total, subject_id=subject_id
    )


def start_work(work: BackgroundWork, *, now: datetime) -> bool:
    """Claim queued work; False when it was canceled before it began. Restarting interrupted work is allowed."""
    return bool(
        _rows(work)
        .filter(
            state__in=[BackgroundWork.State.QUEUED, BackgroundWork.State.RUNNING], cancel_requested_at=None
        )
        .update(state=BackgroundWork.State.RUNNING, started_at=now)
    )


def report_progress(work: BackgroundWork, *, done: int, total: int | None = None, message: str = "") -> None:
    """Write how far it is. Raises WorkCanceled when someone asked to stop."""
    values: dict[str, Any] = {"done": done, "message": message[:500]}
    if total is not None:
        values["total"] = total
    _rows(work).update(**values)
    if _rows(work).filter(cancel_requested_at__isnull=False).exists():
        raise WorkCanceled


def finish_work(work: BackgroundWork, *, now: datetime, message: str = "", **result: Any) -> None:
    _end(work, BackgroundWork.State.FINISHED, now, message, result)


def fail_work(work: BackgroundWork, *, now: datetime, message: str, **result: Any) -> None:
    _end(work, BackgroundWork.State.FAILED, now, message, result)


def mark_canceled(work: BackgroundWork, *, now: datetime, message: str = "", **result: Any) -> None:
    _end(work, BackgroundWork.State.CANCELED, now, message, result)


def request_cancel(work: BackgroundWork, *, now: datetime) -> bool:
    """Ask running work to stop at its next step; queued work is canceled at once."""
    if (
        _rows(work)
        .filter(state=BackgroundWork.State.QUEUED)
        .update(state=BackgroundWork.State.CANCELED, cancel_requested_at=now, finished_at=now)
    ):
        return True
    return bool(_rows(work).filter(state=BackgroundWork.State.RUNNING).update(cancel_requested_at=now))


def list_running_work(account_id: int) -> list[BackgroundWork]:
    """What waits or runs in an account, the latest first."""
    return list(
        BackgroundWork.objects.for_account(account_id)
        .filter(state__in=[BackgroundWork.State.QUEUED, BackgroundWork.State.RUNNING])
        .order_by("-created_at")[:TRAY_LENGTH]
    )


def list_recent_work(account_id: int) -> list[BackgroundWork]:
    """The latest pieces of work, running or over."""
    rows = BackgroundWork.objects.for_account(account_id).select_related("created_by")
    return list(rows.order_by("-created_at")[:RECENT_LENGTH])


def _end(work: BackgroundWork, state: str, now: datetime, message: str, result: dict[str, Any]) -> None:
    _rows(work).update(state=state, finished_at=now, message=message[:500], result=result)


def _rows(work: BackgroundWork) -> Any:
    return BackgroundWork.objects.for_account(work.account_id).filter(pk=work.pk)
