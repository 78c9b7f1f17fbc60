"""No body ends early or hides a second message: through Debian's Postfix and Exim, over DATA and over BDAT."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dynamail.protocols.mime import build_message, encode_header, text_part
from dynamail.protocols.smtp.client import open_connection
from dynamail.protocols.smtp.envelopes import Envelope, Outcome, OutcomeKind
from dynamail.protocols.smtp.wire import MAX_LINE, is_wire_safe
from tests.interop.chains import SENDER, Chain, next_recipient, parse, send_all
from tests.interop.smuggling import BODIES, SEQUENCES, VICTIM, as_sent, unbreak
from tests.support.exim import Exim
from tests.support.fake_mx import FakeMx
from tests.support.postfix import Postfix

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

BOTH_WAYS = pytest.mark.parametrize("chunking", [True, False], ids=["BDAT", "DATA"])


@pytest.fixture(scope="module", params=[Postfix, Exim], ids=["Postfix", "Exim"])
def chain(request: pytest.FixtureRequest) -> Iterator[Chain]:
    with FakeMx() as mx, request.param(relay_to=(mx.host, mx.port)) as relay:
        yield Chain(mx, relay)


async def deliver_all(chain: Chain, bodies: list[bytes], *, chunking: bool) -> list[str]:
    """Everything over one connection, pipelined; the recipients in order."""
    recipients = [next_recipient() for _ in bodies]
    waiting = [
        Envelope(SENDER, one, b"Subject: whole\r\n\r\n" + body)
        for one, body in zip(recipients, bodies, strict=True)
    ]
    outcomes: list[Outcome] = []
    connection = await open_connection(chain.connect(chunking=chunking))
    await connection.deliver(
        lambda: waiting.pop(0) if waiting else None,
        on_final_dot=lambda _: None,
        on_outcome=lambda _, outcome: outcomes.append(outcome),
    )
    await connection.quit()
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.DELIVERED] * len(bodies)
    return recipients


def test_there_are_twenty_six_sequences() -> None:
    assert len(set(SEQUENCES)) == 26


@BOTH_WAYS
async def test_every_body_arrives_as_exactly_one_message(chain: Chain, chunking: bool) -> None:
    before = len(chain.mx.messages)
    recipients = await deliver_all(chain, BODIES, chunking=chunking)
    for recipient, body in zip(recipients, BODIES, strict=True):
        received = chain.wait_for(recipient).body
        assert unbreak(received).endswith(b"\r\n\r\n" + unbreak(as_sent(body))), body[:60]
        assert max(map(len, received.split(b"\r\n"))) <= MAX_LINE
    assert len(chain.mx.messages) == before + len(BODIES)
    assert VICTIM not in chain.relay.log
    assert not any(message.recipient == VICTIM for message in chain.mx.messages)


@BOTH_WAYS
async def test_a_text_with_all_of_it_reads_as_it_was_written(chain: Chain, chunking: bool) -> None:
    """What our own encoders make: NUL, bare line ends, dots and lines of any length are content like any other."""
    text = "".join(body.decode("latin-1") for body in BODIES) + "x" * 5000
    recipient = next_recipient()
    message = build_message([encode_header("Subject", "whole")], text_part(text))
    assert is_wire_safe(message)
    [outcome] = await send_all(
        chain.connect(chunking=chunking), Envelope(SENDER, recipient, message, wire_safe=True)
    )
    assert outcome.kind is OutcomeKind.DELIVERED
    content = parse(chain.wait_for(recipient).body).get_content()
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    assert content.replace("\r\n", "\n").removesuffix("\n") == unified.removesuffix("\n")


@BOTH_WAYS
async def test_a_body_of_eight_bits_arrives_as_it_is(chain: Chain, chunking: bool) -> None:
    recipient = next_recipient()
    text = bytes(range(0x80, 0x100)) + "\r\nЖывем!\r\n".encode()
    [outcome] = await send_all(
        chain.connect(chunking=chunking), Envelope(SENDER, recipient, b"Subject: bits\r\n\r\n" + text)
    )
    assert outcome.kind is OutcomeKind.DELIVERED
    received = chain.wait_for(recipient)
    assert received.body.endswith(b"\r\n\r\n" + text)
    if isinstance(chain.relay, Postfix):  # Exim sends eight bits without announcing them
        assert "BODY=8BITMIME" in received.parameters
