from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from dynamail.accounts.models import Account
from dynamail.campaigns.models import Campaign
from dynamail.consent.models import Topic
from dynamail.events.models import RollupHour
from dynamail.tracking.pool import make_pool
from tests.support.people import make_topic
from tests.support.personas import NOW

T = TypeVar("T")


@pytest.fixture(autouse=True)
def empty_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """The log is no managed table: the flush between tests leaves it alone."""
    yield
    if "transactional_db" in request.fixturenames:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE event, activity, message, email, email_body")


def database_dsn() -> str:
    parameters = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    return make_conninfo(**{name: parameters[name] for name in names if parameters.get(name)})


def with_pool(work: Callable[[AsyncConnectionPool], Awaitable[T]]) -> T:
    """Run asynchronous work with connections to the test database, under the workers' role."""

    async def run() -> T:
        pool = make_pool(database_dsn(), size=2)
        await pool.open()
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


def make_campaign(account: Account, topic: Topic, **values: Any) -> Campaign:
    return Campaign.objects.add(account, name="Spring", topic=topic, updated_at=NOW, **values)


def counters(account: Account) -> dict[str, int]:
    """All counters of an account that are not zero."""
    totals: dict[str, int] = {}
    for row in RollupHour.objects.for_account(account):
        totals[row.kind] = totals.get(row.kind, 0) + row.n
    return totals


@pytest.fixture
def hits_dir(tmp_path: Path) -> Path:
    return tmp_path / "hits"


@pytest.fixture
def topic(account: Account) -> Topic:
    """A topic that tracks persons."""
    return make_topic(account, tracking="individual")


@pytest.fixture
def campaign(account: Account, topic: Topic) -> Campaign:
    return make_campaign(account, topic)
