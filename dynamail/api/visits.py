"""One request on its way through the API: what the headers of its answer and the request log say of it.

`Api` in `app.py` opens a visit for each request and puts it into the scope; whoever learns something about the request notes it there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from uuid import UUID

from dynamail.accounts.models import ApiKey
from dynamail.lib.ids import new_id, to_public_id

STATE = "visit"
PREFIX = "req"
LONGEST_CALLER_ID = 128  # of the caller's own x-request-id

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


@dataclass(slots=True)
class Visit:
    """`key` is known once the caller is; `code` and `detail` are those of a refusal; `subject_id` is the email that was made."""

    id: UUID
    started: float
    door: str = "api"
    key: ApiKey | None = None
    status: int = 0
    code: str = ""
    detail: str = ""
    errors: tuple[tuple[str, str], ...] = ()
    subject_id: UUID | None = None
    body: bytes = b""
    caller_id: str = ""
    held: Any = None  # the transaction that its answer is stored in, of a request with an Idempotency-Key (replaying.py)
    headers: dict[str, str] = field(default_factory=dict)  # for the answer, whatever it will be

    @property
    def public_id(self) -> str:
        return to_public_id(PREFIX, self.id)

    @property
    def milliseconds(self) -> int:
        """Since the request came."""
        return round((perf_counter() - self.started) * 1000)

    def hear(self, receive: Receive) -> Receive:
        """Like `receive`, and keeps what came: a refused request's body is logged, masked."""

        async def receive_and_keep() -> Any:
            message = await receive()
            if message["type"] == "http.request" and (piece := message.get("body", b"")):
                self.body = self.body + piece if self.body else piece
            return message

        return receive_and_keep

    def tell(self, send: Send) -> Send:
        """Like `send`, with the headers of this visit."""

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._write_headers()]
            await send(message)

        return send_with_headers

    def _write_headers(self) -> list[tuple[bytes, bytes]]:
        headers = [(b"x-request-id", self.public_id.encode())]
        if self.caller_id:
            headers.append((b"x-client-request-id", self.caller_id.encode()))
        headers += [(name.encode(), value.encode("latin-1")) for name, value in self.headers.items()]
        return headers


def open_visit(scope: Scope) -> Visit:
    """Put a new visit into the scope."""
    visit = Visit(new_id(), perf_counter(), caller_id=_read_caller_id(scope))
    scope["state"] = {
        STATE: visit
    }  # of this request alone: a server may share the dictionary of its lifespan
    return visit


def find_visit(scope: Mapping[str, Any]) -> Visit:
    """The visit of a request; a new one where nobody opened it."""
    visit = scope.get("state", {}).get(STATE)
    return visit if isinstance(visit, Visit) else Visit(new_id(), perf_counter())


def note_subject(scope: Mapping[str, Any], email_id: UUID) -> None:
    """The request log leads from the request to the email that it made."""
    find_visit(scope).subject_id = email_id


def _read_caller_id(scope: Scope) -> str:
    for name, value in scope.get("headers", ()):
        if name == b"x-request-id":
            text: str = value.decode("latin-1")
            is_sane = len(text) <= LONGEST_CALLER_ID and text.isascii() and text.isprintable()
            return text.strip() if is_sane else ""
    return ""
