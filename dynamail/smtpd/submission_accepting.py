"""Submitted messages into the database: the key, the idempotency, the emails. In threads, since Django's connections belong to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from django.utils import translation

from dynamail.accounts.api_keys import Scope, find_api_key, is_well_formed
from dynamail.accounts.models import ApiKey
from dynamail.accounts.tenancy import account_scope
from dynamail.lib.asking import run_inquiry
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import to_public_id
from dynamail.messages.checking import MAX_RECIPIENTS
from dynamail.messages.models import SourceKind
from dynamail.messages.new_email import AcceptedEmail, AcceptResult, EmailFault, NewEmail, RefusedEmail
from dynamail.smtpd.submission import SignedIn, WrongKey
from dynamail.smtpd.submission_message import Misread, Submission, read_submission

DATABASE_THREADS = 4
LONGEST_REPLY = 400  # characters of what a client is told
AWAY = "451 4.3.0 The database does not answer at the moment; try again"
# What a fault means in SMTP (RFC 3463); any other is about the message itself.
REPLIES = {
    "from_not_allowed": "550 5.7.1",
    "suppressed": "550 5.7.1",
    "no_consent": "550 5.7.1",
    "too_large": "552 5.3.4",
    "limit_reached": "452 4.7.1",
}

Answer = TypeVar("Answer")
log = logging.getLogger(__name__)


class DatabaseAcceptor:
    """`submission.Acceptor` for an installation."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="submission")

    async def sign_in(self, secrets: tuple[str, ...], *, ip: str) -> SignedIn | WrongKey:
        try:
            return await self._run(lambda: _find_signer(secrets, ip))
        except (DatabaseError, InterfaceError):
            log.exception("a key could not be looked up")
            return WrongKey("454 4.7.0 Keys cannot be checked at the moment; try again")

    async def accept(
        self, signed_in: SignedIn, raw: bytes, *, envelope_from: str, recipients: list[str], ip: str
    ) -> str:
        """The reply to the final dot."""
        try:
            return await self._run(lambda: _accept(signed_in, raw, recipients, ip))
        except (DatabaseError, InterfaceError):
            log.exception("a submitted message could not be stored")
            return AWAY

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
def _find_signer(secrets: tuple[str, ...], ip: str) -> SignedIn | WrongKey:
    for secret in filter(is_well_formed, secrets):
        found = _find_key(secret, ip)
        return found if isinstance(found, WrongKey) else SignedIn(secret, found.account_id)
    return WrongKey("535 5.7.8 The password is not an API key (dm_live_… or dm_test_…)")


def _find_key(secret: str, ip: str) -> ApiKey | WrongKey:
    key = find_api_key(secret, now=utc_now())
    if key is None:
        return WrongKey("535 5.7.8 This API key is wrong, revoked or expired")
    if not may_come_from(key, ip):
        return WrongKey(f"535 5.7.8 This API key may not be used from {ip}")
    if Scope.SEND_MESSAGES not in key.scopes:
        return WrongKey(f"535 5.7.8 This API key lacks the scope {Scope.SEND_MESSAGES.value}")
    return key


def may_come_from(key: ApiKey, ip: str) -> bool:
    """Does the key say nothing of addresses, or name this one?"""
    if not key.allowed_ips:
        return True
    address = ip_address(ip.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in ip_network(one, strict=False) for one in key.allowed_ips)


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _accept(signed_in: SignedIn, raw: bytes, recipients: Sequence[str], ip: str) -> str:
    key = _find_key(signed_in.secret, ip)
    if isinstance(key, WrongKey):
        return key.reply
    try:
        submission = read_submission(raw, recipients=recipients, now=utc_now())
    except Misread as error:
        return write_reply("550 5.6.0", str(error))
    with account_scope(key.account_id):
        return _describe(_store(key, submission))


def _store(key: ApiKey, submission: Submission) -> list[AcceptResult]:
    from dynamail.messages.emails import accept_emails

    emails = list(_split(submission.email))
    with connections["default"].cursor() as cursor:
        inquiry = accept_emails(key.account_id, emails, source_kind=SourceKind.SMTP, key=key, now=utc_now())
        return run_inquiry(inquiry, cursor)


def _split(email: NewEmail) -> list[NewEmail]:
    """One transaction may name more recipients than an email has."""
    starts = range(0, len(email.recipients), MAX_RECIPIENTS)
    return [replace(email, recipients=email.recipients[at : at + MAX_RECIPIENTS]) for at in starts]


def _describe(results: Sequence[AcceptResult]) -> str:
    accepted = [one for one in results if isinstance(one, AcceptedEmail)]
    if accepted:
        ids = " ".join(to_public_id("eml", one.id) for one in accepted)
        return f"250 2.0.0 OK {ids}"
    faults = [fault for one in results if isinstance(one, RefusedEmail) for fault in one.faults]
    return describe_faults(faults)


def describe_faults(faults: Sequence[EmailFault]) -> str:
    """The first fault decides the code; the client reads all their sentences, as far as they fit."""
    words = " ".join(dict.fromkeys(fault.text for fault in faults)) or "The message cannot be accepted."
    return write_reply(REPLIES.get(faults[0].code if faults else "", "550 5.6.0"), words)


def write_reply(code: str, words: str) -> str:
    """One line without anything that could end it."""
    return f"{code} {' '.join(words.split())}"[:LONGEST_REPLY]
