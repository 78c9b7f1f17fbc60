"""Single emails: sent now or later, one or many; their log; what can still be changed. `docs/api/emails.md`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, patch, post
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.answering import NO_STORE, answer
from dynamail.api.auth import ApiRequest, Caller, admit, in_account
from dynamail.api.describing import described
from dynamail.api.email_answers import (
    BatchResults,
    ContentBody,
    EmailBodyView,
    EmailLineBody,
    EmailResult,
    TakenEmail,
    describe_content,
    describe_email,
    describe_line,
    name_code,
    tell_result,
    tell_taken,
)
from dynamail.api.email_shapes import EmailInput, EmailsQuery, Moment, make_email, make_filter
from dynamail.api.errors import FieldError, Problem
from dynamail.api.limits import Bucket
from dynamail.api.misfits import name_fault
from dynamail.api.paging import Listed, list_page, read_after
from dynamail.api.reading import Misfit, decode_body, read_body, read_query, refuse
from dynamail.api.replaying import REPLAYED
from dynamail.api.taking import Taken, read_key, take_emails
from dynamail.lib.ids import UnknownId, from_public_id, to_public_id
from dynamail.messages.email_acts import EmailActError, cancel_email, reschedule_email, resend_email
from dynamail.messages.email_log import (
    EmailView,
    find_email,
    list_emails,
)
from dynamail.messages.new_email import AcceptedEmail, NewEmail, RefusedEmail

PATH = "/api/v1/emails"
MAX_BATCH = 500
MAX_BODY = 36 * 2**20  # octets: 25 MB of files in base 64, and the rest


class BatchInput(msgspec.Struct, forbid_unknown_fields=True):
    """Up to 500 emails; a bare array of them is understood too."""

    emails: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]


class ChangeInput(msgspec.Struct, forbid_unknown_fields=True):
    """The new moment; one that has passed sends at once."""

    send_at: Moment


class ChangedBody(msgspec.Struct):
    """How many copies it concerned: those that were on their way already are left alone."""

    id: str
    changed: int


_read_email = msgspec.json.Decoder(EmailInput).decode
_read_batch = msgspec.json.Decoder(BatchInput | list[msgspec.Raw]).decode


# ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@post(
    PATH,
    **described(
        "Send one email",
        scope=Scope.SEND_MESSAGES,
        guarded=False,
        body=EmailInput,
        answers={202: TakenEmail},
        statuses=(409,),
    ),
    request_max_body_size=MAX_BODY,
)
async def send(request: ApiRequest) -> Response[TakenEmail]:
    """202 once it is kept safely. With an Idempotency-Key the same request again gets the same answer for 24 hours."""
    caller = await admit(request, Scope.SEND_MESSAGES, bucket=Bucket.EMAILS)
    try:
        email = make_email(decode_body(request, await request.body(), _read_email))
    except msgspec.ValidationError as error:
        raise refuse(name_fault(error)) from None
    except Misfit as misfit:
        raise refuse(*misfit.errors) from None
    taken = await take_emails(request, [email], caller=caller, idempotency_key=read_key(request))
    (result,) = taken.results
    if not isinstance(result, AcceptedEmail):
        raise _refuse(result)
    return Response(tell_taken(result), status_code=202, headers=_headers(taken))


@post(
    f"{PATH}/batch",
    **described(
        "Send up to 500 emails",
        scope=Scope.SEND_MESSAGES,
        guarded=False,
        body=BatchInput,
        items=EmailInput,
        answers={200: BatchResults},
        statuses=(409,),
    ),
    request_max_body_size=MAX_BODY,
)
async def send_batch(request: ApiRequest) -> Response[BatchResults]:
    """A result for each email, in order. What is wrong with one keeps no other out."""
    caller = await admit(request, Scope.SEND_MESSAGES, bucket=Bucket.EMAILS)
    try:
        batch = decode_body(request, await request.body(), _read_batch)
    except msgspec.ValidationError as error:
        raise refuse(name_fault(error)) from None
    emails = batch if isinstance(batch, list) else batch.emails
    if not 1 <= len(emails) <= MAX_BATCH:
        raise refuse(FieldError("emails", f"must be 1 to {MAX_BATCH} emails"))
    read = [_read_one(one) for one in emails]
    fit = [one for one in read if isinstance(one, NewEmail)]
    taken = await take_emails(request, fit, caller=caller, idempotency_key=read_key(request))
    coming = iter(taken.results)
    results = [one if isinstance(one, EmailResult) else tell_result(next(coming)) for one in read]
    accepted = sum(one.result == "accepted" for one in results)
    return Response(
        BatchResults(accepted, len(results) - accepted, results), status_code=200, headers=_headers(taken)
    )


# ── The log ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@get(
    PATH,
    **described(
        "List emails, the latest first",
        scope=Scope.READ_MESSAGES,
        query=EmailsQuery,
        answers={200: Listed[EmailLineBody]},
    ),
)
async def list_(request: ApiRequest) -> Response[Listed[EmailLineBody]]:
    """Emails that a program sent, by state, what recipients did, recipient, tag, stream, period and subject."""
    query = read_query(request, EmailsQuery)
    before = read_after(query, "eml")
    filters = make_filter(query)

    def find(caller: Caller) -> Listed[EmailLineBody]:
        rows = list_emails(caller.account_id, filters=filters, before=before, limit=query.limit + 1)
        return list_page(rows, query.limit, describe_line, lambda row: row.public_id)

    return answer(await in_account(request, find))


@get(
    f"{PATH}/{{email_id:str}}",
    **described(
        "Get one email with its timeline",
        scope=Scope.READ_MESSAGES,
        answers={200: EmailBodyView},
        statuses=(404,),
        ids={"email_id": "eml"},
    ),
)
async def get_(request: ApiRequest, email_id: FromPath[str]) -> Response[EmailBodyView]:
    """What was asked, what became of each recipient's copy, and every event with the words of the servers."""
    return answer(await in_account(request, lambda caller: describe_email(_find(caller, email_id))))


@get(
    f"{PATH}/{{email_id:str}}/content",
    **described(
        "Get what an email says",
        scope=Scope.READ_MESSAGES,
        answers={200: ContentBody},
        statuses=(404, 410),
        ids={"email_id": "eml"},
    ),
)
async def get_content(request: ApiRequest, email_id: FromPath[str]) -> Response[ContentBody]:
    """While it is kept: as long as its stream says."""
    return answer(await in_account(request, lambda caller: describe_content(_find(caller, email_id))))


# ── Changing what waits ──────────────────────────────────────────────────────────────────────────────────────────────
@patch(
    f"{PATH}/{{email_id:str}}",
    **described(
        "Reschedule an email",
        scope=Scope.SEND_MESSAGES,
        body=ChangeInput,
        answers={200: ChangedBody},
        statuses=(404, 409),
        ids={"email_id": "eml"},
    ),
)
async def change(request: ApiRequest, email_id: FromPath[str]) -> Response[ChangedBody]:
    """Moves the copies that wait."""
    try:
        said = await read_body(request, msgspec.json.Decoder(ChangeInput).decode)
    except msgspec.ValidationError as error:
        raise refuse(name_fault(error)) from None
    uid = _read_id(email_id)

    def act(caller: Caller) -> ChangedBody:
        with _problems():
            changed = reschedule_email(
                caller.account_id, uid, send_at=said.send_at, by=caller.key, now=caller.now
            )
        return ChangedBody(to_public_id("eml", uid), changed)

    return answer(await in_account(request, act))


@post(
    f"{PATH}/{{email_id:str}}/cancel",
    **described(
        "Cancel an email",
        scope=Scope.SEND_MESSAGES,
        answers={200: ChangedBody},
        statuses=(404, 409),
        ids={"email_id": "eml"},
    ),
)
async def cancel(request: ApiRequest, email_id: FromPath[str]) -> Response[ChangedBody]:
    """Copies that wait, also those that wait for another attempt, are not sent any more. Again: 200, and nothing changes."""
    uid = _read_id(email_id)

    def act(caller: Caller) -> ChangedBody:
        with _problems():
            changed = cancel_email(caller.account_id, uid, by=caller.key, now=caller.now)
        return ChangedBody(to_public_id("eml", uid), changed)

    return answer(await in_account(request, act))


@post(
    f"{PATH}/{{email_id:str}}/resend",
    **described(
        "Send an email again",
        scope=Scope.SEND_MESSAGES,
        answers={202: TakenEmail},
        statuses=(404, 409),
        ids={"email_id": "eml"},
    ),
)
async def resend(request: ApiRequest, email_id: FromPath[str]) -> Response[TakenEmail]:
    """A new email with the same content to the same recipients."""
    uid = _read_id(email_id)

    def act(caller: Caller) -> TakenEmail:
        with _problems():
            result = resend_email(caller.account_id, uid, by=caller.key, now=caller.now)
        if not isinstance(result, AcceptedEmail):
            raise _refuse(result)
        return tell_taken(result)

    return answer(await in_account(request, act), status=202)


HANDLERS = [send, send_batch, list_, get_, get_content, change, cancel, resend]


# ── Reading requests ─────────────────────────────────────────────────────────────────────────────────────────────────
def _read_one(body: msgspec.Raw) -> NewEmail | EmailResult:
    """An email of a batch, or why it cannot be read."""
    try:
        return make_email(_read_email(body))
    except msgspec.ValidationError as error:
        return EmailResult("refused", code="invalid", errors=(name_fault(error, body),))
    except Misfit as misfit:
        return EmailResult("refused", code="invalid", errors=misfit.errors)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        error_ = FieldError("body", "is not JSON that can be read")
        return EmailResult("refused", code="invalid", errors=(error_,))


def _read_id(text: str) -> UUID:
    """Raises Problem (404)."""
    try:
        return from_public_id("eml", text)
    except UnknownId:
        raise _unknown() from None


def _find(caller: Caller, text: str) -> EmailView:
    found = find_email(caller.account_id, _read_id(text))
    if found is None:
        raise _unknown()
    return found


# ── Refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _unknown() -> Problem:
    return Problem(404, "not_found", "There is no such email in this account, or its log was deleted.")


@contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except EmailActError as error:
        if error.code == "unknown_email":
            raise _unknown() from None
        status = {"too_far_ahead": 422, "test_key": 403}.get(error.code, 409)
        fields = (FieldError("send_at", str(error)),) if status == 422 else ()
        raise Problem(status, error.code, str(error), fields) from None


def _refuse(refused: RefusedEmail) -> Problem:
    """With the code of what is wrong, or `invalid` where that is several things."""
    errors = tuple(FieldError(fault.field or "email", fault.text) for fault in refused.faults)
    code = name_code(refused)
    if code == "account_stopped":
        return Problem(403, code, errors[0].message)
    if code == "invalid":
        return refuse(*errors)
    return Problem(422, code, errors[0].message, errors)


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _headers(taken: Taken) -> dict[str, str]:
    return {**NO_STORE, REPLAYED: "true"} if taken.replayed else NO_STORE
