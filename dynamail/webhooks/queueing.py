"""Work for the background, by the names of its tasks."""

from __future__ import annotations

from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued


def queue_follow() -> None:
    """Go on following; asked twice before it begins is once."""
    try:
        with transaction.atomic():  # a second row with the queueing lock fails: only this step is taken back
            app.configure_task("webhooks.follow", queueing_lock="webhooks.follow").defer()
    except AlreadyEnqueued:
        pass


def queue_replay(account_id: int, work_id: int) -> None:
    app.configure_task("webhooks.replay", queue="default").defer(account_id=account_id, work_id=work_id)
