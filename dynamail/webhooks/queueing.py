"""Work for the background, by the names of its tasks."""

from __future__ import annotations

from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.types import TimeDeltaParams

GUARD_SECONDS = 5


def queue_follow() -> None:
    """Go on following; asked twice before it begins is once."""
    _queue("webhooks.follow")


def queue_guard() -> None:
    """Look soon whether anybody follows: a worker that was killed in its turn has queued no other."""
    _queue("webhooks.follow.guard", {"seconds": GUARD_SECONDS})


def _queue(queueing_lock: str, schedule_in: TimeDeltaParams | None = None) -> None:
    try:
        with transaction.atomic():  # a second row with the queueing lock fails: only this step is taken back
            app.configure_task(
                "webhooks.follow", queueing_lock=queueing_lock, schedule_in=schedule_in
            ).defer()
    except AlreadyEnqueued:
        pass


def queue_replay(account_id: int, work_id: int) -> None:
    app.configure_task("webhooks.replay", queue="default").defer(account_id=account_id, work_id=work_id)
