"""The listener for bounces and complaints, and for what people write to the addresses of an account.

1. RCPT is accepted for a return-path that we made, whatever its domain, for the addresses that complaints are sent to, and for those of
   accounts (`inbound/addressing.py`). Anything else is refused at once, so that forged reports cost one line.
2. The message is read and its consequence committed; then 250. While the database is away, or the message itself is still being
   sent: 451, the sender keeps it.
3. Nothing is ever answered or passed on (RFC 3834 §2: no automatic mail about automatic mail).
4. A bare CR or LF (`content.py`): a letter with one is refused, for an account may pass it on, and its sender is told by a bounce. A report
   with one is taken: programs that quote what they could not deliver write such, nobody would ever tell us again, and it goes nowhere.
   Nothing is listened to after it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections

from dynamail.feedback.finding import is_return_path
from dynamail.feedback.models import Source
from dynamail.feedback.receiving import Taken, take_report
from dynamail.inbound.addressing import find_owner
from dynamail.inbound.receiving import take_incoming
from dynamail.inbound.verdicts import Client
from dynamail.lib.clock import utc_now
from dynamail.smtpd.content import Room, has_bare, read_content
from dynamail.smtpd.sessions import BoundedSession, Places

MAX_REPORT_BYTES = 20 * 2**20
MOST_BYTES_AT_ONCE = 8 * MAX_REPORT_BYTES
MOST_BYTES_OF_ONE_NETWORK = 2 * MAX_REPORT_BYTES
MOST_RECIPIENTS = 10  # a report has one
MOST_AT_ONCE = 4  # reports read at the same time
MOST_SESSIONS = 100
MOST_OF_ONE_NETWORK = 30
TAKEN = "250 2.0.0 Taken"
AWAY = "451 4.3.0 Mail cannot be stored now; try again"
LOCAL_PARTS = frozenset(("abuse", "complaints", "fbl", "postmaster"))

Answer = TypeVar("Answer")
log = logging.getLogger(__name__)


class ReportsHandler:
    """aiosmtpd's hooks."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(MOST_AT_ONCE)
        self.places = Places(MOST_SESSIONS, most_of_one=MOST_OF_ONE_NETWORK)
        self.room = Room(MOST_BYTES_AT_ONCE, most_of_one=MOST_BYTES_OF_ONE_NETWORK)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        if not takes_reports(address):
            try:
                owner = await asyncio.to_thread(_in_database, lambda: find_owner(address))
            except (DatabaseError, InterfaceError):
                return AWAY
            if owner is None:
                return "550 5.1.1 No such address here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def take_content(self, raw: bytes, envelope: Envelope, client: Client) -> str:
        """The reply to a whole message."""
        try:
            return await self._take_all(raw, envelope, client)
        except (DatabaseError, InterfaceError):
            log.exception("incoming mail could not be stored")
            return AWAY

    async def handle_exception(self, error: Exception) -> str:
        log.error("incoming mail could not be taken", exc_info=error)
        return "451 4.3.0 Something went wrong here; it has been noted. Try again"

    async def take(self, raw: bytes, envelope_from: str, recipient: str) -> bool:
        """Mail of the simulator; False while the message that it is about is still being sent. Raises DatabaseError."""
        envelope = Envelope()
        envelope.mail_from, envelope.rcpt_tos = envelope_from, [recipient]
        return (await self._take_all(raw, envelope, Client())).startswith("250 ")

    async def _take_all(self, raw: bytes, envelope: Envelope, client: Client) -> str:
        reports = [one for one in envelope.rcpt_tos if takes_reports(one)]
        others = [one for one in envelope.rcpt_tos if one not in reports]
        sender = "" if envelope.mail_from in (None, "<>") else str(envelope.mail_from)
        async with self._turn:
            for recipient in others:
                await asyncio.to_thread(_in_database, partial(_keep, raw, sender, recipient, client))
            if not reports:
                return TAKEN
            taken = await asyncio.to_thread(_in_database, lambda: _take(raw, reports))
        if taken.is_early:
            return "451 4.3.0 That message is still being sent; try again"
        log.info("report taken: %s, %s", taken.kind, taken.effect)
        return TAKEN


class ReportsSession(BoundedSession):
    """One client of the listener."""

    def __init__(self, handler: ReportsHandler, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            handler,
            places=handler.places,
            data_size_limit=MAX_REPORT_BYTES,
            enable_SMTPUTF8=True,
            hostname=settings.HELO_NAME,
            ident="DynaMail",
            loop=loop,
        )
        self.handler = handler

    async def take_message(self) -> str:
        """The reply to the final dot. Raises ContentRefused."""
        are_reports = all(takes_reports(one) for one in self.mail.rcpt_tos)
        with self.handler.room.share(self.network) as share:
            raw = await read_content(self._reader, most=MAX_REPORT_BYTES, share=share, takes_bare=are_reports)
            self._reset_timeout()
            self.is_last = has_bare(raw)  # what comes after it may be from whoever wrote it
            client = Client(self.ip, str(self.client.host_name or ""))
            return await self.handler.take_content(raw, self.mail, client)


def _in_database(work: Callable[[], Answer]) -> Answer:
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()


def _take(raw: bytes, envelope_to: list[str]) -> Taken:
    return take_report(raw, envelope_to=envelope_to, source=Source.SMTP, now=utc_now())


def _keep(raw: bytes, envelope_from: str, recipient: str, client: Client) -> None:
    """Keep what a person wrote to an address of an account, which may be gone since RCPT."""
    owner = find_owner(recipient)
    if owner is not None:
        take_incoming(
            raw, owner=owner, envelope_from=envelope_from, envelope_to=recipient, client=client, now=utc_now()
        )


def takes_reports(address: str) -> bool:
    """Is it a return-path of ours, or an address that complaints are sent to?"""
    return is_return_path(address) or _takes_complaints(address)


def _takes_complaints(address: str) -> bool:
    local, _, domain = address.lower().rpartition("@")
    return local in LOCAL_PARTS and domain in (settings.RETURN_PATH_DOMAIN, settings.PUBLIC_HOST)
