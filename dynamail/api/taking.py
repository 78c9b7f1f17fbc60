"""Emails on their way from a request into the database, for every door that speaks HTTP.

Requests of one account that come at the same time share a transaction: one pass over the rules, one INSERT a table and one COMMIT
serve all that wait. Nobody is answered before that COMMIT, and one email that cannot be sent keeps no neighbor out. Accounts do not
wait for each other; batches, and requests with large bodies, go by themselves.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

import msgspec
import psycopg
from psycopg.errors import DeadlockDetected, UniqueViolation
from psycopg_pool import PoolTimeout

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.idempotency import (
    KeyReused,
    KnownKeys,
    StoredAnswer,
    ask_to_keep,
    find_keys,
    hash_request,
)
from dynamail.accounts.models import ApiKey
from dynamail.accounts.tenancy import WEB_ROLE
from dynamail.api.auth import ApiRequest, Caller, admit, charge_batch, unavailable
from dynamail.api.errors import Problem
from dynamail.api.key_cache import BEGIN
from dynamail.api.limits import Bucket
from dynamail.api.replaying import HEADER, take_key
from dynamail.api.visits import note_subject
from dynamail.lib.asking import Ask, Inquiry, ask_first, ask_together, pipeline_inquiry
from dynamail.lib.clock import utc_now
from dynamail.messages.emails import TOO_MUCH, plan_emails
from dynamail.messages.models import SourceKind
from dynamail.messages.new_email import AcceptedEmail, AcceptResult, NewEmail, RefusedEmail

MOST_AT_ONCE = 200  # requests that share a transaction
LARGE_BODY = 256 * 1024  # octets; such a request would make its neighbors wait
MOST_SERVING, MANY = 2, 16  # tasks that serve a line; the second begins when so many wait
MOST_RETRIES = 2
# With arrays of any length PostgreSQL would plan each statement anew each time, which takes longer than running it.
ENTER = (
    "SELECT set_config('role', %s, true), set_config('dynamail.account_id', %s, true), "
    "set_config('plan_cache_mode', 'force_generic_plan', true)"
)
COMMIT = Ask("COMMIT")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of each email, in order. `replayed`: the answer that this request got before, under its key."""

    key: ApiKey
    results: list[AcceptResult]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """The caller's Idempotency-Key, and what tells this request from others."""

    key: str
    body_hash: bytes


@dataclass(eq=False, slots=True)
class Order:
    """One request that waits for its emails to be taken."""

    emails: Sequence[NewEmail]
    key: ApiKey
    source_kind: SourceKind
    claim: Claim | None
    together: bool = False
    answer: asyncio.Future[Outcome] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    results: list[AcceptResult]
    replayed: bool = False


class _TooMuchTogether(Exception):
    """Requests that share a transaction say more than one may: each is taken alone."""


class _Stored(msgspec.Struct):
    """A result as it is kept for a repeated request."""

    accepted: AcceptedEmail | None = None
    refused: RefusedEmail | None = None


_decode_stored = msgspec.json.Decoder(list[_Stored]).decode


async def take_emails(
    request: ApiRequest,
    emails: Sequence[NewEmail],
    *,
    scope: Scope = Scope.SEND_MESSAGES,
    secret: str | None = None,
    caller: Caller | None = None,
    idempotency_key: str = "",
    source_kind: SourceKind = SourceKind.API,
    together: bool = False,
) -> Taken:
    """Let the caller in and take the emails; they are committed when this returns. A result for each, in order.

    `secret` is for doors that do not read it from Authorization; `caller` is one whom the door has let in already. With `together`, one that is refused keeps all others out. Raises
    what `auth.admit` raises, 400 for a malformed idempotency key, 409 for one that belongs to another request, 503 without the database.
    """
    caller = caller or await admit(request, scope, secret=secret, bucket=Bucket.EMAILS)
    if not emails:
        return Taken(caller.key, [])
    body = await request.body()
    claim = _read_claim(request, body, idempotency_key, caller.key) if idempotency_key else None
    if len(emails) > 1:
        charge_batch(request, caller, len(emails) - 1, Bucket.EMAILS)
    order = Order(emails, caller.key, source_kind, claim, together)
    outcome = await request.app.state.intake.take(order, alone=len(body) > LARGE_BODY)
    if len(emails) == 1 and isinstance(outcome.results[0], AcceptedEmail):
        note_subject(request.scope, outcome.results[0].id)
    return Taken(caller.key, outcome.results, outcome.replayed)


def read_key(request: ApiRequest) -> str:
    """The caller's Idempotency-Key, "" without one. Raises Problem (400): who sends an empty one believes to have a key."""
    text = request.headers.get(HEADER)
    return take_key(text, is_test=False) if text == "" else text or ""


def _read_claim(request: ApiRequest, body: bytes, text: str, api_key: ApiKey) -> Claim:
    key = take_key(text, is_test=api_key.is_test)
    return Claim(key, hash_request(request.method, request.scope["path"], body))


class Intake:
    """The lines of requests that wait, one an account, in this process. `pool` gives connections of the doors."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._lines: dict[int, deque[Order]] = {}
        self._tasks: dict[int, list[asyncio.Task[None]]] = {}

    async def take(self, order: Order, *, alone: bool = False) -> Outcome:
        """Raises Problem."""
        account_id = order.key.account_id
        if alone or order.together or len(order.emails) > 1:
            await self._settle(account_id, [order])
        else:
            self._lines.setdefault(account_id, deque()).append(order)
            self._serve(account_id)
        return await order.answer

    def _serve(self, account_id: int) -> None:
        """One task serves a line until nobody waits, and another while many wait: one thinks while the other's statements run."""
        loop, line = asyncio.get_running_loop(), self._lines[account_id]
        tasks = self._tasks.setdefault(account_id, [])
        tasks[:] = [task for task in tasks if not task.done() and task.get_loop() is loop]
        if not tasks or (len(tasks) < MOST_SERVING and len(line) >= MANY):
            tasks.append(loop.create_task(self._work_off(account_id)))

    async def _work_off(self, account_id: int) -> None:
        tasks = self._tasks[account_id]
        while (line := self._lines.get(account_id)) and (len(tasks) == 1 or len(line) >= MANY):
            orders = [line.popleft() for _place in range(min(len(line), MOST_AT_ONCE))]
            if not line:
                del self._lines[account_id]
            await self._settle(account_id, orders)
        tasks[:] = [task for task in tasks if task is not asyncio.current_task()]
        if not tasks:
            del self._tasks[account_id]

    async def _settle(self, account_id: int, orders: Sequence[Order]) -> None:
        """Each order gets its answer, whatever happens. What fails for a reason of one request is tried again for each alone."""
        try:
            outcomes = await self._take_together(account_id, orders)
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
            log.exception("Emails could not be taken: the database does not answer")
            outcomes = [unavailable() for _order in orders]
        except Exception as error:
            if len(orders) > 1:
                for order in orders:
                    await self._settle(account_id, [order])
                return
            outcomes = [error]
        for order, outcome in zip(orders, outcomes, strict=True):
            if order.answer.done():
                continue  # the caller hung up
            if isinstance(outcome, Outcome):
                order.answer.set_result(outcome)
            else:
                order.answer.set_exception(outcome)

    async def _take_together(self, account_id: int, orders: Sequence[Order]) -> Sequence[Outcome | Exception]:
        for _attempt in range(MOST_RETRIES):
            try:
                return await self._transact(account_id, orders)
            except (DeadlockDetected, UniqueViolation):
                continue  # the other side has gone on; a key that it committed is found now
        return await self._transact(account_id, orders)

    async def _transact(self, account_id: int, orders: Sequence[Order]) -> Sequence[Outcome | Exception]:
        """Two trips: what is known, and what is to be written with the COMMIT."""
        begin = [BEGIN, Ask(ENTER, [WEB_ROLE, str(account_id)])]
        async with self._pool.connection() as connection:
            return await pipeline_inquiry(ask_first(begin, take_orders(account_id, orders)), connection)


def take_orders(account_id: int, orders: Sequence[Order]) -> Inquiry[list[Outcome | Exception]]:
    """The work of one transaction, and its COMMIT: an outcome for each request, in order."""
    now = utc_now()
    first: dict[str, Order] = {}
    for order in orders:
        if order.claim is not None:
            first.setdefault(order.claim.key, order)
    leaders = [order for order in orders if order.claim is None or first[order.claim.key] is order]
    plan = _plan(account_id, leaders, now)
    if first:
        known, (settled, asks) = yield from ask_together(find_keys(account_id, first, now=now), plan)
    else:
        known, (settled, asks) = KnownKeys({}, ()), (yield from plan)
    if known.answers:  # of some the plan is not wanted: they were sent before
        work = [order for order in leaders if order.claim is None or order.claim.key not in known.answers]
        settled, asks = yield from _plan(account_id, work, now)
    kept = _choose_answers(first.values(), settled)
    if kept:
        asks += ask_to_keep(account_id, kept, old=[key for key in known.old if key in kept], now=now)
    yield [*asks, COMMIT]
    return [settled[order] if order in settled else _repeat(order, first, settled, known) for order in orders]


def _plan(
    account_id: int, orders: Sequence[Order], now: datetime
) -> Inquiry[tuple[dict[Order, Outcome | Exception], list[Ask]]]:
    """Requests by the same key are one batch."""
    settled: dict[Order, Outcome | Exception] = {}
    asks: list[Ask] = []
    in_order = sorted(orders, key=_group)
    for _key, group in groupby(in_order, key=_group):
        members = list(group)
        plan = yield from plan_emails(
            account_id,
            [email for order in members for email in order.emails],
            source_kind=members[0].source_kind,
            key=members[0].key,
            now=now,
            together=members[0].together,
        )
        if len(orders) > 1 and any(map(_is_too_much, plan.results)):
            raise _TooMuchTogether
        coming = iter(plan.results)
        for order in members:
            settled[order] = Outcome([next(coming) for _email in order.emails])
        asks += plan.asks
    return settled, asks


def _is_too_much(result: AcceptResult) -> bool:
    return isinstance(result, RefusedEmail) and any(fault.code == TOO_MUCH for fault in result.faults)


def _group(order: Order) -> tuple[int, str, bool]:
    return order.key.pk, order.source_kind.value, order.together


def _choose_answers(
    orders: Iterable[Order], settled: dict[Order, Outcome | Exception]
) -> dict[str, tuple[bytes, StoredAnswer]]:
    """What was done is answered again; a request of which nothing was taken may be corrected and sent under the same key."""
    kept: dict[str, tuple[bytes, StoredAnswer]] = {}
    for order in orders:
        outcome = settled.get(order)
        if order.claim is None or not isinstance(outcome, Outcome):
            continue
        if any(isinstance(one, AcceptedEmail) for one in outcome.results):
            kept[order.claim.key] = order.claim.body_hash, _write_stored(outcome.results)
    return kept


def _repeat(
    order: Order, first: dict[str, Order], settled: dict[Order, Outcome | Exception], known: KnownKeys
) -> Outcome | Exception:
    """The request was sent before, or twice at once: then both get the first one's answer."""
    claim = order.claim
    if claim is None:
        raise AssertionError("a request without a key was left out")
    stored = known.find_answer(claim.key, claim.body_hash)
    if isinstance(stored, StoredAnswer):
        return Outcome(_read_stored(stored), replayed=True)
    leader = first[claim.key]
    if stored is not None or leader.claim is None or leader.claim.body_hash != claim.body_hash:
        return _conflict(KeyReused())
    outcome = settled[leader]
    return Outcome(outcome.results, replayed=True) if isinstance(outcome, Outcome) else outcome


def _conflict(error: KeyReused) -> Problem:
    return Problem(409, "idempotency_conflict", str(error))


def _write_stored(results: Sequence[AcceptResult]) -> StoredAnswer:
    stored = [
        _Stored(accepted=one) if isinstance(one, AcceptedEmail) else _Stored(refused=one) for one in results
    ]
    return StoredAnswer(200, msgspec.json.encode(stored))


def _read_stored(answer: StoredAnswer) -> list[AcceptResult]:
    return [one.accepted or one.refused or RefusedEmail(()) for one in _decode_stored(answer.answer)]
