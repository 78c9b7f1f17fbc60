"""Who calls, what the key may do, and work for its account.

    @get("/things", guards=[needs_scope(Scope.READ_THINGS)])
    async def list_things(request: ApiRequest) -> …:
        return await in_account(request, lambda caller: find_things(caller.account_id))

A key travels as `Authorization: Bearer dm_live_…` (RFC 6750 §2.1) and nowhere else: in an address it would end up in logs. The
database is asked in threads of this module's own, so that a slow question holds up nobody but those who ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import translation
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from psycopg_pool import PoolTimeout

from dynamail.accounts.api_keys import Scope, hash_secret, is_well_formed, may_come_from
from dynamail.accounts.models import ApiKey
from dynamail.accounts.tenancy import account_scope
from dynamail.api.errors import Problem
from dynamail.api.key_cache import KnownKey
from dynamail.api.limits import Bucket, refuse_guessing, refuse_pace
from dynamail.api.replaying import HEADER, HeldTransaction, read_claim
from dynamail.api.visits import find_visit
from dynamail.lib.clock import utc_now

DATABASE_THREADS = 4  # each keeps a connection
REALM = 'Bearer realm="DynaMail"'

Answer = TypeVar("Answer")
ApiRequest = Request[Any, Any, Any]
Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]

_threads = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="api")


@dataclass(frozen=True)
class Caller:
    """The key behind a request, and the one moment in which the request is answered."""

    key: ApiKey
    now: datetime

    @property
    def account_id(self) -> int:
        return self.key.account_id


def needs_scope(*scopes: Scope) -> Guard:
    """Lets in who has a key that works and holds the scopes; the caller stands in `request.state.caller`. Raises what `admit` raises."""

    async def guard(connection: Connection, _handler: BaseRouteHandler) -> None:
        connection.state.caller = await admit(connection, *scopes)

    return guard


async def admit(
    connection: Connection,
    *scopes: Scope,
    secret: str | None = None,
    bucket: Bucket = Bucket.REQUESTS,
) -> Caller:
    """Who calls. The one way in for every door of the API; a door that has its secret from elsewhere hands it over.

    Raises Problem: 401 for a wrong key, 403 for an address, a policy or a scope, 429 for too many, 503 without the database.
    """
    now = utc_now()
    address = find_client_address(connection.scope)
    known = await _find_key(connection, secret or read_secret(connection.headers.get("authorization")), now)
    visit = find_visit(connection.scope)
    visit.key = known.key
    # Before the pace: who has somebody's key in a wrong place must not use up what its holder may ask.
    if known.networks and not may_come_from(known.networks, address):
        connection.app.state.limits.note_wrong_key(address)
        raise wrong_place(address)
    standing = connection.app.state.limits.take(bucket, known.key.pk)
    visit.headers.update(standing.write_headers())
    if standing.wait:
        raise refuse_pace(standing)
    if not known.has_accepted:
        raise not_accepted()
    for scope in scopes:
        if scope not in known.key.scopes:
            raise forbidden(scope)
    return Caller(known.key, now)


def charge_batch(request: ApiRequest, caller: Caller, number: int, bucket: Bucket) -> None:
    """A batch of `number` things costs more than the one request that let it in."""
    standing = request.app.state.limits.charge(bucket, caller.key.pk, number)
    find_visit(request.scope).headers.update(standing.write_headers())


def find_client_address(scope: Mapping[str, Any]) -> str:
    """Where the request comes from. The proxy's header is believed only where a proxy was declared."""
    client = scope.get("client")
    address = str(client[0]) if client else ""
    if settings.TRUST_PROXY:
        # The last entry is the one that our own proxy wrote; those before it are the client's claim.
        claims = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        if claims:
            address = str(claims[-1].decode("latin-1")).rsplit(",", 1)[-1].strip()
    return address


async def _find_key(connection: Connection, secret: str, now: datetime) -> KnownKey:
    state, address = connection.app.state, find_client_address(connection.scope)
    key_hash = hash_secret(secret)
    known: KnownKey | None = state.known_keys.find(key_hash)
    if known is not None:
        return known
    # A neighbor behind the same address who only guesses keeps nobody out whose key worked lately.
    if state.limits.has_guessed_enough(address) and not state.known_keys.has_worked(key_hash):
        raise refuse_guessing()
    if is_well_formed(secret):
        try:
            known = await state.known_keys.load(key_hash, now=now)
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise unavailable() from error
    if known is None:
        state.limits.note_wrong_key(address)
        raise wrong_key()
    return known


async def in_account(request: ApiRequest, verb: Callable[[Caller], Answer]) -> Answer:
    """Run a verb in a database thread, in one transaction that sees the rows of the caller's account alone.

    A POST with an Idempotency-Key is answered as it was before, or its answer is stored with what the verb does (`replaying.py`).
    """
    caller: Caller = request.state.caller

    def work() -> Answer:
        with account_scope(caller.account_id):
            return verb(caller)

    held = await _hold(request, caller)
    if held is None:
        return await _in_thread(work)
    try:
        return await held.run(lambda: verb(caller))
    except (OperationalError, InterfaceError) as error:
        raise unavailable() from error


async def _hold(request: ApiRequest, caller: Caller) -> HeldTransaction | None:
    """The transaction that waits for this request's answer; None for a request without an Idempotency-Key."""
    visit = find_visit(request.scope)
    if visit.held is None and request.method == "POST" and HEADER in request.headers:
        claim = read_claim(request, await request.body(), caller.key, now=caller.now)
        if claim is not None:
            visit.held = HeldTransaction(claim, _threads, _open_database)
            try:
                await visit.held.begin()
            except (OperationalError, InterfaceError) as error:
                raise unavailable() from error
    return visit.held if visit.held is not None and visit.held.is_open else None


async def _in_thread(work: Callable[[], Answer]) -> Answer:
    def run() -> Answer:
        try:
            with _open_database():
                return work()
        except (OperationalError, InterfaceError) as error:
            raise unavailable() from error

    return await asyncio.get_running_loop().run_in_executor(_threads, run)


@contextmanager
def _open_database() -> Iterator[None]:
    close_old_connections()  # as Django does around each page
    try:
        with translation.override("en"):
            yield
    finally:
        close_old_connections()


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


def wrong_place(address: str) -> Problem:
    detail = f"This API key may not be used from the address {address or 'that this request came from'}."
    return Problem(403, "ip_not_allowed", detail)


def not_accepted() -> Problem:
    detail = "Nobody of this account has accepted the privacy policy in force, so its API keys do not work."
    return Problem(403, "policy_not_accepted", detail)


def forbidden(scope: Scope) -> Problem:
    challenge = f'{REALM}, error="insufficient_scope", scope="{scope.value}"'
    detail = f"This API key lacks the scope {scope.value}. Create one that has it under Settings → API keys."
    return Problem(403, "missing_scope", detail, headers={"www-authenticate": challenge})
