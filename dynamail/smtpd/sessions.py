"""Clients of a listener, how many there may be at once, and how each hands over a message."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, AnyStr, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from dynamail.lib.public_addresses import name_network
from dynamail.smtpd.content import ContentRefused

TOO_MANY = b"421 4.7.0 Too many connections; try again later\r\n"
_PLAIN_WRITING = str.maketrans(
    {"“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "–": "-", "—": "-", "→": "->", "\xa0": " "}
)


def write_plainly(reply: str) -> str:
    """In ASCII: typographic signs as typewriters have them, and a question mark for what has no counterpart."""
    return reply.translate(_PLAIN_WRITING).encode("ascii", "replace").decode("ascii")


class Places:
    """How many clients may be connected: in all, and from one network."""

    def __init__(self, most: int, *, most_of_one: int = 0) -> None:
        self.most, self.most_of_one = most, most_of_one or most
        self.open = 0
        self._of: Counter[str] = Counter()

    def take(self, network: str) -> bool:
        if self.open >= self.most or self._of[network] >= self.most_of_one:
            return False
        self.open += 1
        self._of[network] += 1
        return True

    def leave(self, network: str) -> None:
        self.open -= 1
        self._of[network] -= 1
        if not self._of[network]:
            del self._of[network]


class BoundedSession(SMTP):
    """One client. Each may make us hold a whole message, so there are only so many at once."""

    # Of what is read at once; commands stay below 512, and lines of a message may be as long as they like.
    line_length_limit = 2**16

    def __init__(self, handler: Any, *, places: Places, **options: Any) -> None:
        super().__init__(handler, **options)
        self.places = places
        self.ip = ""
        self.network = ""
        self.is_last = False  # the message that is being taken; nothing after it is listened to
        self._has_place = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._original_transport is not None:  # the same client, now with TLS
            super().connection_made(transport)
            return
        peer = transport.get_extra_info("peername")
        self.ip = str(peer[0]) if peer else ""
        self.network = name_network(self.ip)
        if not self.places.take(self.network):
            if isinstance(transport, asyncio.WriteTransport):
                transport.write(TOO_MANY)
                transport.close()
            return
        self._has_place = True
        super().connection_made(transport)

    def eof_received(self) -> bool | None:
        return super().eof_received() if self.transport is not None else None

    def connection_lost(self, error: Exception | None) -> None:
        if self._has_place:
            self.places.leave(self.network)
            self._has_place = False
        if self.transport is not None:
            super().connection_lost(error)

    @property
    def client(self) -> Session:
        return cast(Session, self.session)

    @property
    def mail(self) -> Envelope:
        return cast(Envelope, self.envelope)

    async def push(self, status: AnyStr) -> None:
        """A reply is ASCII (RFC 5321 §4.2)."""
        if isinstance(status, str):
            await super().push(write_plainly(status))
        else:
            await super().push(status)

    async def smtp_DATA(self, arg: str | None) -> None:
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        if not self.mail.rcpt_tos:
            await self.push("503 5.5.1 Name the recipients first (RCPT TO)")
            return
        if arg:
            await self.push("501 5.5.4 DATA takes no argument")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            reply = await self.take_message()
        except ContentRefused as refused:
            await self.push(refused.reply)
            if refused.is_last:
                self.hang_up()
            return
        finally:
            self._set_post_data_state()
        await self.push(reply)
        if self.is_last:
            self.hang_up()

    async def take_message(self) -> str:
        """Read the message; the reply to its final dot. Raises ContentRefused."""
        raise NotImplementedError

    def hang_up(self) -> None:
        """Nothing more is listened to, not even what has come already."""
        self._reader._buffer.clear()  # type: ignore[attr-defined]
        if isinstance(self.transport, asyncio.Transport):
            self.transport.close()
