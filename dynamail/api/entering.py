"""The way into an account for requests that come by the hundred a second: no thread and no ORM, a few trips to the database in all.

Measured with batches of a hundred events (`make bench-events`) against the threads of `auth.py`; those are right for everything that
is asked less often.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout

from dynamail.accounts.api_keys import (
    Scope,
    ask_for_key,
    ask_to_enter,
    hash_secret,
    is_well_formed,
    read_key,
)
from dynamail.accounts.tenancy import WEB_ROLE
from dynamail.api.auth import ApiRequest, Caller, forbidden, read_secret, unavailable, wrong_key
from dynamail.lib.asking import Ask, ask_at_once
from dynamail.lib.clock import utc_now

BEGIN = Ask("BEGIN")
TAKE_ROLE = Ask("SELECT set_config('role', %s, true)", [WEB_ROLE])


@asynccontextmanager
async def enter_account(
    request: ApiRequest, scope: Scope
) -> AsyncIterator[tuple[Caller, AsyncConnection[Any]]]:
    """One transaction that sees the rows of the caller's account alone; it commits at the end, before anything is answered.

    Raises Problem: 401, 403, 503. Read the request's body before: a slow sender would hold a connection.
    """
    secret = read_secret(request.headers.get("authorization"))
    if not is_well_formed(secret):
        raise wrong_key()
    now = utc_now()
    try:
        async with request.app.state.doors.connection() as connection:
            begun = [BEGIN, TAKE_ROLE, *ask_for_key(hash_secret(secret), now=now)]
            key = read_key((await ask_at_once(begun, connection))[-1])
            if key is None:
                raise wrong_key()
            if scope not in key.scopes:
                raise forbidden(scope)
            await ask_at_once(ask_to_enter(key, now=now), connection)
            yield Caller(key, now), connection
            await connection.commit()
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
        raise unavailable() from error
