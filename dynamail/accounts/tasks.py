from __future__ import annotations

from procrastinate.contrib.django import app


@app.task(name="accounts.retry_stalled_work", queueing_lock="accounts.retry_stalled_work")
async def retry_stalled_work_task(timestamp: int | None = None) -> None:
    """Give the tasks of a worker that was killed to another one; each of our tasks goes on where it was."""
    for job in await app.job_manager.get_stalled_jobs():
        await app.job_manager.retry_job(job)
