"""The Mailbox's SMTP listener.

1. It listens on a loopback address only, so that nothing outside the machine can put mail into a Mailbox.
2. A deliver worker signs in as the account (AUTH, the account's id and a password derived from the installation's secret).
3. Every accepted message becomes one `captured_message` row; 250 is answered after COMMIT.
4. Nothing is ever passed on. Recipients of the simulator are played (`simulator.py`).
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import warnings
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from email.policy import compat32

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from psycopg_pool import AsyncConnectionPool

from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from dynamail.lib.sql import load_sql
from dynamail.senders.capture import capture_password
from dynamail.smtpd.simulator import UNKNOWN, PlayKind, Refusals, is_simulated, read_play
from dynamail.smtpd.simulator_acting import SLOW_SECONDS, Actor

# The largest email that is accepted: 25 MiB of files in base 64 with their line ends, and long texts beside them.
MAX_MESSAGE_BYTES = 64 * 2**20
LONGEST_HEADER = 500  # characters kept for the list; the raw source keeps all

log = logging.getLogger(__name__)


def check_login(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
) -> AuthResult:
    """Accept the account whose derived password this is."""
    if not isinstance(data, LoginPassword) or not data.login.isdigit():
        return AuthResult(success=False)
    account_id = int(data.login)
    if not hmac.compare_digest(data.password, capture_password(account_id).encode()):
        return AuthResult(success=False)
    return AuthResult(success=True, auth_data=account_id)


class CaptureHandler:
    """aiosmtpd's hooks."""

    def __init__(self, pool: AsyncConnectionPool, actor: Actor | None = None) -> None:
        self.pool, self.actor = pool, actor
        self._refusals = Refusals()

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if is_simulated(address):
            play = read_play(address)
            if play is None or play.kind is PlayKind.SUPPRESSED:
                return UNKNOWN
            if self._refusals.refuses(play, envelope.mail_from or "", address):
                return play.refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        account_id = session.auth_data
        raw = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        headers = BytesHeaderParser(policy=compat32).parsebytes(raw)
        rows = [
            {
                "account_id": account_id,
                "id": new_id(),
                "at": utc_now(),
                "envelope_from": (envelope.mail_from or "")[:320],
                "envelope_to": recipient[:320],
                "from_text": _read_header(headers.get("From")),
                "subject": _read_header(headers.get("Subject")),
                "message_id": str(headers.get("Message-ID") or "").strip()[:255],
                "size_bytes": len(raw),
                "raw": raw,
            }
            for recipient in envelope.rcpt_tos
        ]
        try:
            async with self.pool.connection() as connection, connection.cursor() as cursor:
                await cursor.executemany(load_sql("smtpd", "insert_captured"), rows)
        except Exception:
            log.exception("a captured message could not be stored")
            return "451 4.3.0 The Mailbox cannot store the message now; try again"
        await self._play(raw, envelope)
        return "250 2.0.0 Kept in the Mailbox"

    async def _play(self, raw: bytes, envelope: Envelope) -> None:
        for recipient in filter(is_simulated, envelope.rcpt_tos):
            play = read_play(recipient)
            if play is not None and play.kind is PlayKind.SLOW:
                await asyncio.sleep(SLOW_SECONDS)
            elif play is not None and self.actor is not None:
                self.actor.act(play, raw, envelope_from=envelope.mail_from or "", recipient=recipient)


def _read_header(value: object) -> str:
    """A header as a person reads it; hostile or broken encodings are shown as they are."""
    if value is None:
        return ""
    try:
        text = str(make_header(decode_header(str(value))))
    except (ValueError, LookupError):
        text = str(value)
    return " ".join(text.replace("\x00", " ").split())[:LONGEST_HEADER]


def make_capture_session(handler: CaptureHandler, loop: asyncio.AbstractEventLoop) -> SMTP:
    """One SMTP session of the Mailbox."""
    # aiosmtpd warns of passwords in the clear at every connection; here they never leave the machine.
    warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
    return SMTP(
        handler,
        data_size_limit=MAX_MESSAGE_BYTES,
        enable_SMTPUTF8=True,
        hostname="mailbox.localhost",
        ident="DynaMail Mailbox",
        auth_required=True,
        auth_require_tls=False,  # loopback only
        authenticator=check_login,
        loop=loop,
    )
