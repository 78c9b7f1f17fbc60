"""Mailgun's door: `/compat/mailgun/v3`. `docs/api/compat_mailgun.md`.

With `recipient-variables` a request becomes one email for each address in `to`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.conf import settings
from litestar import Response, post
from litestar.params import FromPath

from dynamail.api.auth import ApiRequest
from dynamail.api.compat.doors import BASIC, NO_STORE, Credentials, find_basic, open_door, sentence_of
from dynamail.api.compat.forms import Form, read_form
from dynamail.api.compat.mailgun_emails import read_options, to_emails, to_raw_email
from dynamail.api.compat.sending import Outcome, may_send, refuse_unless_all_fit, send_each
from dynamail.api.errors import Problem
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from dynamail.messages.header_fields import read_message_id
from dynamail.messages.new_email import AcceptedEmail, NewEmail
from dynamail.messages.raw_messages import read_head
from dynamail.protocols.mime import format_message_id

MAX_BYTES = 52 * 2**20 + 2**19
ASK_FOR_KEY = "Use Basic authentication: the user name api, and as the password an API key that works."
QUEUED = "Queued. Thank you."
_STATUS = {422: 400, 415: 400}  # of ours, where Mailgun's is another


class SentBody(msgspec.Struct, frozen=True):
    """`id` is the Message-ID that the recipients' copies carry, with its brackets."""

    id: str
    message: str


class ErrorBody(msgspec.Struct, frozen=True):
    message: str


# ── The routes ───────────────────────────────────────────────────────────────────────────────────────────────────────
@post("/{domain:str}/messages", guards=[may_send], status_code=200)
async def send(request: ApiRequest, domain: FromPath[str]) -> Response[SentBody]:
    form, now = await read_form(request), utc_now()
    return await _send(request, form, to_emails(form, domain, now), now)


@post("/{domain:str}/messages.mime", guards=[may_send], status_code=200)
async def send_composed(request: ApiRequest, domain: FromPath[str]) -> Response[SentBody]:
    form, now = await read_form(request), utc_now()
    return await _send(request, form, [to_raw_email(form, domain, now)], now)


async def _send(
    request: ApiRequest, form: Form, emails: Sequence[NewEmail], now: datetime
) -> Response[SentBody]:
    refuse_unless_all_fit(emails)
    if read_options(form, now).is_test:
        made = format_message_id(new_id(now).hex, settings.MESSAGE_ID_DOMAIN)
        return Response(SentBody(made, QUEUED), headers=NO_STORE)
    return _answer(emails, await send_each(request, emails), now)


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _answer(emails: Sequence[NewEmail], outcomes: Sequence[Outcome], now: datetime) -> Response[SentBody]:
    """Raises the first problem when nothing was accepted."""
    pairs = zip(emails, outcomes, strict=True)
    accepted = [(email, one) for email, one in pairs if isinstance(one, AcceptedEmail)]
    problems = [one for one in outcomes if isinstance(one, Problem)]
    if not accepted:
        raise problems[0]
    message = QUEUED
    if problems:
        message += f" {len(problems)} of {len(outcomes)} copies are not sent: {sentence_of(problems[0])}"
    return Response(SentBody(_find_message_id(*accepted[0]), message), headers=NO_STORE)


def _find_message_id(email: NewEmail, accepted: AcceptedEmail) -> str:
    own = ""
    if email.raw is not None:
        own = read_head(email.raw).message_id
    for name, value in email.headers:
        if name.lower() == "message-id":
            own = read_message_id(value)
    return f"<{own}>" if own else format_message_id(accepted.id.hex, settings.MESSAGE_ID_DOMAIN)


def tell(problem: Problem) -> Response[ErrorBody]:
    status = _STATUS.get(problem.status, problem.status)
    message = sentence_of(problem)
    if problem.status == 429 and problem.headers:
        message += f" Try again in {problem.headers.get('retry-after', '1')} seconds."
    return Response(ErrorBody(message), status_code=status)


DOOR = open_door(
    "/mailgun/v3",
    [send, send_composed],
    tell=tell,
    credentials=Credentials(find_basic, ASK_FOR_KEY, BASIC),
    max_bytes=MAX_BYTES,
)
