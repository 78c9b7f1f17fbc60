"""Handing emails over, and what each of them became."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from litestar.handlers import BaseRouteHandler

from dynamail.accounts.api_keys import Scope
from dynamail.api.auth import ApiRequest, Connection, admit
from dynamail.api.compat.doors import refuse_email
from dynamail.api.errors import Problem
from dynamail.api.limits import Bucket
from dynamail.api.taking import take_emails
from dynamail.lib.clock import utc_now
from dynamail.messages.checking import check_email
from dynamail.messages.emails import MAX_AT_ONCE
from dynamail.messages.new_email import AcceptedEmail, AcceptResult, NewEmail

Said = TypeVar("Said")
Read = NewEmail | Problem
Outcome = AcceptedEmail | Problem


async def may_send(connection: Connection, _handler: BaseRouteHandler) -> None:
    """A guard: who calls is known before the body is read, so that the request log has what is refused. Raises Problem."""
    connection.state.caller = await admit(connection, Scope.SEND_MESSAGES, bucket=Bucket.EMAILS)


def read_each(said: Iterable[Said], read: Callable[[Said], NewEmail]) -> list[Read]:
    """Each as an email of ours, or what is wrong with it."""
    return [_read_one(one, read) for one in said]


async def send_each(
    request: ApiRequest,
    emails: Sequence[Read],
    *,
    idempotency_key: str = "",
    together: bool = False,
) -> list[Outcome]:
    """Send those that could be read; an outcome for each, in order. With `together` (up to MAX_AT_ONCE) all are sent or none.

    For routes with the guard `may_send`. Raises Problem.
    """
    fit = [one for one in emails if isinstance(one, NewEmail)]
    results: list[AcceptResult] = []
    for start in range(0, len(fit) or 1, MAX_AT_ONCE):
        taken = await take_emails(
            request,
            fit[start : start + MAX_AT_ONCE],
            caller=request.state.caller,
            idempotency_key=idempotency_key,
            together=together,
        )
        results += taken.results
    coming = iter(results)
    return [_judge(next(coming)) if isinstance(one, NewEmail) else one for one in emails]


async def send_one(request: ApiRequest, email: NewEmail, *, idempotency_key: str = "") -> AcceptedEmail:
    """Raises Problem."""
    (outcome,) = await send_each(request, [email], idempotency_key=idempotency_key)
    if isinstance(outcome, Problem):
        raise outcome
    return outcome


def refuse_unless_all_fit(emails: Iterable[NewEmail]) -> None:
    """For vendors that take a request whole or not at all: what can be said against an email by itself is said first. Raises Problem."""
    now = utc_now()
    for email in emails:
        if faults := check_email(email, now=now).faults:
            raise refuse_email(faults)


def _read_one(said: Said, read: Callable[[Said], NewEmail]) -> Read:
    try:
        return read(said)
    except Problem as problem:
        return problem


def _judge(result: AcceptResult) -> Outcome:
    return result if isinstance(result, AcceptedEmail) else refuse_email(result.faults)
