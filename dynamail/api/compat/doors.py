"""What is the same at every door in another vendor's shape.

a key   travels as that vendor's clients send it, and goes on as `Authorization: Bearer …`, which all else understands
errors  are raised as `Problem` like everywhere in the API, and told in the vendor's own form
paths   that the vendor has and we do not are refused in that form as well
"""

from __future__ import annotations

import logging
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from litestar import Request, Response, Router
from litestar.datastructures import Headers
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, Middleware, Receive, Scope, Send

from dynamail.api.errors import CODES, FieldError, Problem
from dynamail.api.visits import Visit, find_visit
from dynamail.messages.new_email import EmailFault

PREFIX = "/compat"
NO_STORE = {"cache-control": "no-store"}
KEPT_OUT = "kept_out"  # nothing is wrong with the email itself
BASIC = 'Basic realm="DynaMail"'
_BEARER = b"Bearer "

Tell = Callable[[Problem], Response[Any]]
FindSecret = Callable[[Headers], str]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Credentials:
    """Where a vendor's clients have their key. `ask` tells the caller whose key is missing or wrong."""

    find: FindSecret
    ask: str
    challenge: str = ""  # RFC 9110 §11.6.1

    @property
    def headers(self) -> dict[str, str]:
        return {"www-authenticate": self.challenge} if self.challenge else {}


def open_door(
    path: str,
    handlers: Sequence[Any],
    *,
    tell: Tell,
    credentials: Credentials | None = None,
    max_bytes: int,
) -> Router:
    """The routes of one vendor under `/compat` + `path`. `tell` puts a problem in its form.

    Without `credentials` the vendor's clients send a Bearer token as ours do. `max_bytes` bounds the body of a request.
    """
    return Router(
        path=PREFIX + path,
        route_handlers=list(handlers),
        middleware=[_enter(path.split("/")[1], credentials.find if credentials else find_bearer)],
        exception_handlers=_handle_errors(tell, credentials),
        request_max_body_size=max_bytes,
    )


def find_bearer(headers: Headers) -> str:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def find_basic(headers: Headers) -> str:
    """The password of `Authorization: Basic …` (RFC 7617 §2)."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(encoded.strip(), validate=True).decode().partition(":")[2]
    except (NotBase64, UnicodeError, ValueError):
        return ""


def refuse_email(faults: Sequence[EmailFault]) -> Problem:
    """What keeps an email out, as one problem that names the first of its faults."""
    if not faults:
        return unfit(KEPT_OUT, "", "Another email of the request is refused, so this one is not sent either.")
    first = faults[0]
    return unfit(first.code, first.field, first.text)


def unfit(code: str, field: str, text: str) -> Problem:
    """One field of a request that cannot be taken. `text` is a sentence that says what to do."""
    return Problem(422, code, text, (FieldError(field, text),))


def sentence_of(problem: Problem) -> str:
    """A problem in one line, for forms that have no place for fields."""
    if problem.code != "invalid" or not problem.errors:
        return problem.detail
    return " ".join(f"{error.field} {error.message}." for error in problem.errors)


def field_of(problem: Problem) -> str:
    return problem.errors[0].field if problem.errors else ""


def _enter(name: str, find_secret: FindSecret) -> Middleware:
    """Before anything else: the request log learns the door, and the key stands where everybody looks for it."""

    def wrap(app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            find_visit(scope).door = name
            secret = find_secret(Headers(scope["headers"])).strip()  # from_scope would keep them in the scope
            kept = [(header, value) for header, value in scope["headers"] if header != b"authorization"]
            if secret:
                kept.append((b"authorization", _BEARER + secret.encode("latin-1", "replace")))
            scope["headers"] = kept
            await app(scope, receive, send)

        return call

    return wrap


def _handle_errors(tell: Tell, credentials: Credentials | None) -> dict[Any, Any]:
    def handle_problem(request: Request[Any, Any, Any], error: Problem) -> Response[Any]:
        note_problem(error, find_visit(request.scope))
        if credentials is not None and error.status == 401:
            error = replace(error, detail=credentials.ask, headers=credentials.headers)
        return _complete(tell(error), error)

    def handle_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
        return handle_problem(request, _name_http_error(request, error))

    def handle_unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        visit = find_visit(request.scope)
        log.error(
            "A request failed: %s at %s (%s)", request.method, visit.door, visit.public_id, exc_info=error
        )
        detail = "Something went wrong here. It has been noted; please try again."
        return handle_problem(request, Problem(500, "internal_error", detail))

    return {Problem: handle_problem, HTTPException: handle_http_error, Exception: handle_unforeseen}


def _name_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Problem:
    code = CODES.get(error.status_code, "error")
    match error.status_code:
        case 404:
            detail = f"There is nothing at {request.scope['path']}: this door only takes emails. For the rest use /api/v1."
        case 405:
            detail = f"This address does not answer to {request.method}."
        case 413:
            detail = "The request is larger than this door takes."
        case _:
            detail = error.detail or code
    return Problem(error.status_code, code, detail, headers=dict(error.headers) if error.headers else None)


def note_problem(problem: Problem, visit: Visit) -> None:
    """For the request log."""
    visit.code, visit.detail = problem.code, problem.detail
    visit.errors = tuple((error.field, error.message) for error in problem.errors)


def _complete(answer: Response[Any], problem: Problem) -> Response[Any]:
    """The headers that say when to try again or how to sign in go to every vendor's clients."""
    for name, value in {**NO_STORE, **(problem.headers or {})}.items():
        answer.headers[name] = value
    return answer
