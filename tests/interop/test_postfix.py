"""Our SMTP client hands mail to Debian's Postfix, which relays it to a server that records every byte."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dynamail.protocols.address import Mailbox, parse_address
from dynamail.protocols.mime import (
    build_message,
    encode_addresses,
    encode_header,
    encode_structured,
    multipart,
    text_part,
)
from dynamail.protocols.smtp.client import SmtpConnection, open_connection
from dynamail.protocols.smtp.envelopes import Envelope, Outcome, OutcomeKind, Stage
from tests.interop.chains import NUMBERS, SENDER, Chain, next_recipient, parse, send_all
from tests.support.fake_mx import FakeMx
from tests.support.postfix import Postfix

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

UNICODE_TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp", "Cf")), max_size=80)
LOCAL_PARTS = st.text(st.characters(categories=("Ll", "Lu", "Lo", "Nd")), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    with FakeMx() as mx, Postfix(relay_to=(mx.host, mx.port)) as relay:
        yield Chain(mx, relay)


@given(subject=UNICODE_TEXT, name=UNICODE_TEXT.map(str.strip), local=LOCAL_PARTS)
@example(subject="Скидки 🎉 да 50 %", name="Янка Купала, паэт", local="янка")
@example(subject="新しい商品", name="山田 太郎", local="用户")
@example(subject="مرحبا", name="ليلى", local="ليلى")
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_subject_name_and_international_address_arrive(
    chain: Chain, subject: str, name: str, local: str
) -> None:
    recipient = f"{local}.{next(NUMBERS)}@мейл.example"
    address = parse_address(recipient)
    text = f"Прывітанне, {name}!\n.\n"
    message = build_message(
        [
            encode_addresses("From", [Mailbox(name, parse_address("news@sender.example"))]),
            encode_addresses("To", [Mailbox("", address)]),
            encode_header("Subject", subject),
            encode_structured("Message-ID", "<1@sender.example>"),  # a relay would add them
            encode_structured("Date", "Mon, 5 Oct 2026 10:00:00 +0000"),
        ],
        multipart("alternative", [text_part(text), text_part(f"<p>{name}</p>", subtype="html")], seed=b"x"),
    )
    envelope = Envelope(SENDER, address.envelope, message, wire_safe=True, smtputf8=address.needs_smtputf8)
    [outcome] = asyncio.run(send_all(chain.connect(), envelope))
    assert outcome.kind is OutcomeKind.DELIVERED, outcome
    received = chain.wait_for(address.envelope)
    assert ("SMTPUTF8" in received.parameters) == address.needs_smtputf8
    assert received.body.endswith(message)
    assert parse(received.body)["Subject"] == subject


@pytest.mark.parametrize("chunking", [True, False], ids=["BDAT", "DATA"])
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "in turns"])
async def test_two_hundred_messages_travel_over_one_connection(
    chain: Chain, chunking: bool, pipelining: bool
) -> None:
    envelopes = [
        Envelope(SENDER, next_recipient(), f"Subject: {n}\r\n\r\n.{n}\r\n".encode()) for n in range(200)
    ]
    waiting = iter(envelopes)
    outcomes: dict[str, OutcomeKind] = {}
    dotted: list[Envelope] = []
    before = chain.relay.log.count(": connect from")

    def keep(envelope: Envelope, outcome: Outcome) -> None:
        assert envelope.recipient not in outcomes
        outcomes[envelope.recipient] = outcome.kind

    connection: SmtpConnection = await open_connection(
        chain.connect(chunking=chunking, pipelining=pipelining)
    )
    await connection.deliver(lambda: next(waiting, None), on_final_dot=dotted.append, on_outcome=keep)
    assert connection.is_usable
    await connection.quit()
    assert outcomes == {envelope.recipient: OutcomeKind.DELIVERED for envelope in envelopes}
    assert dotted == envelopes
    for envelope in envelopes:
        body = chain.wait_for(envelope.recipient).body
        assert body.endswith(envelope.body.partition(b"\r\n\r\n")[2])  # type: ignore[union-attr]
    assert chain.relay.log.count(": connect from") == before + 1


async def test_what_postfix_refuses_does_not_harm_its_neighbors(chain: Chain) -> None:
    """A refused recipient between good ones, pipelined and with BDAT: nobody gets another one's message."""
    people = [next_recipient(), "no-domain-at-all", next_recipient(), "a..b@reader.example", next_recipient()]
    envelopes = [Envelope(SENDER, one, f"Subject: x\r\n\r\nfor {one}\r\n".encode()) for one in people]
    waiting, outcomes = iter(envelopes), {}
    with (
        FakeMx() as mx,
        Postfix(
            relay_to=(mx.host, mx.port),
            settings={"smtpd_recipient_restrictions": "reject_non_fqdn_recipient"},
        ) as relay,
    ):
        strict = Chain(mx, relay)
        connection = await open_connection(strict.connect())
        await connection.deliver(
            lambda: next(waiting, None),
            on_final_dot=lambda _: None,
            on_outcome=lambda envelope, outcome: outcomes.update({envelope.recipient: outcome}),
        )
        await connection.quit()
        for one in people[::2]:
            assert outcomes[one].kind is OutcomeKind.DELIVERED
            assert strict.wait_for(one).body.endswith(f"for {one}\r\n".encode())
    assert outcomes["no-domain-at-all"].kind is OutcomeKind.BOUNCED
    assert outcomes["no-domain-at-all"].stage is Stage.RCPT
    assert len(outcomes) == len(people)
