"""SendGrid's door: `/compat/sendgrid/v3`. `docs/api/compat_sendgrid.md`.

A request becomes one email for each personalization. What can be checked is checked for all of them before anything is accepted;
what only the account's data tell (a suppressed address) keeps one out and not the others, and is named in the answer's body.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec
from django.conf import settings
from litestar import Response, get, post

from dynamail.accounts.api_keys import Scope
from dynamail.api.auth import ApiRequest, needs_scope
from dynamail.api.compat.doors import NO_STORE, field_of, open_door, sentence_of
from dynamail.api.compat.reading import decode_said
from dynamail.api.compat.sendgrid_emails import to_emails
from dynamail.api.compat.sendgrid_shapes import Said, is_on
from dynamail.api.compat.sending import Outcome, may_send, refuse_unless_all_fit, send_each
from dynamail.api.errors import Problem
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import to_public_id
from dynamail.messages.new_email import AcceptedEmail

MAX_BYTES = 30 * 2**20
_UNVERIFIED = ("domain_unverified", "sender_unverified", "from_free_mail")
_STATUS = {422: 400}  # of ours, where SendGrid's is another
_decoder = msgspec.json.Decoder(Said)


class ErrorBody(msgspec.Struct, frozen=True):
    message: str
    field: str | None
    help: str | None


class ErrorsBody(msgspec.Struct, frozen=True):
    errors: list[ErrorBody]


class ScopesBody(msgspec.Struct, frozen=True):
    scopes: list[str]


# ── The routes ───────────────────────────────────────────────────────────────────────────────────────────────────────
@post("/mail/send", guards=[may_send], status_code=202)
async def send(request: ApiRequest) -> Response[Any]:
    said = decode_said(request, await request.body(), _decoder)
    emails = to_emails(said, utc_now())
    refuse_unless_all_fit(emails)
    if is_on(said.settings.sandbox_mode):
        return Response(b"", status_code=200, headers=NO_STORE)
    outcomes = await send_each(request, emails)
    return _answer(outcomes)


@get("/scopes", guards=[needs_scope(Scope.SEND_MESSAGES)])
async def list_scopes(request: ApiRequest) -> Response[ScopesBody]:
    """What clients ask to see whether a key works."""
    return Response(ScopesBody(["mail.send"]), headers=NO_STORE)


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _answer(outcomes: Sequence[Outcome]) -> Response[Any]:
    """Raises the first problem when nothing was accepted."""
    accepted = [one for one in outcomes if isinstance(one, AcceptedEmail)]
    errors = [
        _describe(one, f"personalizations.{place}")
        for place, one in enumerate(outcomes)
        if isinstance(one, Problem)
    ]
    if not accepted:
        raise next(one for one in islice(outcomes, 1) if isinstance(one, Problem))
    headers = {**NO_STORE, "x-message-id": to_public_id("eml", accepted[0].id)}
    return Response(ErrorsBody(errors) if errors else b"", status_code=202, headers=headers)


def _describe(problem: Problem, place: str = "") -> ErrorBody:
    field = ".".join(filter(None, (place, field_of(problem)))) or None
    return ErrorBody(
        sentence_of(problem), field, f"{settings.PUBLIC_URL}/api/" if problem.status == 422 else None
    )


def tell(problem: Problem) -> Response[ErrorsBody]:
    status = 403 if problem.code in _UNVERIFIED else _STATUS.get(problem.status, problem.status)
    return Response(ErrorsBody([_describe(problem)]), status_code=status)


DOOR = open_door("/sendgrid/v3", [send, list_scopes], tell=tell, max_bytes=MAX_BYTES)
