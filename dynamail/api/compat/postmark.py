"""Postmark's door: `/compat/postmark`. `docs/api/compat_postmark.md`.

A batch is answered 200 with a result for each email, in order; what is wrong with one keeps no other out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from litestar import Response, get, post
from litestar.datastructures import Headers
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.auth import ApiRequest, in_account, needs_scope
from dynamail.api.compat.doors import NO_STORE, Credentials, open_door, sentence_of, unfit
from dynamail.api.compat.log_words import get_email
from dynamail.api.compat.postmark_emails import MAX_BATCH, Said, SaidBatch, SaidTemplate, to_email
from dynamail.api.compat.postmark_views import DetailsBody, describe_details
from dynamail.api.compat.reading import decode_raw, decode_said
from dynamail.api.compat.sending import Outcome, may_send, read_each, send_each, send_one
from dynamail.api.errors import Problem
from dynamail.messages.new_email import AcceptedEmail, NewEmail, RecipientKind
from dynamail.protocols.address import split_mailbox

MAX_BYTES = 50 * 2**20
ASK_FOR_KEY = (
    "The header X-Postmark-Server-Token needs an API key of yours that works. To try things out, create a test key: "
    "POSTMARK_API_TEST is not known here."
)

# https://postmarkapp.com/developer/api/overview, "API error codes"
_BAD_TOKEN, _MAINTENANCE, _INVALID, _NO_SENDER, _INACTIVE = 10, 100, 300, 400, 406
_BAD_JSON, _WRONG_JSON, _NO_JSON, _TOO_MANY_IN_BATCH, _RATE = 402, 403, 409, 410, 429
_NO_MESSAGE, _NO_TEMPLATE = 701, 1101
_BY_CODE = {
    "invalid": _WRONG_JSON,
    "suppressed": _INACTIVE,
    "too_many_emails": _TOO_MANY_IN_BATCH,
    "unknown_template": _NO_TEMPLATE,
    "unknown_email": _NO_MESSAGE,
    "domain_unverified": _NO_SENDER,
    "sender_unverified": _NO_SENDER,
    "from_free_mail": _NO_SENDER,
    "template_archived": _NO_TEMPLATE,
    "template_ambiguous": _NO_TEMPLATE,
}
_BY_STATUS = {
    400: _BAD_JSON,
    401: _BAD_TOKEN,
    403: _BAD_TOKEN,
    415: _NO_JSON,
    429: _RATE,
    500: _MAINTENANCE,
    503: _MAINTENANCE,
}
_HTTP_STATUS = {400: 422, 403: 401, 415: 422}  # of ours, where Postmark's is another

_decoders = {shape: msgspec.json.Decoder(shape) for shape in (Said, SaidTemplate)}
_read_batch: msgspec.json.Decoder[Sequence[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_read_messages = msgspec.json.Decoder(SaidBatch)


class SentBody(msgspec.Struct, frozen=True, rename="pascal"):
    """`message_id` is the email's id as a UUID: some clients read it as one."""

    to: str
    submitted_at: str
    message_id: str = msgspec.field(name="MessageID")
    error_code: int = 0
    message: str = "OK"


class ErrorBody(msgspec.Struct, frozen=True, rename="pascal"):
    error_code: int
    message: str


# ── The routes ───────────────────────────────────────────────────────────────────────────────────────────────────────
@post("/email", guards=[may_send], status_code=200)
async def send(request: ApiRequest) -> Response[SentBody]:
    return await _send_one(request, Said)


@post("/email/withTemplate", guards=[may_send], status_code=200)
async def send_with_template(request: ApiRequest) -> Response[SentBody]:
    return await _send_one(request, SaidTemplate)


@post("/email/batch", guards=[may_send], status_code=200)
async def send_batch(request: ApiRequest) -> Response[list[SentBody | ErrorBody]]:
    return await _send_batch(request, decode_said(request, await request.body(), _read_batch), Said)


@post("/email/batchWithTemplates", guards=[may_send], status_code=200)
async def send_batch_with_templates(request: ApiRequest) -> Response[list[SentBody | ErrorBody]]:
    batch = decode_said(request, await request.body(), _read_messages)
    return await _send_batch(request, batch.messages, SaidTemplate)


@get("/messages/outbound/{email_id:str}/details", guards=[needs_scope(Scope.READ_MESSAGES)])
async def show(request: ApiRequest, email_id: FromPath[str]) -> Response[DetailsBody]:
    body = await in_account(request, lambda caller: describe_details(get_email(caller, email_id)))
    return Response(body, headers=NO_STORE)


async def _send_one(request: ApiRequest, shape: type[Said]) -> Response[SentBody]:
    email = to_email(decode_said(request, await request.body(), _decoders[shape]))
    try:
        accepted = await send_one(request, email)
    except Problem as problem:
        raise _name_inactive(problem, email) from None
    return Response(_describe_sent(email, accepted), headers=NO_STORE)


async def _send_batch(
    request: ApiRequest, said: Sequence[msgspec.Raw], shape: type[Said]
) -> Response[list[SentBody | ErrorBody]]:
    if len(said) > MAX_BATCH:
        text = f"A batch may have {MAX_BATCH} messages; this one has {len(said)}."
        raise unfit("too_many_emails", "Messages", text)
    emails = read_each(said, lambda one: to_email(decode_raw(one, _decoders[shape])))
    outcomes = await send_each(request, emails)
    bodies = [_describe(email, outcome) for email, outcome in zip(emails, outcomes, strict=True)]
    return Response(bodies, headers=NO_STORE)


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _describe_sent(email: NewEmail, accepted: AcceptedEmail) -> SentBody:
    to = ", ".join(one.text for one in email.recipients if one.kind == RecipientKind.TO)
    inactive = [one.email for one in accepted.recipients if one.refused]
    message = "OK"
    if inactive:  # clients read the addresses out of this sentence
        message = f"Message OK, but will not deliver to these inactive addresses: {', '.join(inactive)}."
    return SentBody(to, accepted.at.isoformat(), str(accepted.id), message=message)


def _describe_problem(problem: Problem) -> ErrorBody:
    code = _BY_CODE.get(problem.code) or _BY_STATUS.get(problem.status, _INVALID)
    return ErrorBody(code, sentence_of(problem))


def _describe(email: NewEmail | Problem, outcome: Outcome) -> SentBody | ErrorBody:
    if isinstance(email, Problem):
        return _describe_problem(email)
    if isinstance(outcome, AcceptedEmail):
        return _describe_sent(email, outcome)
    return _describe_problem(_name_inactive(outcome, email))


def _name_inactive(problem: Problem, email: NewEmail) -> Problem:
    """Clients read the addresses out of the sentence, between “inactive addresses:” and “Inactive”."""
    if problem.code != "suppressed":
        return problem
    names = ", ".join(split_mailbox(one.text).address.text for one in email.recipients)
    text = f"Nobody of them may be written to. Found inactive addresses: {names}. Inactive recipients bounced, complained or were suppressed."
    return replace(problem, detail=text)


def tell(problem: Problem) -> Response[ErrorBody]:
    status = _HTTP_STATUS.get(problem.status, problem.status)
    return Response(_describe_problem(problem), status_code=status)


def find_token(headers: Headers) -> str:
    return headers.get("x-postmark-server-token", "")


DOOR = open_door(
    "/postmark",
    [send, send_with_template, send_batch, send_batch_with_templates, show],
    tell=tell,
    credentials=Credentials(find_token, ASK_FOR_KEY),
    max_bytes=MAX_BYTES,
)
