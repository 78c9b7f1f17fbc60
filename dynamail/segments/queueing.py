"""Work for the background, by the names of its tasks: those who save segments do not know those who look for members."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued


def queue_refresh(account_id: int, segment_id: int) -> None:
    """Have everybody looked at; asked twice before it begins is once. Of one segment no two run at once."""
    _queue("segments.refresh", segment_id, lock=name_refresh(segment_id), account_id=account_id)


def name_refresh(segment_id: int) -> str:
    """The lock of all tasks that look at everybody in a segment."""
    return f"segments.refresh.{segment_id}"


def queue_count(account_id: int, segment_id: int) -> None:
    """Have the size counted and its cost noted."""
    _queue("segments.count", segment_id, account_id=account_id)


def queue_follow() -> None:
    """Go on following the log; the one who asks is about to end."""
    _defer("segments.follow", "segments.follow")


def _queue(task: str, segment_id: int, *, lock: str | None = None, **arguments: Any) -> None:
    _defer(task, f"{task}.{segment_id}", lock=lock, segment_id=segment_id, **arguments)


def _defer(task: str, queueing_lock: str, *, lock: str | None = None, **arguments: Any) -> None:
    try:
        with transaction.atomic():  # a second row with the queueing lock fails: only this step is taken back
            app.configure_task(task, queue="default", queueing_lock=queueing_lock, lock=lock).defer(
                **arguments
            )
    except AlreadyEnqueued:
        pass
