"""The listener for bounces and complaints.

1. RCPT is accepted for a return-path that we made, whatever its domain, and for the addresses that complaints are sent to. Anything
   else is refused at once, so that forged reports cost one line.
2. The message is read and its consequence committed; then 250. While the database is away, or the message itself is still being
   sent: 451, the sender keeps it.
3. Nothing is ever answered or passed on (RFC 3834 §2: no automatic mail about automatic mail).
"""

from __future__ import annotations

import asyncio
import logging

from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.db import DatabaseError, close_old_connections

from dynamail.feedback.finding import is_return_path
from dynamail.feedback.models import Source
from dynamail.feedback.receiving import Taken, take_report
from dynamail.lib.clock import utc_now
from dynamail.smtpd.sessions import BoundedSession, Places

MAX_REPORT_BYTES = 10 * 2**20
MOST_RECIPIENTS = 10  # a report has one
MOST_AT_ONCE = 4  # reports read at the same time
MOST_SESSIONS = 100
LOCAL_PARTS = frozenset(("abuse", "complaints", "fbl", "postmaster"))

log = logging.getLogger(__name__)


class ReportsHandler:
    """aiosmtpd's hooks."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(MOST_AT_ONCE)
        self.places = Places(MOST_SESSIONS)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        if not is_return_path(address) and not _takes_complaints(address):
            return "550 5.1.1 No such address here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        try:
            async with self._turn:
                taken = await asyncio.to_thread(_take, raw, list(envelope.rcpt_tos))
        except DatabaseError:
            log.exception("a report could not be stored")
            return "451 4.3.0 Reports cannot be stored now; try again"
        if taken.is_early:
            return "451 4.3.0 That message is still being sent; try again"
        log.info("report taken: %s, %s", taken.kind, taken.effect)
        return "250 2.0.0 Taken"

    async def take(self, raw: bytes, _envelope_from: str, recipient: str) -> bool:
        """Mail of the simulator; False while the message that it is about is still being sent. Raises DatabaseError."""
        async with self._turn:
            return not (await asyncio.to_thread(_take, raw, [recipient])).is_early


def make_reports_session(handler: ReportsHandler, loop: asyncio.AbstractEventLoop) -> SMTP:
    """One SMTP session of the listener."""
    return BoundedSession(
        handler,
        places=handler.places,
        data_size_limit=MAX_REPORT_BYTES,
        enable_SMTPUTF8=True,
        hostname=settings.HELO_NAME,
        ident="DynaMail",
        loop=loop,
    )


def _take(raw: bytes, envelope_to: list[str]) -> Taken:
    close_old_connections()
    try:
        return take_report(raw, envelope_to=envelope_to, source=Source.SMTP, now=utc_now())
    finally:
        close_old_connections()


def _takes_complaints(address: str) -> bool:
    local, _, domain = address.lower().rpartition("@")
    return local in LOCAL_PARTS and domain in (settings.RETURN_PATH_DOMAIN, settings.PUBLIC_HOST)
