from __future__ import annotations

from django.db import InterfaceError, OperationalError
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from dynamail.accounts.models import BackgroundWork
from dynamail.lib.clock import utc_now
from dynamail.webhooks.endpoints import is_followed
from dynamail.webhooks.following import follow_webhooks
from dynamail.webhooks.queueing import queue_follow, queue_guard
from dynamail.webhooks.replaying import run_replay
from dynamail.webhooks.retention import remove_old

# A database that went away comes back; each task goes on where it was.
AGAIN = RetryStrategy(
    max_attempts=30, wait=5, linear_wait=5, retry_exceptions={OperationalError, InterfaceError}
)


@app.task(name="webhooks.follow", queueing_lock="webhooks.follow")
def follow_webhooks_task(timestamp: int | None = None) -> None:
    """One turn, and the next one behind it; and a guard, which takes over where a worker was killed. The schedule begins when there is something to tell."""
    if is_followed():
        queue_guard()
    if follow_webhooks() is not None:
        queue_follow()


@app.task(name="webhooks.replay", queue="default", retry=AGAIN)
def replay_task(*, account_id: int, work_id: int) -> None:
    work = BackgroundWork.objects.for_account(account_id).select_related("created_by").get(pk=work_id)
    run_replay(work, now=utc_now())


@app.task(name="webhooks.remove_old", queueing_lock="webhooks.remove_old")
def remove_old_task(timestamp: int | None = None) -> None:
    remove_old(now=utc_now())
