"""Submitted messages into the database: the key, the idempotency, the emails. In threads, since Django's connections belong to them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID

from django.db import DatabaseError, InterfaceError, close_old_connections, connections, transaction
from django.utils import translation

from dynamail.accounts.api_keys import Scope, find_api_key, is_well_formed, may_come_from, read_networks
from dynamail.accounts.idempotency import (
    BadKey,
    KeyReused,
    StoredAnswer,
    ask_to_release,
    check_key,
    claim_key,
    hash_request,
    store_answer,
)
from dynamail.accounts.models import ApiKey
from dynamail.accounts.request_log import NewApiRequest, RequestLog
from dynamail.accounts.tenancy import account_scope
from dynamail.lib.asking import run_inquiry
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id, to_public_id
from dynamail.messages.checking import MAX_RECIPIENTS
from dynamail.messages.emails import accept_emails
from dynamail.messages.models import SourceKind
from dynamail.messages.new_email import AcceptedEmail, AcceptResult, EmailFault, NewEmail, RefusedEmail
from dynamail.privacy.acceptance import has_accepted
from dynamail.smtpd.submission import SignedIn, WrongKey
from dynamail.smtpd.submission_message import Misread, Submission, read_submission

DATABASE_THREADS = 4
LONGEST_REPLY = 400  # characters of what a client is told
AWAY = "451 4.3.0 The database does not answer at the moment; try again"
REFUSED, TOO_LARGE, UNFIT = "550 5.7.1", "552 5.3.4", "550 5.6.0"  # RFC 3463
POLICY = ("suppressed", "account_stopped")

Answer = TypeVar("Answer")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a message met, for the client and for the account's log of requests."""

    reply: str
    key_id: int | None = None
    email_id: UUID | None = None
    code: str = ""
    errors: tuple[tuple[str, str], ...] = ()


class DatabaseAcceptor:
    """`submission.Acceptor` for an installation."""

    def __init__(self, requests: RequestLog) -> None:
        self._threads = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="submission")
        self._requests = requests

    async def sign_in(self, secrets: tuple[str, ...], *, ip: str) -> SignedIn | WrongKey:
        try:
            return await self._run(lambda: find_signer(secrets, ip))
        except (DatabaseError, InterfaceError):
            log.exception("a key could not be looked up")
            return WrongKey("454 4.7.0 Keys cannot be checked at the moment; try again")

    async def accept(
        self, signed_in: SignedIn, raw: bytes, *, envelope_from: str, recipients: list[str], ip: str
    ) -> str:
        """The reply to the final dot."""
        now, began = utc_now(), time.monotonic()
        try:
            outcome = await self._run(lambda: accept_submission(signed_in, raw, recipients, ip))
        except (DatabaseError, InterfaceError):
            log.exception("a submitted message could not be stored")
            outcome = Outcome(AWAY, code="unavailable")
        self._requests.note(
            NewApiRequest(
                signed_in.account_id,
                new_id(now),
                now,
                outcome.key_id,
                door="smtp",
                method="SMTP",
                path="submission",
                status=int(outcome.reply[:3]),
                code=outcome.code,
                ms=round((time.monotonic() - began) * 1000),
                subject_id=outcome.email_id,
                detail=outcome.reply if outcome.code else "",
                errors=outcome.errors,
            )
        )
        return outcome.reply

    def close(self) -> None:
        self._threads.shutdown()

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        def run() -> Answer:
            close_old_connections()
            try:
                with translation.override("en"):
                    return work()
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)


# ── Keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def find_signer(secrets: tuple[str, ...], ip: str) -> SignedIn | WrongKey:
    for secret in filter(is_well_formed, secrets):
        found = _find_key(secret, ip)
        return found if isinstance(found, WrongKey) else SignedIn(secret, found.account_id)
    return WrongKey("535 5.7.8 The password is not an API key (dm_live_… or dm_test_…)")


def _find_key(secret: str, ip: str) -> ApiKey | WrongKey:
    now = utc_now()
    key = find_api_key(secret, now=now)
    if key is None:
        return WrongKey("535 5.7.8 This API key is wrong, revoked or expired")
    if not may_come_from(read_networks(key), ip):
        return WrongKey(f"535 5.7.8 This API key may not be used from {ip}")
    with account_scope(key.account_id):
        if not has_accepted(key.account_id, now=now):
            return WrongKey(
                "535 5.7.8 Nobody of this account has accepted the privacy policy in force; sign in and accept it"
            )
    if Scope.SEND_MESSAGES not in key.scopes:
        return WrongKey(f"535 5.7.8 This API key lacks the scope {Scope.SEND_MESSAGES.value}")
    return key


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def accept_submission(signed_in: SignedIn, raw: bytes, recipients: Sequence[str], ip: str) -> Outcome:
    """Accept one message in one transaction, which is committed when this returns."""
    key = _find_key(signed_in.secret, ip)
    if isinstance(key, WrongKey):
        return Outcome(key.reply, code="unauthenticated")
    try:
        submission = read_submission(raw, recipients=recipients, now=utc_now())
        said = submission.idempotency_key
        claim = check_key(said, is_test=key.is_test) if said else ""
    except (Misread, BadKey) as error:
        return Outcome(write_reply(UNFIT, str(error)), key.pk, code="bad_message")
    with account_scope(key.account_id), connections["default"].cursor() as cursor:
        if not claim:
            return _store(key, submission, cursor)
        body_hash = hash_request("DATA", " ".join(recipients), raw)
        return _store_once(key, submission, claim, body_hash, cursor)


def _store_once(key: ApiKey, submission: Submission, claim: str, body_hash: bytes, cursor: Any) -> Outcome:
    try:
        stored = run_inquiry(claim_key(key.account_id, claim, body_hash, now=utc_now()), cursor)
    except KeyReused as error:
        return Outcome(write_reply(UNFIT, str(error)), key.pk, code="idempotency_key_reused")
    if stored is not None:
        return Outcome(stored.answer.decode(), key.pk)
    outcome = _store(key, submission, cursor)
    if outcome.email_id is None:
        release = ask_to_release(key.account_id, [claim])
        cursor.execute(release.statement, release.parameters)
    else:
        answer = StoredAnswer(int(outcome.reply[:3]), outcome.reply.encode())
        run_inquiry(store_answer(key.account_id, claim, answer), cursor)
    return outcome


def _store(key: ApiKey, submission: Submission, cursor: Any) -> Outcome:
    """All parts of the message or none: 250 answers for every recipient (RFC 5321 §6.1)."""
    emails = list(_split(submission.email))
    inquiry = accept_emails(key.account_id, emails, source_kind=SourceKind.SMTP, key=key, now=utc_now())
    if len(emails) == 1:
        return _describe(key, run_inquiry(inquiry, cursor))
    try:
        with transaction.atomic():
            results = run_inquiry(inquiry, cursor)
            if faulty := [one for one in results if _is_faulty(one)]:
                raise _PartRefused(faulty)
    except _PartRefused as refused:
        return _describe(key, refused.parts)
    return _describe(key, results)


class _PartRefused(Exception):
    """Takes back what was stored of the other parts."""

    def __init__(self, parts: Sequence[AcceptResult]) -> None:
        super().__init__()
        self.parts = parts


def _is_faulty(result: AcceptResult) -> bool:
    """Is there more against it than that nobody of its recipients may be written to?"""
    return isinstance(result, RefusedEmail) and any(one.code != "suppressed" for one in result.faults)


def _split(email: NewEmail) -> list[NewEmail]:
    """One transaction may name more recipients than an email has."""
    starts = range(0, len(email.recipients), MAX_RECIPIENTS)
    return [replace(email, recipients=email.recipients[at : at + MAX_RECIPIENTS]) for at in starts]


def _describe(key: ApiKey, results: Sequence[AcceptResult]) -> Outcome:
    """What several parts of one message met: the client is told of a fault only when nothing was taken."""
    accepted = [one for one in results if isinstance(one, AcceptedEmail)]
    if accepted:
        ids = " ".join(to_public_id("eml", one.id) for one in accepted)
        return Outcome(f"250 2.0.0 OK {ids}", key.pk, accepted[0].id)
    faults = [fault for one in results if isinstance(one, RefusedEmail) for fault in one.faults]
    errors = tuple((fault.field, fault.text) for fault in faults)
    return Outcome(
        describe_faults(faults), key.pk, code=faults[0].code if faults else "invalid", errors=errors
    )


def describe_faults(faults: Sequence[EmailFault]) -> str:
    """The first fault decides the code; the client reads all their sentences, as far as they fit."""
    words = " ".join(dict.fromkeys(fault.text for fault in faults)) or "The message cannot be accepted."
    return write_reply(_name_code(faults[0]) if faults else UNFIT, words)


def _name_code(fault: EmailFault) -> str:
    if fault.code == "too_large":
        return TOO_LARGE
    return REFUSED if fault.field == "from" or fault.code in POLICY else UNFIT


def write_reply(code: str, words: str) -> str:
    """One line without anything that could end it."""
    return f"{code} {' '.join(words.split())}"[:LONGEST_REPLY]
