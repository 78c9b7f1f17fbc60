"""The Mailbox's listener, with the real database behind it: our client's messages and a stranger's raw bytes stay one each."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from django.db import connections
from psycopg_pool import AsyncConnectionPool

from dynamail.accounts.models import Account
from dynamail.delivery.worker import make_worker_conninfo
from dynamail.protocols.smtp.client import open_connection
from dynamail.protocols.smtp.envelopes import Envelope, Outcome, OutcomeKind
from dynamail.protocols.smtp.next_hop import Credentials, NextHop, TlsMode
from dynamail.senders.capture import capture_password
from dynamail.senders.models import CapturedMessage
from dynamail.smtpd.capture import CaptureHandler, make_capture_session
from tests.interop.smuggling import BODIES, SEQUENCES, VICTIM, as_sent, unbreak

pytestmark = pytest.mark.django_db(transaction=True)

SENDER = "bounces@sender.example"
HIDDEN = f"MAIL FROM:<evil@{VICTIM}>\r\nRCPT TO:<{VICTIM}>\r\nDATA\r\nSubject: smuggled\r\n\r\nboo".encode()
THE_END = b"\r\n.\r\n"


@asynccontextmanager
async def listening() -> AsyncIterator[int]:
    """The Mailbox on a free port."""
    conninfo = make_worker_conninfo(connections["default"].settings_dict)
    loop = asyncio.get_running_loop()
    async with AsyncConnectionPool(conninfo, min_size=1, max_size=2, open=False) as pool:
        handler = CaptureHandler(pool)
        server = await loop.create_server(lambda: make_capture_session(handler, loop), "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]


def read_all(account: Account) -> dict[str, list[bytes]]:
    rows = CapturedMessage.objects.for_account(account).values_list("envelope_to", "raw")
    found: dict[str, list[bytes]] = {}
    for recipient, raw in rows:
        found.setdefault(recipient, []).append(bytes(raw))
    return found


async def deliver_all(account_id: int) -> list[OutcomeKind]:
    waiting = [
        Envelope(SENDER, f"reader{number}@reader.example", b"Subject: whole\r\n\r\n" + body)
        for number, body in enumerate(BODIES)
    ]
    outcomes: list[Outcome] = []
    async with listening() as port:
        hop = NextHop(
            "127.0.0.1",
            port,
            tls=TlsMode.NONE,
            credentials=Credentials(str(account_id), capture_password(account_id)),
            allow_plaintext_auth=True,
        )
        connection = await open_connection(hop)
        await connection.deliver(
            lambda: waiting.pop(0) if waiting else None,
            on_final_dot=lambda _: None,
            on_outcome=lambda _, outcome: outcomes.append(outcome),
        )
        await connection.quit()
    return [outcome.kind for outcome in outcomes]


def test_every_body_is_kept_as_exactly_one_message(account: Account) -> None:
    assert asyncio.run(deliver_all(account.pk)) == [OutcomeKind.DELIVERED] * len(BODIES)
    kept = read_all(account)
    assert len(kept) == len(BODIES)
    for number, body in enumerate(BODIES):
        [raw] = kept[f"reader{number}@reader.example"]
        assert unbreak(raw) == b"Subject: whole\r\n\r\n" + unbreak(as_sent(body))


async def send_raw(port: int, account_id: int, recipient: str, data: bytes) -> bytes:
    """Sign in and say everything at once, as an attacker would. What was answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    login = base64.b64encode(f"\0{account_id}\0{capture_password(account_id)}".encode()).decode()
    lines = (
        "EHLO attacker",
        f"AUTH PLAIN {login}",
        f"MAIL FROM:<{SENDER}>",
        f"RCPT TO:<{recipient}>",
        "DATA",
    )
    for line in lines:
        writer.write(line.encode() + b"\r\n")
        await writer.drain()
    writer.write(data + THE_END + b"QUIT\r\n")
    answer = await asyncio.wait_for(reader.read(), 30)  # the server closes after QUIT
    writer.close()
    return answer


async def attack(account_id: int, sequences: list[bytes]) -> None:
    async with listening() as port:
        for number, sequence in enumerate(sequences):
            data = b"Subject: whole\r\n\r\nbefore" + sequence + HIDDEN
            await send_raw(port, account_id, f"reader{number}@reader.example", data)


def test_raw_bytes_hide_no_second_message(account: Account) -> None:
    fakes = [sequence for sequence in SEQUENCES if THE_END not in sequence]
    assert len(fakes) == 24  # the others do end a message
    asyncio.run(attack(account.pk, fakes))
    kept = read_all(account)
    assert VICTIM not in kept
    assert [len(messages) for messages in kept.values()] == [1] * len(fakes)
