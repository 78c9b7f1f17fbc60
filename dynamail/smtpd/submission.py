"""SMTP for programs that send (RFC 6409): one client's session.

1. TLS comes first: by STARTTLS (RFC 3207; what was said before it is forgotten) or from the first byte (RFC 8314 §3). A client on this
   very machine may do without.
2. AUTH PLAIN or LOGIN: the API key is the password, the user name may be anything. Wrong keys are counted by network.
3. MAIL FROM may be anything; the From of the header decides. Up to 100 recipients.
4. The message is read (`content.py`), understood (`submission_message.py`) and accepted; 250 with its id is said after COMMIT.

While the database is away the answer is 451, and the client keeps the message.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import re
from collections.abc import Awaitable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Protocol, cast

from aiosmtpd.smtp import Envelope, Session
from django.conf import settings

from dynamail.messages.checking import MAX_RAW_BYTES
from dynamail.protocols.address import AddressError, parse_address
from dynamail.smtpd.attempts import Attempts
from dynamail.smtpd.content import ContentRefused, Room, read_content
from dynamail.smtpd.sessions import BoundedSession, Places

MAX_SUBMITTED_BYTES = MAX_RAW_BYTES
MOST_BYTES_AT_ONCE = 8 * MAX_SUBMITTED_BYTES
MOST_SUBMITTERS = 300
MOST_OF_ONE_NETWORK = 100
MOST_RECIPIENTS = 100
MOST_WRONG_KEYS = 3  # in one session
SIGN_IN_SECONDS = 60  # from the greeting to AUTH
IDLE_SECONDS = 300  # between commands, and for the whole of a message (RFC 5321 §4.5.3.2.7)
LONGEST_ANSWER = 1_000  # octets of a client's answer to a challenge

_AUTH_PARAMETER = re.compile(r"\s+AUTH=\S*", re.IGNORECASE)  # RFC 4954 §5: may be ignored

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose session it is. The secret is looked up again for each message: a key may be revoked while a client stays."""

    secret: str
    account_id: int


@dataclass(frozen=True, slots=True)
class WrongKey:
    """`reply` tells the client why."""

    reply: str


class Acceptor(Protocol):
    """What a session needs of the rest (`submission_accepting.py`)."""

    def sign_in(self, secrets: tuple[str, ...], *, ip: str) -> Awaitable[SignedIn | WrongKey]: ...

    def accept(
        self, signed_in: SignedIn, raw: bytes, *, envelope_from: str, recipients: list[str], ip: str
    ) -> Awaitable[str]: ...


class SubmissionHandler:
    """aiosmtpd's hooks, and what all sessions share."""

    def __init__(self, acceptor: Acceptor, attempts: Attempts) -> None:
        self.acceptor, self.attempts = acceptor, attempts
        self.places = Places(MOST_SUBMITTERS, most_of_one=MOST_OF_ONE_NETWORK)
        self.room = Room(MOST_BYTES_AT_ONCE)

    async def handle_EHLO(
        self, _server: Any, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_RCPT(
        self, _server: Any, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return f"452 4.5.3 Too many recipients; {MOST_RECIPIENTS} fit into one transaction"
        try:
            parse_address(address)
        except AddressError as error:
            return f"553 5.1.3 {error}"  # of this one; the others get the message
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_exception(self, error: Exception) -> str:
        log.error("an SMTP command failed", exc_info=error)
        return "451 4.3.0 Something went wrong here; it has been noted. Try again"


class SubmissionSession(BoundedSession):
    """One client. `tls_from_start`: the transport below speaks TLS already."""

    def __init__(self, handler: SubmissionHandler, *, tls_from_start: bool, **options: Any) -> None:
        super().__init__(
            handler,
            places=handler.places,
            data_size_limit=MAX_SUBMITTED_BYTES,
            enable_SMTPUTF8=True,
            hostname=settings.HELO_NAME,
            ident="DynaMail",
            timeout=IDLE_SECONDS,
            auth_required=True,
            auth_require_tls=True,
            **options,
        )
        self.handler = handler
        self._tls_from_start = tls_from_start
        self._wrong_keys = 0
        self._patience: asyncio.TimerHandle | None = None

    # ── The connection ───────────────────────────────────────────────────────────────────────────────────────────────
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.transport is None:
            return  # no place
        self._auth_require_tls = not (self._tls_from_start or _is_this_machine(self.ip))
        if self._patience is None:
            self._patience = self.loop.call_later(SIGN_IN_SECONDS, self._close_unless_signed_in)

    def connection_lost(self, error: Exception | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        super().connection_lost(error)

    def _close_unless_signed_in(self) -> None:
        if not self.client.authenticated:
            self.hang_up()

    # ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────────
    async def smtp_AUTH(self, arg: str | None) -> None:
        if await self.check_helo_needed("EHLO"):
            return
        if (refusal := self._refuse_to_sign_in(arg)) is not None:
            await self.push(refusal)
            return
        mechanism, _, initial = (arg or "").partition(" ")
        try:
            secrets = await self._ask_for_key(mechanism.upper(), initial.strip())
        except ContentRefused as refused:
            await self.push(refused.reply)
            return
        await self._sign_in(secrets)

    async def smtp_MAIL(self, arg: str | None) -> None:
        await super().smtp_MAIL(_AUTH_PARAMETER.sub("", arg) if arg else arg)

    # ── Signing in ───────────────────────────────────────────────────────────────────────────────────────────────────
    def _refuse_to_sign_in(self, arg: str | None) -> str | None:
        if not self.client.extended_smtp:
            return "503 5.5.1 Say EHLO first"
        if self._auth_require_tls and not self._tls_protocol:
            return "538 5.7.11 Encryption is required to sign in: use STARTTLS, or the port with TLS"
        if self.client.authenticated:
            return "503 5.5.1 Already signed in"
        if not arg or arg.split()[0].upper() not in ("PLAIN", "LOGIN"):
            return "504 5.5.4 Sign in with AUTH PLAIN or AUTH LOGIN"
        if self.handler.attempts.are_spent(self.network):
            return "454 4.7.0 Too many wrong keys from your network; try again in ten minutes"
        return None

    async def _ask_for_key(self, mechanism: str, initial: str) -> tuple[str, ...]:
        """What may be the key: the password, then the user name. Raises ContentRefused."""
        if mechanism == "LOGIN":
            name = _decode(initial) if initial else await self._challenge(b"User Name\0")
            password = await self._challenge(b"Password\0")
            return _as_texts(password, name)
        answer = _decode(initial) if initial else await self._challenge(b"")
        parts = answer.split(b"\0")  # RFC 4616: authorization, user name, password
        if len(parts) != 3:
            raise ContentRefused("501 5.5.2 AUTH PLAIN needs a user name and a password")
        return _as_texts(parts[2], parts[1])

    async def _challenge(self, words: bytes) -> bytes:
        await self.push(b"334 " + base64.b64encode(words))
        line = await self._reader.readline()
        if len(line) > LONGEST_ANSWER:
            raise ContentRefused("500 5.5.6 The answer is too long")
        if line.strip() == b"*":
            raise ContentRefused("501 5.7.0 Signing in was given up")
        return _decode(line.decode("ascii", "replace").strip())

    async def _sign_in(self, secrets: tuple[str, ...]) -> None:
        found = await self.handler.acceptor.sign_in(secrets, ip=self.ip)
        if isinstance(found, SignedIn):
            self.client.authenticated = True
            self.client.auth_data = cast(Any, found)
            self.handler.attempts.forget(self.network)
            await self.push("235 2.7.0 Signed in")
            return
        if found.reply.startswith("4"):
            await self.push(found.reply)
            return
        self._wrong_keys += 1
        self.handler.attempts.note_failure(self.network)
        await self.push(found.reply)
        if self._wrong_keys >= MOST_WRONG_KEYS:
            await self.push("421 4.7.0 Too many wrong keys")
            self.hang_up()

    # ── The message ──────────────────────────────────────────────────────────────────────────────────────────────────
    async def take_message(self) -> str:
        """The reply to the final dot. Raises ContentRefused."""
        signed_in = cast(SignedIn, self.client.auth_data)
        with self.handler.room.share(self.network) as share:
            raw = await read_content(self._reader, most=MAX_SUBMITTED_BYTES, share=share)
            self._reset_timeout()
            try:
                return await self.handler.acceptor.accept(
                    signed_in,
                    raw,
                    envelope_from=self.mail.mail_from or "",
                    recipients=list(self.mail.rcpt_tos),
                    ip=self.ip,
                )
            except Exception:
                log.exception("a submitted message could not be accepted")
                return "451 4.3.0 Something went wrong here; it has been noted. Try again"


def _decode(text: str) -> bytes:
    """Raises ContentRefused. "=" alone is an empty answer (RFC 4954 §4)."""
    try:
        return b"" if text == "=" else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ContentRefused("501 5.5.2 This is not base64") from None


def _as_texts(*values: bytes) -> tuple[str, ...]:
    return tuple(value.decode("utf-8", "replace").strip() for value in values)


def _is_this_machine(ip: str) -> bool:
    try:
        return ip_address(ip).is_loopback
    except ValueError:
        return False
