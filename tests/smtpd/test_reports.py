from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiosmtpd.smtp import Envelope

from dynamail.inbound.verdicts import Client as Told
from dynamail.smtpd import reports
from dynamail.smtpd.reports import ReportsHandler, ReportsSession
from tests.interop.smuggling import SEQUENCES, SMUGGLED, VICTIM
from tests.smtpd.submitting import Client


async def open_client(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    return reader, writer, await reader.readline()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: str) -> bytes:
    writer.write(f"{line}\r\n".encode())
    return await reader.readline()


async def test_there_are_only_so_many_clients_and_a_place_that_is_left_is_free_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reports, "MOST_SESSIONS", 2)
    loop, handler = asyncio.get_running_loop(), ReportsHandler()
    server = await loop.create_server(lambda: ReportsSession(handler, loop), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        first = await open_client(port)
        second = await open_client(port)
        assert (first[2][:3], second[2][:3]) == (b"220", b"220")
        third = await open_client(port)
        assert third[2].startswith(b"421 4.7.0")
        assert await third[0].read() == b"", "and it is closed"
        third[1].close()
        assert (await ask(first[0], first[1], "QUIT")).startswith(b"221")
        await first[0].read()
        first[1].close()
        while handler.places.open > 1:
            await asyncio.sleep(0)
        fourth = await open_client(port)
        assert fourth[2].startswith(b"220")
        for client in (second, fourth):
            client[1].close()


async def test_only_return_paths_and_complaint_addresses_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "find_owner", lambda _address: None)  # no account has an address
    loop, handler = asyncio.get_running_loop(), ReportsHandler()
    server = await loop.create_server(lambda: ReportsSession(handler, loop), "127.0.0.1", 0)
    async with server:
        reader, writer, _ = await open_client(server.sockets[0].getsockname()[1])
        await ask(reader, writer, "HELO mx.example")
        await ask(reader, writer, "MAIL FROM:<>")
        assert (await ask(reader, writer, "RCPT TO:<someone@localhost.localdomain>")).startswith(b"550 5.1.1")
        assert (await ask(reader, writer, "RCPT TO:<b+aaaa.bbbb@localhost.localdomain>")).startswith(b"550")
        assert (await ask(reader, writer, "RCPT TO:<abuse@LOCALHOST.localdomain>")).startswith(b"250")
        writer.close()


# ── Content ──────────────────────────────────────────────────────────────────────────────────────────────────────────
MESSAGE = b"From: ann@example.com\r\nSubject: One\r\n\r\nHello"
REPORTS, LETTERS = "abuse@localhost.localdomain", "help@inbound.localhost.localdomain"


@dataclass
class KeepingHandler(ReportsHandler):
    """Keeps what it is given; any address is one of an account."""

    taken: list[tuple[bytes, list[str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    async def take_content(self, raw: bytes, envelope: Envelope, client: Told) -> str:
        self.taken.append((raw, list(envelope.rcpt_tos)))
        return "250 2.0.0 Taken"


@dataclass
class Place:
    """A running listener."""

    port: int
    handler: KeepingHandler
    clients: list[Client]

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        assert (await client.reply()).startswith("220 ")
        await client.say("EHLO mx.example")
        return client


@pytest.fixture
async def place(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(reports, "find_owner", lambda _address: object())
    async with open_place() as opened:
        yield opened


@asynccontextmanager
async def open_place() -> AsyncIterator[Place]:
    loop, handler = asyncio.get_running_loop(), KeepingHandler()
    server = await loop.create_server(lambda: ReportsSession(handler, loop), "127.0.0.1", 0)
    opened = Place(server.sockets[0].getsockname()[1], handler, [])
    async with server:
        try:
            yield opened
        finally:
            for client in opened.clients:
                await client.wait_closed()
            while handler.places.open:
                await asyncio.sleep(0)


async def send(client: Client, content: bytes, *recipients: str) -> str:
    await client.begin(*recipients)
    return await client.say(content + b"\r\n.")


@pytest.mark.parametrize("recipient", [LETTERS, REPORTS], ids=["a letter", "a report"])
@pytest.mark.parametrize("ending", [one for one in SEQUENCES if one != b"\r\n.\r\n"], ids=repr)
async def test_no_other_sequence_ends_a_message(place: Place, ending: bytes, recipient: str) -> None:
    client = await place.connect()
    content = MESSAGE + ending + SMUGGLED.removesuffix(b"\r\n.\r\n")
    reply = await send(client, content, recipient)
    is_clean = not re.search(rb"\r(?!\n)|(?<!\r)\n", ending)
    if recipient == LETTERS and not is_clean:
        assert reply.startswith("550 5.6.0")
        assert not place.handler.taken
    else:
        assert reply.startswith("250 ")
        whole = content.partition(b"\r\n.\r\n")[0].replace(b"\r\n.", b"\r\n") + b"\r\n"
        assert place.handler.taken == [(whole, [recipient])]
    if is_clean:
        assert (await client.say("NOOP")).startswith("250 "), "one reply to one message"
    else:
        assert await client.reply() == "", "nothing that follows is listened to"
    assert not any(VICTIM in one for _raw, recipients in place.handler.taken for one in recipients)


async def test_a_letter_that_is_a_report_as_well_has_no_bare_line_ends(place: Place) -> None:
    client = await place.connect()
    assert (await send(client, MESSAGE + b"\nbare", REPORTS, LETTERS)).startswith("550 5.6.0")
    assert not place.handler.taken


async def test_what_is_pipelined_behind_a_refused_letter_is_not_done(place: Place) -> None:
    client = await place.connect()
    await client.begin(LETTERS)
    client.write(MESSAGE + b"\nbare\r\n.\r\n" + SMUGGLED.removesuffix(b"\r\n"))
    assert (await client.reply()).startswith("550 5.6.0")
    assert await client.reply() == ""
    assert not place.handler.taken


async def test_a_line_may_be_long_and_a_message_not_too_large(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MAX_REPORT_BYTES", 300_000)
    client = await place.connect()
    assert (await send(client, b"x" * 200_000, REPORTS)).startswith("250 ")
    assert (await send(client, b"x" * 400_000, REPORTS)).startswith("552 5.3.4")
    assert (await send(client, MESSAGE, REPORTS)).startswith("250 "), "the session goes on"
    assert place.handler.room.held == 0


async def test_all_messages_together_have_only_so_much_room(place: Place) -> None:
    room = place.handler.room
    room.most, room.most_of_one = 600_000, 400_000
    first, second = await place.connect(), await place.connect()
    await first.begin(REPORTS)
    first.write(b"x" * 300_000)
    while not room.held:
        await asyncio.sleep(0)
    assert (await send(second, b"x" * 300_000, REPORTS)).startswith("452 4.3.1"), "of one network"
    room.most_of_one = room.most
    with room.share("somebody else") as share:
        assert share.hold(250_000)
        assert not share.hold(250_000), "of all"
    assert (await first.say(b"\r\n.")).startswith("250 ")
    assert room.held == 0
    assert (await send(second, b"x" * 300_000, REPORTS)).startswith("250 "), "there is room again"


async def test_who_hangs_up_in_the_middle_leaves_their_room(place: Place) -> None:
    client = await place.connect()
    await client.begin(REPORTS)
    client.write(b"x" * 300_000)
    while not place.handler.room.held:
        await asyncio.sleep(0)
    client.close()
    while place.handler.room.held or place.handler.places.open:
        await asyncio.sleep(0)
    assert not place.handler.taken
