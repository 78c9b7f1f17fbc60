"""A relay that others wrote and, behind it, a server that records every byte."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count

from dynamail.protocols.smtp.client import open_connection
from dynamail.protocols.smtp.envelopes import Envelope, Outcome
from dynamail.protocols.smtp.next_hop import NextHop, TlsMode
from tests.support.exim import Exim
from tests.support.fake_mx import FakeMx, ReceivedMessage
from tests.support.postfix import Postfix

SENDER = "bounces@sender.example"
NUMBERS = count()


@dataclass(frozen=True)
class Chain:
    """`mx` stands behind the relay."""

    mx: FakeMx
    relay: Postfix | Exim

    def connect(self, *, chunking: bool = True, pipelining: bool = True) -> NextHop:
        return NextHop(
            self.relay.host, self.relay.port, tls=TlsMode.NONE, chunking=chunking, pipelining=pipelining
        )

    def wait_for(self, recipient: str) -> ReceivedMessage:
        """The one message to a recipient."""
        for expected in count(len(self.mx.messages)):
            found = [message for message in list(self.mx.messages) if message.recipient == recipient]
            if found:
                assert len(found) == 1, self.relay.log
                return found[0]
            self.mx.wait_for_messages(expected, timeout=30)
        raise AssertionError


def next_recipient() -> str:
    return f"reader{next(NUMBERS)}@reader.example"


def parse(data: bytes) -> EmailMessage:
    return message_from_bytes(data, policy=policy.default)  # type: ignore[return-value]


async def send_all(hop: NextHop, *envelopes: Envelope) -> list[Outcome]:
    async with await open_connection(hop) as connection:
        outcomes = [await connection.send(envelope) for envelope in envelopes]
        assert connection.is_usable
    return outcomes
