"""Resend's door: `/compat/resend`. `docs/api/compat_resend.md`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import msgspec
from litestar import Response, get, patch, post
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.auth import ApiRequest, Caller, in_account, needs_scope
from dynamail.api.compat.doors import KEPT_OUT, NO_STORE, open_door, sentence_of, unfit
from dynamail.api.compat.log_words import get_email, read_email_id, unknown_email
from dynamail.api.compat.reading import decode_raw, decode_said, missing
from dynamail.api.compat.resend_emails import MAX_BATCH, Said, read_schedule, to_email
from dynamail.api.compat.resend_views import DoneBody, EmailBody, ListBody, describe_email, describe_line
from dynamail.api.compat.sending import Outcome, Read, may_send, read_each, send_each, send_one
from dynamail.api.errors import FieldError, Problem
from dynamail.api.reading import read_limit, refuse
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import to_public_id
from dynamail.messages.email_acts import EmailActError, cancel_email, reschedule_email
from dynamail.messages.email_log import EmailFilter, list_emails
from dynamail.messages.new_email import AcceptedEmail

MAX_BYTES = 40 * 2**20
MAX_KEY = 256
READ, SEND = needs_scope(Scope.READ_MESSAGES), needs_scope(Scope.SEND_MESSAGES)

# https://resend.com/docs/api-reference/errors
_NAMES_BY_CODE = {
    "required": "missing_required_field",
    "content_missing": "missing_required_field",
    "subject_missing": "missing_required_field",
    "no_recipient": "missing_required_field",
    "invalid_attachment": "invalid_attachment",
    "bad_idempotency_key": "invalid_idempotency_key",
    "idempotency_conflict": "invalid_idempotent_request",
    "idempotency_in_progress": "concurrent_idempotent_requests",
    "missing_scope": "restricted_api_key",
}
_NAMES_BY_STATUS = {
    404: "not_found",
    405: "method_not_allowed",
    429: "rate_limit_exceeded",
    500: "internal_server_error",
    503: "application_error",
}
_UNVERIFIED = ("domain_unverified", "sender_unverified", "from_free_mail")

_decoder = msgspec.json.Decoder(Said)
_batch_decoder: msgspec.json.Decoder[Sequence[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])


class SentBody(msgspec.Struct, frozen=True):
    id: str


class ItemError(msgspec.Struct, frozen=True):
    index: int
    message: str


class BatchBody(msgspec.Struct, frozen=True, omit_defaults=True):
    data: list[SentBody]
    errors: list[ItemError] = []


class Change(msgspec.Struct, frozen=True):
    scheduled_at: str | None = None


_change_decoder = msgspec.json.Decoder(Change)


class ErrorBody(msgspec.Struct, frozen=True, rename="camel"):
    status_code: int
    name: str
    message: str


# ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@post("/emails", guards=[may_send], status_code=200)
async def send(request: ApiRequest) -> Response[SentBody]:
    email = to_email(decode_said(request, await request.body(), _decoder), utc_now())
    accepted = await send_one(request, email, idempotency_key=_read_key(request))
    return Response(_name(accepted), headers=NO_STORE)


@post("/emails/batch", guards=[may_send], status_code=200)
async def send_batch(request: ApiRequest) -> Response[BatchBody]:
    """As clients ask by a header: strict (nothing when something is wrong) or permissive (an error for each that is wrong)."""
    now = utc_now()
    said = decode_said(request, await request.body(), _batch_decoder)
    if not 1 <= len(said) <= MAX_BATCH:
        text = f"A batch has 1 to {MAX_BATCH} emails; this one has {len(said)}."
        raise unfit("too_many_emails", "body", text)
    emails = read_each(said, lambda one: to_email(decode_raw(one, _decoder), now))
    is_strict = request.headers.get("x-batch-validation", "strict") != "permissive"
    if is_strict:
        _refuse_wrong(emails)
    outcomes = await send_each(request, emails, idempotency_key=_read_key(request), together=is_strict)
    if is_strict:
        _refuse_wrong(outcomes)
    return Response(_describe_batch(outcomes), headers=NO_STORE)


def _refuse_wrong(emails: Sequence[Read | Outcome]) -> None:
    """Raises Problem for the first that is wrong itself; the others were kept out with it."""
    for place, problem in enumerate(emails):
        if isinstance(problem, Problem) and problem.code != KEPT_OUT:
            text = f"Email {place + 1} of the {len(emails)}: {sentence_of(problem)} Nothing was sent."
            raise replace(problem, detail=text, errors=(FieldError(str(place), text),))


def _read_key(request: ApiRequest) -> str:
    key = request.headers.get("idempotency-key", "")
    if len(key) > MAX_KEY:
        raise Problem(400, "bad_idempotency_key", f"The idempotency key must have 1 to {MAX_KEY} characters.")
    return key


# ── Emails that were sent ────────────────────────────────────────────────────────────────────────────────────────────
@get("/emails", guards=[READ])
async def list_(request: ApiRequest) -> Response[ListBody]:
    """The latest first; `after` an id come older ones."""
    limit = read_limit(request, default=20, most=100)
    if "before" in request.query_params:
        raise refuse(FieldError("before", "is not known here: page forward with after"))
    after = request.query_params.get("after")
    before = read_email_id(after) if after else None

    def find(caller: Caller) -> ListBody:
        lines = list_emails(caller.account_id, filters=EmailFilter(), before=before, limit=limit + 1)
        return ListBody([describe_line(line) for line in lines[:limit]], len(lines) > limit)

    return Response(await in_account(request, find), headers=NO_STORE)


@get("/emails/{email_id:str}", guards=[READ])
async def show(request: ApiRequest, email_id: FromPath[str]) -> Response[EmailBody]:
    body = await in_account(request, lambda caller: describe_email(get_email(caller, email_id)))
    return Response(body, headers=NO_STORE)


@patch("/emails/{email_id:str}", guards=[SEND], status_code=200)
async def change(request: ApiRequest, email_id: FromPath[str]) -> Response[DoneBody]:
    said = decode_said(request, await request.body(), _change_decoder)
    if not said.scheduled_at:
        raise missing("scheduled_at", "Missing `scheduled_at` field.")
    send_at = read_schedule(said.scheduled_at, utc_now())

    def move(caller: Caller) -> DoneBody:
        return _reschedule(caller, email_id, send_at)

    return Response(await in_account(request, move), headers=NO_STORE)


@post("/emails/{email_id:str}/cancel", guards=[SEND], status_code=200)
async def cancel(request: ApiRequest, email_id: FromPath[str]) -> Response[DoneBody]:
    return Response(await in_account(request, lambda caller: _cancel(caller, email_id)), headers=NO_STORE)


def _cancel(caller: Caller, said: str) -> DoneBody:
    email_id = read_email_id(said)
    with _naming_faults():
        cancel_email(caller.account_id, email_id, by=caller.key, now=caller.now)
    return DoneBody(to_public_id("eml", email_id))


def _reschedule(caller: Caller, said: str, send_at: datetime) -> DoneBody:
    email_id = read_email_id(said)
    with _naming_faults():
        reschedule_email(caller.account_id, email_id, send_at=send_at, by=caller.key, now=caller.now)
    return DoneBody(to_public_id("eml", email_id))


@contextmanager
def _naming_faults() -> Iterator[None]:
    try:
        yield
    except EmailActError as error:
        if error.code == "unknown_email":
            raise unknown_email() from None
        raise unfit(error.code, "id", str(error)) from None


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _name(accepted: AcceptedEmail) -> SentBody:
    return SentBody(to_public_id("eml", accepted.id))


def _describe_batch(outcomes: Sequence[Outcome]) -> BatchBody:
    """Raises the first problem when nothing was accepted."""
    errors = [
        ItemError(place, sentence_of(one)) for place, one in enumerate(outcomes) if isinstance(one, Problem)
    ]
    accepted = [_name(one) for one in outcomes if isinstance(one, AcceptedEmail)]
    if not accepted:
        raise next(one for one in outcomes if isinstance(one, Problem))
    return BatchBody(accepted, errors)


def tell(problem: Problem) -> Response[ErrorBody]:
    status, name = problem.status, _NAMES_BY_CODE.get(problem.code) or _NAMES_BY_STATUS.get(problem.status)
    if problem.code in _UNVERIFIED:
        status = 403
    elif problem.status == 401:
        is_wrong = "invalid_token" in (problem.headers or {}).get("www-authenticate", "")
        status, name = (403, "invalid_api_key") if is_wrong else (401, "missing_api_key")
    elif problem.code == "missing_scope":
        status = 401
    body = ErrorBody(status, name or "validation_error", sentence_of(problem))
    return Response(body, status_code=status)


DOOR = open_door("/resend", [send, send_batch, list_, show, change, cancel], tell=tell, max_bytes=MAX_BYTES)
