"""Who calls, what the key may do, and work for its account.

    @get("/things", guards=[needs_scope(Scope.READ_THINGS)])
    async def list_things(request: ApiRequest) -> …:
        return await in_account(request, lambda caller: find_things(caller.account_id))

A key travels as `Authorization: Bearer dm_live_…` (RFC 6750 §2.1) and nowhere else: in an address it would end up in logs. The
database is asked in threads of this module's own, so that a slow question holds up nobody but those who ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import translation
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from dynamail.accounts.api_keys import Scope, find_api_key
from dynamail.accounts.models import ApiKey
from dynamail.accounts.tenancy import account_scope
from dynamail.api.errors import Problem
from dynamail.lib.clock import utc_now

DATABASE_THREADS = 4  # each keeps a connection
REALM = 'Bearer realm="DynaMail"'

Answer = TypeVar("Answer")
ApiRequest = Request[Any, Any, Any]
Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]

_threads = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="api")


@dataclass(frozen=True)
class Caller:
    """The key behind a request, and the one moment in which the request is answered."""

    key: ApiKey
    now: datetime

    @property
    def account_id(self) -> int:
        return self.key.account_id


def needs_scope(scope: Scope) -> Guard:
    """Lets in who has a key that works and holds the scope; the caller stands in `request.state.caller`. 401, 403."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        secret = read_secret(connection.headers.get("authorization"))
        now = utc_now()
        key = await _in_thread(lambda: find_api_key(secret, now=now))
        if key is None:
            raise wrong_key()
        if scope not in key.scopes:
            raise forbidden(scope)
        connection.state.caller = Caller(key, now)

    return guard


async def in_account(request: ApiRequest, verb: Callable[[Caller], Answer]) -> Answer:
    """Run a verb in a database thread, in one transaction that sees the rows of the caller's account alone."""
    caller: Caller = request.state.caller

    def work() -> Answer:
        with account_scope(caller.account_id):
            return verb(caller)

    return await _in_thread(work)


async def _in_thread(work: Callable[[], Answer]) -> Answer:
    def run() -> Answer:
        close_old_connections()  # as Django does around each page
        try:
            with translation.override("en"):
                return work()
        except (OperationalError, InterfaceError) as error:
            raise unavailable() from error
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_threads, run)


def read_secret(header: str | None) -> str:
    scheme, _space, secret = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise unauthenticated("Send your API key in the header: Authorization: Bearer dm_live_…")
    return secret.strip()


def wrong_key() -> Problem:
    return unauthenticated("This API key is wrong, revoked or expired.", ', error="invalid_token"')


def unavailable() -> Problem:
    detail = "The database does not answer at the moment. Nothing was changed; try again."
    return Problem(503, "unavailable", detail, headers={"retry-after": "5"})


def unauthenticated(detail: str, error: str = "") -> Problem:
    return Problem(401, "unauthenticated", detail, headers={"www-authenticate": REALM + error})


def forbidden(scope: Scope) -> Problem:
    challenge = f'{REALM}, error="insufficient_scope", scope="{scope.value}"'
    detail = f"This API key lacks the scope {scope.value}. Create one that has it under Settings → API keys."
    return Problem(403, "missing_scope", detail, headers={"www-authenticate": challenge})
