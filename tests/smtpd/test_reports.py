from __future__ import annotations

import asyncio

import pytest

from dynamail.smtpd import reports
from dynamail.smtpd.reports import ReportsHandler, make_reports_session


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
    server = await loop.create_server(lambda: make_reports_session(handler, loop), "127.0.0.1", 0)
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
    server = await loop.create_server(lambda: make_reports_session(handler, loop), "127.0.0.1", 0)
    async with server:
        reader, writer, _ = await open_client(server.sockets[0].getsockname()[1])
        await ask(reader, writer, "HELO mx.example")
        await ask(reader, writer, "MAIL FROM:<>")
        assert (await ask(reader, writer, "RCPT TO:<someone@localhost.localdomain>")).startswith(b"550 5.1.1")
        assert (await ask(reader, writer, "RCPT TO:<b+aaaa.bbbb@localhost.localdomain>")).startswith(b"550")
        assert (await ask(reader, writer, "RCPT TO:<abuse@LOCALHOST.localdomain>")).startswith(b"250")
        writer.close()
