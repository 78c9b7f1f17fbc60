"""The API answers from threads with connections of their own, so what it is to see must be committed: a database of its own, in which
each test has accounts of its own."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.db import connections
from litestar import Litestar
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dynamail.accounts.api_keys import Scope, create_api_key
from dynamail.accounts.models import Account, Member
from dynamail.api.app import create_api
from dynamail.lib.clock import utc_now
from dynamail.tracking.pool import make_pool
from tests.support.asgi import Answer, call
from tests.support.personas import make_account, make_user
from tests.support.scratch_database import scratch_database


@pytest.fixture(scope="session")
def committed_database() -> Iterator[str]:
    with scratch_database(os.environ["DATABASE_URL"]) as url:
        yield str(conninfo_to_dict(url)["dbname"])


@dataclass
class FreshConnections:
    """In place of a pool, which belongs to one event loop: each request of a test has a loop of its own."""

    dsn: str

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        async with await AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            yield connection


def database_dsn(name: str) -> str:
    return make_conninfo(os.environ["DATABASE_URL"], dbname=name)


@dataclass
class Shop:
    """An account and its programs."""

    app: Litestar
    account: Account
    owner: Member

    def make_key(self, *scopes: Scope, **values: Any) -> str:
        return create_api_key(
            self.account.pk, name="Shop", scopes=list(scopes), by=self.owner, now=utc_now(), **values
        )[1]

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request with a key that may do everything, or with the one given. `body` is JSON, or bytes as they are."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        names = {"content-length": str(len(raw)), "content-type": "application/json", **(headers or {})}
        if key != "":
            names["authorization"] = f"Bearer {key or self.key}"
        return async_to_sync(call)(self.app, method, path, names, raw)

    @property
    def key(self) -> str:
        if not hasattr(self, "_key"):
            self._key = self.make_key(*Scope)
        return self._key


@pytest.fixture
def shops(committed_database: str, django_db_blocker: Any) -> Iterator[tuple[Shop, Shop]]:
    """Two accounts: Alice's, and Charlie's, who has no access to hers."""
    doors: Any = FreshConnections(database_dsn(committed_database))
    app = create_api(make_pool("postgresql://nobody@127.0.0.1:1/none"), doors)
    with django_db_blocker.unblock():
        django = connections["default"]
        django.close()
        kept = dict(django.settings_dict)
        django.settings_dict |= {"NAME": committed_database, "CONN_MAX_AGE": 0}
        try:
            yield _open_shop(app, "alice"), _open_shop(app, "charlie")
        finally:
            django.close()
            django.settings_dict.update(kept)


@pytest.fixture
def shop(shops: tuple[Shop, Shop]) -> Shop:
    return shops[0]


def _open_shop(app: Litestar, name: str) -> Shop:
    account = make_account(name, owner=make_user(f"{name}-{uuid4().hex}@acme.example"))
    return Shop(app, account, Member.objects.for_account(account).select_related("user").get())


def body_of(answer: Answer, status: int = 200) -> Any:
    assert answer.status == status, answer.body
    return json.loads(answer.body)


def problem_of(answer: Answer, status: int) -> dict[str, Any]:
    """The body of a refusal, in the one shape that errors have."""
    body: dict[str, Any] = body_of(answer, status)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert body["status"] == status
    assert {"type", "title", "code", "detail"} <= body.keys()
    return body
