from __future__ import annotations

import logging

from procrastinate import exceptions
from procrastinate.contrib.django import app
from procrastinate.jobs import Status
from procrastinate.manager import JobManager

from dynamail.accounts.idempotency import forget_old_keys
from dynamail.accounts.request_log import forget_old_requests
from dynamail.lib.clock import utc_now

log = logging.getLogger(__name__)


@app.task(name="accounts.retry_stalled_work", queueing_lock="accounts.retry_stalled_work")
async def retry_stalled_work_task(timestamp: int | None = None) -> None:
    """Give the tasks of a worker that was killed to another one; each of our tasks goes on where it was."""
    await retry_stalled_jobs(app.job_manager)


@app.task(name="accounts.forget_requests", queueing_lock="accounts.forget_requests")
def forget_requests_task(timestamp: int | None = None) -> None:
    """Daily: the log of API requests keeps thirty days."""
    log.info("forgot %d API requests", forget_old_requests(now=utc_now()))


async def retry_stalled_jobs(jobs: JobManager) -> None:
    """One that cannot be given back holds up no other."""
    for job in await jobs.get_stalled_jobs():
        try:
            await jobs.retry_job(job)
        except exceptions.UniqueViolation:
            # A twin with the same queueing lock waits already, and will do what this one did not.
            await jobs.finish_job_by_id_async(job.id, status=Status.FAILED, delete_job=False)  # type: ignore[arg-type]
        except exceptions.ConnectorException as error:
            log.warning("The stalled task %s was not given back: %s", job.id, error)


@app.task(name="accounts.forget_idempotency_keys", queueing_lock="accounts.forget_idempotency_keys")
def forget_idempotency_keys_task(timestamp: int | None = None) -> None:
    """Answers that were kept for 24 hours."""
    forget_old_keys(now=utc_now())
