"""The way into an account for requests that come by the hundred a second: no thread and no ORM, a few trips to the database in all.

Measured with batches of a hundred events (`make bench-events`) against the threads of `auth.py`; those are right for everything that
is asked less often.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import psycopg
from litestar import Response
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout

from dynamail.accounts.api_keys import Scope, ask_for_account
from dynamail.api.auth import ApiRequest, Caller, admit, unavailable
from dynamail.api.key_cache import BEGIN, TAKE_ROLE
from dynamail.api.limits import Bucket
from dynamail.api.replaying import Claim, claim_in, read_claim, store_in
from dynamail.lib.asking import ask_at_once


@asynccontextmanager
async def enter_account(
    request: ApiRequest, scope: Scope, *, bucket: Bucket = Bucket.REQUESTS
) -> AsyncIterator[tuple[Caller, AsyncConnection[Any]]]:
    """One transaction that sees the rows of the caller's account alone; it commits at the end, before anything is answered.

    Raises what `auth.admit` raises. Read the request's body before: a slow sender would hold a connection.
    """
    caller = await admit(request, scope, bucket=bucket)
    try:
        async with request.app.state.doors.connection() as connection:
            await ask_at_once([BEGIN, TAKE_ROLE, ask_for_account(caller.account_id)], connection)
            yield caller, connection
            await connection.commit()
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
        raise unavailable() from error


async def claim_request(
    request: ApiRequest, body: bytes, caller: Caller, connection: AsyncConnection[Any]
) -> Claim | None:
    """Claim the request's Idempotency-Key, if it has one, at the beginning of its transaction. Raises Replayed, Problem (400, 409)."""
    claim = read_claim(request, body, caller.key, now=caller.now)
    if claim is not None:
        await claim_in(claim, connection)
    return claim


async def keep_answer(claim: Claim | None, answer: Response[Any], connection: AsyncConnection[Any]) -> None:
    """Store the answer with what the transaction did; its body becomes the octets that are stored."""
    if claim is not None:
        answer.content = msgspec.json.encode(answer.content)
        await store_in(claim, answer.status_code or 200, answer.content, connection)
