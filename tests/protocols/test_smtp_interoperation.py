"""A server that others wrote receives what we send."""

from __future__ import annotations

import asyncio
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, Envelope, Session

from dynamail.protocols.address import Mailbox, parse_address
from dynamail.protocols.mime import build_message, encode_addresses, encode_header, multipart, text_part
from dynamail.protocols.smtp import envelopes
from dynamail.protocols.smtp.client import open_connection
from dynamail.protocols.smtp.next_hop import NextHop


class Keeper:
    def __init__(self) -> None:
        self.kept: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.kept.append(envelope)
        return "250 kept"


async def test_aiosmtpd_receives_international_mail() -> None:
    parts = [text_part("Привет!\n.\n"), text_part("<p>Привет!</p>", subtype="html")]
    message = build_message(
        [
            encode_addresses("From", [Mailbox("Анна, отдел №1", parse_address("ann@müller.de"))]),
            encode_header("Subject", "Скидки 🎉 для jörg"),
        ],
        multipart("alternative", parts, seed=b"x"),
    )
    keeper = Keeper()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(keeper, enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        connection = await open_connection(NextHop("127.0.0.1", port, source_address="127.0.0.1"))
        letter = envelopes.Envelope("b@bounce.example.com", "jörg@example.com", message, wire_safe=True)
        outcomes = [await connection.send(letter) for _ in range(2)]
        await connection.quit()
    assert [outcome.text for outcome in outcomes] == ["250 kept"] * 2
    assert [kept.rcpt_tos for kept in keeper.kept] == [["jörg@example.com"]] * 2
    content = keeper.kept[0].content
    assert isinstance(content, bytes)
    parsed = message_from_bytes(content, policy=policy.default)
    assert parsed["Subject"] == "Скидки 🎉 для jörg"
    plain = parsed.get_body(("plain",))  # type: ignore[attr-defined]
    assert plain is not None
    assert plain.get_content() == "Привет!\r\n.\r\n"
