from __future__ import annotations

import re
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.protocols.smtp.envelopes import Envelope, Outcome, OutcomeKind, Stage
from dynamail.protocols.smtp.next_hop import Capabilities, NextHop, parse_capabilities
from dynamail.protocols.smtp.transactions import Transaction, prepare_transaction
from dynamail.protocols.smtp.wire import MAX_LINE, is_wire_safe, make_wire_safe

BODIES = st.lists(
    st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\0", b"a", b"\xff", b"MAIL FROM:<x>"]), max_size=30
).map(b"".join)


def unstuff(data: bytes) -> bytes:
    return (
        data.removeprefix(b".").replace(b"\r\n.", b"\r\n")
        if data.startswith(b".")
        else data.replace(b"\r\n.", b"\r\n")
    )


@given(BODIES)
def test_no_body_ends_before_its_end_in_any_reading(body: bytes) -> None:
    sent = make_wire_safe(body, stuff_dots=True)
    # Whatever a server takes for a line end, no line consists of a single dot.
    assert b"." not in re.split(rb"\r\n|\r|\n", sent)
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", sent)
    expected = re.sub(rb"\r\n|\r|\n", b"\r\n", body.replace(b"\0", b" "))
    assert unstuff(sent) == expected + (b"" if expected.endswith(b"\r\n") else b"\r\n")


@given(BODIES)
def test_a_safe_body_is_written_as_it_is(body: bytes) -> None:
    if is_wire_safe(body):
        assert make_wire_safe(body, stuff_dots=True) == body
    assert make_wire_safe(body, stuff_dots=False) == re.sub(
        rb"\r\n|\r|\n", b"\r\n", body.replace(b"\0", b" ")
    ) + (b"" if body.endswith((b"\r", b"\n")) else b"\r\n")


def test_a_nul_byte_becomes_a_space() -> None:
    assert not is_wire_safe(b"a\0b\r\n")
    assert make_wire_safe(b"a\0b\r\n\0.\r\n", stuff_dots=True) == b"a b\r\n .\r\n"


@given(
    st.lists(st.sampled_from(["a" * 500, "ж" * 499, "🎉" * 250, ".", "\r\n", "\n"]), max_size=12).map("".join)
)
def test_no_line_is_too_long_and_no_character_is_cut(text: str) -> None:
    sent = make_wire_safe(text.encode(), stuff_dots=False)
    lines = sent.split(b"\r\n")
    assert max(map(len, lines)) <= MAX_LINE
    for line in lines:
        line.decode()
    unbroken = sent.decode().replace("\r\n ", "").removesuffix("\r\n")
    assert unbroken == text.replace("\r\n", "\n").replace("\n", "\r\n").removesuffix("\r\n")
    assert is_wire_safe(sent) or "\r\n." in sent.decode() or sent.startswith(b".")


def test_a_long_header_field_is_folded() -> None:
    sent = make_wire_safe(b"Subject: " + b"x" * 3000 + b"\r\n\r\nbody\r\n", stuff_dots=True)
    assert message_from_bytes(sent, policy=policy.default)["Subject"].replace(" ", "") == "x" * 3000


ALL = Capabilities(pipelining=True, eightbitmime=True, smtputf8=True, size=1000)


def prepare(offered: Capabilities = ALL, **changes: object) -> Transaction | Outcome:
    values: dict[str, object] = {
        "sender": "a@example.com",
        "recipient": "b@example.com",
        "body": b"x\r\n",
        **changes,
    }
    return prepare_transaction(Envelope(**values), offered, chunking=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address",
    [
        "b@example.com>\r\nRCPT TO:<c@example.com",
        "b@example.com\n",
        "b\0@example.com",
        "b @example.com",
        "<b@example.com>",
        "b\u2028@example.com",
        "b\ud800@example.com",
        "b" * 300 + "@example.com",
    ],
)
def test_an_unsafe_address_never_reaches_the_wire(address: str) -> None:
    for outcome, enhanced in ((prepare(recipient=address), "5.1.3"), (prepare(sender=address), "5.1.7")):
        assert isinstance(outcome, Outcome)
        assert outcome.reply is not None
        assert (outcome.kind, outcome.stage, outcome.reply.enhanced) == (
            OutcomeKind.BOUNCED,
            Stage.LOCAL,
            enhanced,
        )


@pytest.mark.parametrize(
    ("changes", "offered", "enhanced"),
    [
        ({"recipient": ""}, ALL, "5.1.3"),
        ({"recipient": "jörg@example.com"}, Capabilities(), "5.6.7"),
        ({"smtputf8": True}, Capabilities(), "5.6.7"),
        ({"body": "Subject: é\r\n\r\n".encode()}, Capabilities(), "5.6.3"),
        ({"body": b"x" * 1000}, ALL, "5.3.4"),
    ],
)
def test_what_the_server_cannot_take_is_refused_locally(
    changes: dict[str, object], offered: Capabilities, enhanced: str
) -> None:
    outcome = prepare(offered, **changes)
    assert isinstance(outcome, Outcome)
    assert outcome.reply is not None
    assert outcome.reply.enhanced == enhanced
    assert outcome.text


def test_mail_says_what_the_message_needs() -> None:
    transaction = prepare(recipient="jörg@example.com", body="é\r\n".encode())
    assert isinstance(transaction, Transaction)
    assert transaction.mail == b"MAIL FROM:<a@example.com> SIZE=4 BODY=8BITMIME SMTPUTF8\r\n"
    assert transaction.rcpt == "RCPT TO:<jörg@example.com>\r\n".encode()
    bare = prepare(Capabilities(), sender="")
    assert isinstance(bare, Transaction)
    assert bare.mail == b"MAIL FROM:<>\r\n"


def test_capabilities_are_read_whatever_their_case() -> None:
    lines = [
        b"250-mx hello",
        b"250-Pipelining",
        b"250-SIZE 1000",
        b"250-AUTH=LOGIN",
        b"250-auth plain XOAUTH2",
        b"250-",
        b"250 X-\xff",
    ]
    offered = parse_capabilities(lines)
    assert offered.pipelining
    assert offered.size == 1000
    assert offered.auth == {"LOGIN", "PLAIN", "XOAUTH2"}
    assert not offered.starttls
    assert parse_capabilities([b"250-x", b"250 SIZE 0"]).size is None
    assert parse_capabilities([b"250-x", b"250 SIZE many"]).size is None


def test_a_helo_name_with_a_line_break_is_refused() -> None:
    with pytest.raises(ValueError, match="helo_name"):
        NextHop("localhost", helo_name="a\r\nMAIL FROM:<x>")
