"""What a killed worker left behind goes to another one."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from django.db import connections
from procrastinate import App, PsycopgConnector

from dynamail.accounts.tasks import retry_stalled_jobs

JOB = (
    "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, queueing_lock, args, status, attempts) "
    "VALUES ('stalled-test', %s, 0, %s, '{}', %s::procrastinate_job_status, 0)"
)


@pytest.mark.django_db(transaction=True)
def test_a_twin_that_waits_already_holds_up_no_other_stalled_task() -> None:
    settings = connections["default"].get_connection_params()
    dsn = psycopg.conninfo.make_conninfo(
        **{key: settings[key] for key in ("host", "port", "user", "dbname") if settings.get(key)}
    )
    with psycopg.connect(dsn, autocommit=True) as connection:
        try:
            connection.execute(JOB, ["twins", "only one waits", "doing"])  # its worker is gone
            connection.execute(JOB, ["twins", "only one waits", "todo"])
            connection.execute(JOB, ["alone", None, "doing"])
            asyncio.run(_retry(dsn))
            rows = connection.execute(
                "SELECT task_name, status::text FROM procrastinate_jobs WHERE queue_name = 'stalled-test' ORDER BY id"
            ).fetchall()
        finally:
            connection.execute("DELETE FROM procrastinate_jobs WHERE queue_name = 'stalled-test'")
    assert rows == [("twins", "failed"), ("twins", "todo"), ("alone", "todo")]


async def _retry(dsn: str) -> None:
    app = App(connector=PsycopgConnector(conninfo=dsn))
    async with app.open_async():
        await retry_stalled_jobs(app.job_manager)
