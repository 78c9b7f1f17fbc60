"""A POST with an Idempotency-Key is done once: its answer is kept for 24 hours and given again to whoever asks the same.

1. `auth.in_account` begins a held transaction for such a request: a thread claims the key and runs the request's verbs.
2. The handler makes its answer, which is kept back (`keep_back`), stored beside the key, and committed with the work.
3. Then it is sent. A request that comes meanwhile with the same key waits at the key for that answer.

What was refused is not kept: the corrected request may have the same key. POST /emails has its own way (`taking.py`), for many at once.
Of a route that shows a secret (`described(…, shows_secret=True)`) only the key is kept, not the answer: who asks again gets a 409.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from queue import SimpleQueue
from typing import Any, TypeVar

from django.db import OperationalError, connection
from litestar import Request, Response
from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable

from dynamail.accounts.idempotency import (
    BadKey,
    KeyReused,
    StoredAnswer,
    ask_to_release,
    check_key,
    claim_key,
    hash_request,
    store_answer,
)
from dynamail.accounts.models import ApiKey
from dynamail.accounts.tenancy import account_scope
from dynamail.api.errors import FieldError, Problem, answer_problem
from dynamail.api.visits import Send, Visit
from dynamail.lib.asking import Ask, Told, pipeline_inquiry, run_inquiry

REPLAYED = "idempotency-replayed"  # the header of a stored answer
HEADER = "idempotency-key"
KEEPS_NO_ANSWER = "keeps_no_answer"  # opt of a route whose answer shows a secret, once
WAIT_SECONDS = 20  # for the request that has the key
HOLD_SECONDS = 60  # for a handler to make its answer
NO_STORE = {"cache-control": "no-store"}

Answer = TypeVar("Answer")


class Replayed(Exception):
    """The request was done before; this was the answer."""

    def __init__(self, stored: StoredAnswer) -> None:
        super().__init__("the request was done before")
        self.stored = stored


@dataclass(frozen=True)
class Claim:
    """Whose key, and what tells this request from others."""

    account_id: int
    key: str
    body_hash: bytes
    now: datetime
    keeps_answer: bool = True


@dataclass
class Step:
    """One thing for the thread to do, and where its result goes."""

    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    result: asyncio.Future[Any]

    def run(self) -> None:
        try:
            value = self.work()
        except BaseException as error:
            self.loop.call_soon_threadsafe(self._fail, error)
            raise
        self.loop.call_soon_threadsafe(self._tell, value)

    def _tell(self, value: Any) -> None:
        if not self.result.done():
            self.result.set_result(value)

    def _fail(self, error: BaseException) -> None:
        if not self.result.done():
            self.result.set_exception(error)


class HeldTransaction:
    """One transaction in one thread that waits between the verbs of a request, until its answer is made."""

    def __init__(
        self, claim: Claim, threads: Executor, database: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._claim, self._database = claim, database
        self._steps: SimpleQueue[Step | None] = SimpleQueue()
        self._thread = asyncio.get_running_loop().run_in_executor(threads, self._work)

    @property
    def is_open(self) -> bool:
        return not self._thread.done()

    async def begin(self) -> None:
        """Claim the key. Raises Replayed, Problem (409, 503)."""
        await self.run(self._claim_key)

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Like in any transaction: what it raises rolls everything back, the claim of the key too."""
        step = Step(work, asyncio.get_running_loop(), asyncio.get_running_loop().create_future())
        self._steps.put(step)
        await asyncio.wait({step.result, self._thread}, return_when=asyncio.FIRST_COMPLETED)
        if not step.result.done():
            await self._thread  # it did not come so far; raises why
        try:
            answer: Answer = await step.result
        except BaseException:
            await asyncio.wait({self._thread})
            self._thread.exception()  # the same
            raise
        return answer

    async def finish(self, status: int, body: bytes) -> None:
        """Keep the answer and commit. Raises what the database raises; then nothing was done."""
        await self.run(lambda: self._keep(status, body))
        self._steps.put(None)
        await self._thread

    async def abandon(self) -> None:
        """Roll back: nobody will be answered."""
        if self.is_open:
            with suppress(_RolledBack):
                await self.run(_roll_back)

    def _work(self) -> None:
        with self._database(), account_scope(self._claim.account_id):
            while (step := self._steps.get(timeout=HOLD_SECONDS)) is not None:
                step.run()

    def _claim_key(self) -> None:
        claim = self._claim
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{WAIT_SECONDS}s"])
                inquiry = claim_key(claim.account_id, claim.key, claim.body_hash, now=claim.now)
                stored = run_inquiry(inquiry, cursor)
                cursor.execute("SELECT set_config('lock_timeout', '0', true)")
        except KeyReused as error:
            raise reused(error) from None
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                raise in_progress() from None
            raise
        if stored is not None:
            raise Replayed(stored) if claim.keeps_answer else not_kept()

    def _keep(self, status: int, body: bytes) -> None:
        with connection.cursor() as cursor:
            run_inquiry(_store_or_release(self._claim, status, body), cursor)


class _RolledBack(Exception):
    """On purpose."""


def _roll_back() -> None:
    raise _RolledBack


def _store_or_release(
    claim: Claim, status: int, body: bytes
) -> Generator[Sequence[Ask], Sequence[Told], None]:
    """Of an error, nothing is kept, though the work stays as it does without a key."""
    if status < 400:
        kept = body if claim.keeps_answer else b""
        yield from store_answer(claim.account_id, claim.key, StoredAnswer(status, kept))
    else:
        yield [ask_to_release(claim.account_id, [claim.key])]


# ── The answer ───────────────────────────────────────────────────────────────────────────────────────────────────────
def keep_back(visit: Visit, send: Send, unavailable: Callable[[], Problem]) -> Send:
    """Like `send`, but the answer of a held transaction is stored and committed before anything of it is sent."""
    start: dict[str, Any] = {}
    pieces: list[bytes] = []

    async def send_after_commit(message: Any) -> None:
        held: HeldTransaction | None = visit.held
        if held is None or not (held.is_open or start):
            await send(message)
            return
        if message["type"] == "http.response.start":
            start.update(message)
            return
        pieces.append(message.get("body", b""))
        if message.get("more_body"):
            return
        try:
            await held.finish(start["status"], b"".join(pieces))
        except Exception:
            for one in _write_problem(unavailable(), visit):
                await send(one)
            return
        await send(start)
        await send({"type": "http.response.body", "body": b"".join(pieces)})

    return send_after_commit


def _write_problem(problem: Problem, visit: Visit) -> list[dict[str, Any]]:
    response = answer_problem(problem, visit)
    headers = {"content-type": response.media_type or "", **response.headers}
    return [
        {
            "type": "http.response.start",
            "status": problem.status,
            "headers": [(name.lower().encode(), str(value).encode()) for name, value in headers.items()],
        },
        {"type": "http.response.body", "body": response.content},
    ]


def answer_again(_request: Request[Any, Any, Any], replayed: Replayed) -> Response[bytes]:
    """The stored answer."""
    return Response(
        replayed.stored.answer,
        status_code=replayed.stored.status,
        media_type="application/json",
        headers={REPLAYED: "true", **NO_STORE},
    )


def take_key(text: str, *, is_test: bool) -> str:
    """The key as it is kept. Raises Problem (400)."""
    try:
        return check_key(text, is_test=is_test)
    except BadKey as error:
        fault = FieldError("Idempotency-Key", str(error))
        raise Problem(400, "bad_idempotency_key", str(error), (fault,)) from None


def read_claim(
    request: Request[Any, Any, Any], body: bytes, api_key: ApiKey, *, now: datetime
) -> Claim | None:
    """The request's Idempotency-Key, if it is a POST that has one. Raises Problem (400)."""
    text = request.headers.get(HEADER) if request.method == "POST" else None
    if text is None:
        return None
    key = take_key(text, is_test=api_key.is_test)
    path = str(request.scope["path"])
    if query := request.scope.get("query_string"):
        path += "?" + bytes(query).decode("latin-1")
    keeps_answer = not request.route_handler.opt.get(KEEPS_NO_ANSWER, False)
    return Claim(api_key.account_id, key, hash_request("POST", path, body), now, keeps_answer)


def reused(error: KeyReused) -> Problem:
    return Problem(409, "idempotency_conflict", str(error))


def not_kept() -> Problem:
    detail = "This request was done before. Its answer held a secret, which was shown once and is not kept."
    return Problem(409, "idempotency_answer_not_kept", detail)


def in_progress() -> Problem:
    detail = "The request that has this Idempotency-Key is still being answered."
    return Problem(409, "idempotency_in_progress", detail, headers={"retry-after": "5"})


# ── Without threads ──────────────────────────────────────────────────────────────────────────────────────────────────
async def claim_in(claim: Claim, connection: AsyncConnection[Any]) -> None:
    """For those who ask by `lib/asking.py`. Raises Replayed, Problem (409)."""
    try:
        inquiry = claim_key(claim.account_id, claim.key, claim.body_hash, now=claim.now)
        stored = await pipeline_inquiry(inquiry, connection)
    except KeyReused as error:
        raise reused(error) from None
    if stored is not None:
        raise Replayed(stored)


async def store_in(claim: Claim, status: int, body: bytes, connection: AsyncConnection[Any]) -> None:
    stored = StoredAnswer(status, body)
    await pipeline_inquiry(store_answer(claim.account_id, claim.key, stored), connection)
