"""What programs asked and were told, kept for thirty days so that an account can see why a request failed.

    log = RequestLog(pool)               # one for a process
    log.note(NewApiRequest(…))           # never waits: a full queue drops, and counts what it dropped
    await log.run(stop=stop)             # beside the server: writes once a second, and what is left at the end

A row says the method, the path, the answer and how long it took. What was sent is kept for refused requests alone, and masked: the keys
stay, of the values their kind and length (`mask_json`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from dynamail.accounts.models import ApiRequest
from dynamail.lib.ids import UnknownId, from_public_id
from dynamail.lib.personal_data import RETENTION_DAYS, Retention
from dynamail.lib.sql import load_sql

PREFIX = "req"
QUEUE = 20_000  # requests that wait to be written
QUEUE_BYTES = 32 * 2**20  # of their bodies
BATCH = 1000  # rows of one statement
WRITE_SECONDS = 1.0
LONGEST_BODY = 64 * 2**10  # a larger body is not read again; its size is told
LONGEST_MASKED = 8 * 2**10
MASK_DEPTH, MASK_ITEMS = 12, 50
FORGET_BATCH = 5000
OPEN_VALUE = re.compile(r"[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{26}")  # public ids name no person
_ADDRESS = re.compile(r"[^\s<>\"'“”,;()/]+@[^\s<>\"'“”,;()/]+")
_QUOTED = re.compile(r"“([^”]*)”|\"[^\"]*\"|(?<!\w)'.*?'(?!\w)|`[^`]*`", re.DOTALL)
# What our own sentences quote: it is nobody's data, and a reader of the log needs it.
OWN_WORDS = frozenset(
    {
        *("errors", "next", "value", "persistent", "file", "detail", "at", "from", "to", "To", "Headers"),
        *("kind", "all", "any", "not", "days", "last_days", "empty", "Any of", "yes", "no", "bounce"),
        *("Product news", "receipts", "Password resets", "logo.png", "image/png", "en", "pt-BR"),
        *("Europe/Minsk", "2026-03-31", "2026-03-31T14:30:00Z", "Acme <hello@acme.example>"),
        *("Authorization: token user:key", "#"),
    }
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewApiRequest:
    """One answered request. `path` is without its query and without what names a person; `raw` and `errors` are masked before
    they are written, and kept only where `status` is an error's."""

    account_id: int
    id: UUID
    at: datetime
    api_key_id: int | None
    door: str = "api"  # api, smtp, postmark, resend …
    method: str = ""
    path: str = ""
    status: int = 0
    code: str = ""  # of the error
    ms: int = 0
    subject_id: UUID | None = None  # of the email that it made
    detail: str = ""
    errors: tuple[tuple[str, str], ...] = ()  # field and message
    raw: bytes = b""

    @property
    def has_failed(self) -> bool:
        return self.status >= 400


@dataclass(frozen=True)
class RequestFilter:
    """What to look for; what is empty is not asked. `status` is a number or a class such as "4xx"; `search` looks into path, code
    and the sentence of the error, and finds a request by its id."""

    status: str = ""
    code: str = ""
    method: str = ""
    path: str = ""  # its beginning
    door: str = ""
    key_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str = ""


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def list_requests(
    account_id: int, *, filters: RequestFilter, before: UUID | None = None, limit: int = 50
) -> list[ApiRequest]:
    """The latest first; `before` is the id of the last one that was seen."""
    rows = _narrow(ApiRequest.objects.for_account(account_id), filters)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.order_by("-id")[:limit])


def find_request(account_id: int, public_id: str) -> ApiRequest | None:
    """The request behind `req_…`; None when there is none in this account."""
    try:
        found = from_public_id(PREFIX, public_id)
    except UnknownId:
        return None
    return ApiRequest.objects.for_account(account_id).filter(id=found).first()


def is_status(text: str) -> bool:
    """May `status` of a filter be this?"""
    return bool(re.fullmatch(r"[1-5](xx|[0-9]{2})", text, re.ASCII))


def _narrow(rows: QuerySet[ApiRequest], filters: RequestFilter) -> QuerySet[ApiRequest]:
    exact = {"code": filters.code, "method": filters.method.upper(), "door": filters.door}
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if is_status(filters.status):
        low = int(filters.status.replace("xx", "00"))
        rows = rows.filter(status__gte=low, status__lt=low + (100 if "xx" in filters.status else 1))
    if filters.path:
        rows = rows.filter(path__startswith=filters.path)
    if filters.key_id is not None:
        rows = rows.filter(api_key_id=filters.key_id)
    if filters.since is not None:
        rows = rows.filter(at__gte=filters.since)
    if filters.until is not None:
        rows = rows.filter(at__lt=filters.until)
    if text := _CONTROL.sub("", filters.search).strip():
        rows = rows.filter(_matches(text))
    return rows


def _matches(text: str) -> Q:
    try:
        return Q(id=from_public_id(PREFIX, text))
    except UnknownId:
        return Q(path__icontains=text) | Q(code__icontains=text) | Q(detail__icontains=text)


# ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────
class RequestLog:
    """Requests on their way to the database. `pool` gives connections under the workers' role."""

    def __init__(self, pool: AsyncConnectionPool | Any) -> None:
        self._pool = pool
        self._waiting: deque[NewApiRequest] = deque()
        self._bytes = 0
        self._full = asyncio.Event()
        self.dropped = 0  # since the process began

    def note(self, request: NewApiRequest) -> None:
        """Take one request into the queue, or drop it when the queue is full."""
        if len(self._waiting) >= QUEUE:
            self.dropped += 1
            return
        if request.raw and self._bytes + len(request.raw) > QUEUE_BYTES:
            request = replace(request, raw=b"")
        self._bytes += len(request.raw)
        self._waiting.append(request)
        if len(self._waiting) == BATCH:
            self._full.set()

    async def run(self, *, stop: asyncio.Event) -> None:
        """Write every second, or sooner when a batch is full, until `stop` is set; then what is left."""
        told = 0
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wait(stop), WRITE_SECONDS)
            await self.flush()
            if self.dropped > told:
                log.warning("%d API requests were not logged: the queue was full", self.dropped - told)
                told = self.dropped
        await self.flush()

    async def flush(self) -> None:
        """Write what waits. What a database that is away did not take waits on."""
        while self._waiting:
            self._full.clear()
            batch = [self._waiting.popleft() for _place in range(min(BATCH, len(self._waiting)))]
            try:
                rows = await asyncio.to_thread(lambda: [_write_row(one) for one in batch])  # noqa: B023 — awaited here
                async with self._pool.connection() as connection:
                    await insert_requests(connection, rows)
            except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
                log.warning("API requests wait to be logged: %s", error)
                self._waiting.extendleft(reversed(batch))
                return
            except Exception:  # one row that cannot be written must not end the log
                self.dropped += len(batch)
                log.exception("%d API requests could not be logged", len(batch))
            self._bytes -= sum(len(one.raw) for one in batch)

    async def _wait(self, stop: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in (stop, self._full)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()


async def insert_requests(connection: Any, rows: Sequence[WrittenRequest]) -> None:
    async with connection.transaction():
        written = msgspec.json.encode(rows).decode()
        await connection.execute(load_sql("accounts", "insert_requests"), {"rows": written})


class WrittenRequest(msgspec.Struct):
    """One request as insert_requests.sql reads it."""

    account_id: int
    id: UUID
    at: datetime
    api_key_id: int | None
    door: str
    method: str
    path: str
    status: int
    code: str
    ms: int
    subject_id: UUID | None
    detail: str
    body: str | None


def _write_row(request: NewApiRequest) -> WrittenRequest:
    return WrittenRequest(
        request.account_id,
        request.id,
        request.at,
        request.api_key_id,
        request.door[:12],
        request.method[:10],
        mask_text(request.path)[:300],
        request.status,
        request.code[:60],
        request.ms,
        request.subject_id,
        mask_text(request.detail)[:500],
        _write_body(request) if request.has_failed else None,
    )


def _write_body(request: NewApiRequest) -> str | None:
    kept: dict[str, Any] = {}
    if request.errors:
        kept["errors"] = [
            {"field": mask_text(field)[:200], "message": mask_text(message)[:300]}
            for field, message in request.errors[:MASK_ITEMS]
        ]
    if request.raw:
        kept["request"] = mask_body(request.raw)
    if not kept:
        return None
    text = json.dumps(kept, ensure_ascii=False)
    if len(text.encode()) > LONGEST_MASKED:
        text = json.dumps(kept | {"request": f"{len(request.raw)} bytes, too long to show"})
    return text


# ── Masking ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def mask_body(raw: bytes) -> Any:
    """A request's body with its values masked; of what is not JSON, its size."""
    if len(raw) > LONGEST_BODY:
        return f"{len(raw)} bytes, too long to show"
    try:
        return mask_json(msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return f"{len(raw)} bytes that are no JSON"


def mask_json(value: Any, depth: int = 0) -> Any:  # noqa: PLR0911 — one for each kind of value
    """The shape of a value: keys and public ids stay, texts and numbers become their kind and length."""
    if depth >= MASK_DEPTH:
        return "…"
    match value:
        case None | bool():
            return value
        case str():
            return _mask_string(value)
        case int() | float():
            return "number"
        case {"persistent": False, **_rest}:
            return "one-time value"
        case Mapping():
            items = list(value.items())
            masked = {mask_text(key)[:100]: mask_json(inner, depth + 1) for key, inner in items[:MASK_ITEMS]}
            return masked | ({"…": f"{len(items) - MASK_ITEMS} more"} if len(items) > MASK_ITEMS else {})
        case list():
            more = [f"… {len(value) - MASK_ITEMS} more"] if len(value) > MASK_ITEMS else []
            return [mask_json(one, depth + 1) for one in value[:MASK_ITEMS]] + more
    return "value"


def mask_text(text: str) -> str:
    """A sentence without addresses and without what it quotes of a request."""
    text = text.encode("utf-8", "replace").decode()  # half a pair of surrogates is no text for a database
    return _CONTROL.sub(" ", _ADDRESS.sub("…@…", _QUOTED.sub(_cover_quoted, text)))


def _cover_quoted(quoted: re.Match[str]) -> str:
    return quoted[0] if quoted[1] in OWN_WORDS else "“…”"


def _mask_string(text: str) -> str:
    if OPEN_VALUE.fullmatch(text):
        return text
    kind = "address" if _ADDRESS.fullmatch(text.strip()) else "text"
    return f"{kind}, {len(text)} characters" if text else ""


# ── Forgetting ───────────────────────────────────────────────────────────────────────────────────────────────────────
def forget_old_requests(*, now: datetime) -> int:
    """Delete what is older than thirty days, in short transactions. Safe to repeat and to interrupt."""
    limit = now - timedelta(days=RETENTION_DAYS[Retention.REQUEST_BODY] or 0)
    total = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM api_request WHERE (account_id, id) IN "
                "(SELECT account_id, id FROM api_request WHERE at < %s ORDER BY at LIMIT %s)",
                [limit, FORGET_BATCH],
            )
            total += cursor.rowcount
            if cursor.rowcount < FORGET_BATCH:
                return total
