from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of the request."""

    field: str
    message: str


class ApiError(Exception):
    """The server refused. `code` is stable and for programs, `detail` a sentence for people, `hint` what to do about it."""

    def __init__(
        self,
        status: int,
        *,
        code: str,
        detail: str,
        hint: str = "",
        request_id: str = "",
        errors: tuple[FieldError, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.request_id = request_id
        self.errors = errors
        self.retry_after = retry_after  # seconds


class NoAnswer(Exception):
    """The server did not answer. A request with an idempotency key may be repeated safely."""


def read_error(response: httpx.Response) -> ApiError:
    """The error that an answer of 400 and above tells."""
    told = _read_body(response)
    return ApiError(
        response.status_code,
        code=str(told.get("code", "error")),
        detail=str(told.get("detail", response.reason_phrase)),
        hint=str(told.get("hint", "")),
        request_id=str(told.get("request_id", response.headers.get("x-request-id", ""))),
        errors=tuple(FieldError(str(one["field"]), str(one["message"])) for one in told.get("errors", ())),
        retry_after=read_retry_after(response),
    )


def read_retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks to wait (RFC 9110 §10.2.3); dates are left to the client's own patience."""
    try:
        return max(0.0, float(response.headers["retry-after"]))
    except (KeyError, ValueError):
        return None


def _read_body(response: httpx.Response) -> dict[str, Any]:
    try:
        told = json.loads(response.content)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
