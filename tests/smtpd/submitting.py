"""The submission listener with an acceptor that keeps what it is given, and a client that writes raw octets."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from dynamail.smtpd.attempts import Attempts
from dynamail.smtpd.certificates import find_certificates
from dynamail.smtpd.submission import SignedIn, SubmissionHandler, SubmissionSession, WrongKey

SECRET = "dm_live_right"


@dataclass
class KeepingAcceptor:
    """Knows one key; keeps every message."""

    taken: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    reply: str = "250 2.0.0 OK eml_1"

    async def sign_in(self, secrets: tuple[str, ...], *, ip: str) -> SignedIn | WrongKey:
        return SignedIn(SECRET, 1) if SECRET in secrets else WrongKey("535 5.7.8 This API key is wrong")

    async def accept(
        self, signed_in: SignedIn, raw: bytes, *, envelope_from: str, recipients: list[str], ip: str
    ) -> str:
        self.taken.append(raw)
        self.recipients.append(recipients)
        return self.reply


class Client:
    """Writes what it is told, reads replies."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def reply(self) -> str:
        """One reply, its lines joined; "" when the server hung up."""
        lines = []
        while True:
            try:
                line = (await self.reader.readline()).decode()
            except ConnectionError:
                return ""
            lines.append(line)
            if line[3:4] != "-":
                return "".join(lines)

    async def say(self, line: str | bytes) -> str:
        self.write(line)
        return await self.reply()

    def write(self, line: str | bytes) -> None:
        self.writer.write((line.encode() if isinstance(line, str) else line) + b"\r\n")

    async def sign_in(self, password: str = SECRET) -> str:
        await self.say("EHLO client.example")
        return await self.say("AUTH PLAIN " + base64.b64encode(f"\0any\0{password}".encode()).decode())

    async def begin(self, *recipients: str) -> str:
        """Up to the 354 of DATA."""
        await self.say("MAIL FROM:<app@shop.example>")
        for one in recipients or ("ann@example.com",):
            await self.say(f"RCPT TO:<{one}>")
        return await self.say("DATA")

    async def send(self, content: bytes) -> str:
        """From MAIL to the reply to the final dot."""
        await self.begin()
        return await self.say(content + b"\r\n.")

    def close(self) -> None:
        self.writer.close()

    async def wait_closed(self) -> None:
        self.close()
        with suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()


@dataclass
class Place:
    """A running listener. `now` is what its clock says."""

    port: int
    handler: SubmissionHandler
    acceptor: KeepingAcceptor
    now: list[float]
    clients: list[Client] = field(default_factory=list)

    async def close(self) -> None:
        for client in self.clients:
            await client.wait_closed()
        while self.handler.places.open:
            await asyncio.sleep(0)


@asynccontextmanager
async def open_place(home: Path, *, has_tls: bool = False) -> AsyncIterator[Place]:
    loop = asyncio.get_running_loop()
    acceptor, now = KeepingAcceptor(), [0.0]
    handler = SubmissionHandler(acceptor, Attempts(lambda: now[0]))
    context = find_certificates(certificate="", key="", host="127.0.0.1", home=home).context
    server = await loop.create_server(
        lambda: SubmissionSession(
            handler, tls_from_start=has_tls, tls_context=None if has_tls else context, loop=loop
        ),
        "127.0.0.1",
        0,
        ssl=context if has_tls else None,
    )
    place = Place(server.sockets[0].getsockname()[1], handler, acceptor, now)
    async with server:
        try:
            yield place
        finally:
            await place.close()


async def connect(place: Place, *, tls: ssl.SSLContext | None = None) -> tuple[Client, str]:
    client = Client(*await asyncio.open_connection("127.0.0.1", place.port, ssl=tls))
    place.clients.append(client)
    return client, await client.reply()


def trust_nobody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
