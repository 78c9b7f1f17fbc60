"""The one shape of an error: `application/problem+json` (RFC 9457), with a stable `code` beside the sentence.

    {"type": "about:blank", "title": "Not Found", "status": 404, "code": "not_found", "detail": "…", "hint": "…",
     "request_id": "req_…", "errors": [{"field", "message"}]}

Verbs raise errors of their own packages; a door raises `Problem` for them. What nobody foresaw is a 500 that tells the caller nothing
about us and the log everything but the caller's data.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler

from dynamail.api.hints import find_hint
from dynamail.api.methods import complete_methods
from dynamail.api.visits import Visit, find_visit

MEDIA_TYPE = "application/problem+json"
CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}

log = logging.getLogger(__name__)


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field of the request."""

    field: str
    message: str


class ProblemBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every error answer. `code` is for programs, `detail` says what is wrong, `hint` what to do."""

    status: int
    title: str
    code: str
    detail: str
    hint: str
    request_id: str
    type: str = "about:blank"
    errors: tuple[FieldError, ...] = ()


@dataclass
class Problem(Exception):
    """Raised by a handler that refuses. `detail` is a sentence for a person and says what to do; `code` is for programs."""

    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    headers: dict[str, str] | None = None
    hint: str = ""


def answer_problem(problem: Problem, visit: Visit) -> Response[bytes]:
    """The answer, and a note of it in the visit."""
    visit.code, visit.detail = problem.code, problem.detail
    visit.errors = tuple((error.field, error.message) for error in problem.errors)
    body = ProblemBody(
        status=problem.status,
        title=HTTPStatus(problem.status).phrase,
        code=problem.code,
        detail=problem.detail,
        hint=problem.hint or find_hint(problem.status, problem.code),
        request_id=visit.public_id,
        errors=problem.errors,
    )
    # `type` is part of every problem, though its value is the default.
    content = {"type": body.type, **msgspec.to_builtins(body)}
    return Response(
        msgspec.json.encode(content),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={"cache-control": "no-store", **(problem.headers or {})},
    )


def handle_problem(request: Request[Any, Any, Any], error: Problem) -> Response[bytes]:
    return answer_problem(error, find_visit(request.scope))


def handle_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What Litestar itself refuses: no such route, wrong method, a body that cannot be read."""
    match error:
        case ValidationException():
            errors = tuple(_field_error(item) for item in error.extra or () if isinstance(item, dict))
            problem = Problem(
                422, "invalid", "The request has fields that cannot be accepted; see “errors”.", errors
            )
        case NotFoundException():
            problem = Problem(404, "not_found", f"There is nothing at {request.scope['path']}.")
        case MethodNotAllowedException():
            problem = Problem(405, "method_not_allowed", f"This address does not answer to {request.method}.")
        case RequestEntityTooLarge():
            problem = Problem(413, "too_large", _describe_limit(request))
        case _:
            code = CODES.get(error.status_code, "error")
            problem = Problem(error.status_code, code, error.detail or HTTPStatus(error.status_code).phrase)
    problem.headers = dict(error.headers) if error.headers else None
    if problem.headers and "allow" in problem.headers:
        problem.headers["allow"] = ", ".join(complete_methods(problem.headers["allow"]))
    return answer_problem(problem, find_visit(request.scope))


def _describe_limit(request: Request[Any, Any, Any]) -> str:
    handler = request.scope.get("route_handler")
    most = handler.resolve_request_max_body_size() if isinstance(handler, HTTPRouteHandler) else None
    if most is None:
        return "The body is larger than this route takes."
    return f"The body is larger than the {most // 2**20} MB that this route takes."


def handle_unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    visit = find_visit(request.scope)
    route = request.scope.get("path_template") or request.scope["path"]  # a path may name a person
    log.error("An API request failed: %s %s (%s)", request.method, route, visit.public_id, exc_info=error)
    detail = "Something went wrong here. It has been noted; please try again."
    return answer_problem(Problem(500, "internal_error", detail), visit)


def _field_error(item: dict[str, Any]) -> FieldError:
    return FieldError(str(item.get("key") or "body"), str(item.get("message") or "is not valid"))


EXCEPTION_HANDLERS: dict[Any, Any] = {
    Problem: handle_problem,
    HTTPException: handle_http_error,
    Exception: handle_unforeseen,
}
