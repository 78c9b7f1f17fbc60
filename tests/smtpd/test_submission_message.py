from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.messages.new_email import NewEmail, RecipientKind
from dynamail.smtpd.submission_message import Misread, read_submission, split_message
from tests.support.personas import NOW

PLAIN = b"From: Acme <hello@acme.example>\r\nTo: Ann <ann@example.com>\r\nSubject: Hi\r\n\r\nHello\r\n"


def read(raw: bytes, *recipients: str) -> NewEmail:
    return read_submission(raw, recipients=recipients or ("ann@example.com",), now=NOW).email


def with_header(line: str) -> bytes:
    return line.encode() + b"\r\n" + PLAIN


def left(email: NewEmail) -> bytes:
    assert email.raw is not None
    return email.raw


def test_a_message_leaves_as_it_came_with_its_date() -> None:
    email = read(PLAIN)
    assert email.sender == "Acme <hello@acme.example>"
    assert email.subject == "Hi"
    assert not email.separate, "To and Cc stay as they were written"
    head, _, body = left(email).partition(b"\r\n\r\n")
    assert body == b"Hello\r\n"
    assert head.split(b"\r\n")[:3] == PLAIN.split(b"\r\n")[:3]
    assert b"\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000" in head


def test_a_date_that_is_there_stays() -> None:
    dated = with_header("Date: Fri, 20 Nov 2026 10:00:00 +0300")
    assert left(read(dated)) == dated


def test_recipients_are_named_by_the_header_or_blind() -> None:
    raw = with_header('Cc: "Lee, Bob" <BOB@example.com>, group: carl@example.com;')
    email = read(raw, "ann@example.com", "bob@EXAMPLE.com", "dora@example.com", "Ann@example.com")
    assert [(one.text, one.name, one.kind) for one in email.recipients] == [
        ("ann@example.com", "Ann", RecipientKind.TO),
        ("bob@EXAMPLE.com", "Lee, Bob", RecipientKind.CC),
        ("dora@example.com", "", RecipientKind.BCC),
    ]


def test_what_is_for_us_alone_does_not_leave() -> None:
    ours = (
        "X-DynaMail-Tag: order\r\nx-dynamail-metadata-Order: 17\r\nBcc: boss@example.com,\r\n more@example.com\r\n"
        "Return-Path: <x@y.example>\r\nReceived: from laptop\r\n\tby mail\r\nDKIM-Signature: v=1\r\nARC-Seal: i=1\r\nX-PM-Tag: shop"
    )
    email = read(with_header(ours))
    head = left(email).partition(b"\r\n\r\n")[0].lower()
    for word in (
        b"dynamail",
        b"bcc",
        b"boss",
        b"more@",
        b"return-path",
        b"received",
        b"dkim",
        b"arc",
        b"x-pm",
    ):
        assert word not in head
    assert email.tags == ("order", "shop")
    assert email.metadata == {"order": "17"}


def test_every_header_of_ours_is_read() -> None:
    lines = [
        "X-DynaMail-Stream: receipts",
        "X-DynaMail-Tag: one, two",
        "X-DynaMail-Tag: three",
        'X-DynaMail-Metadata: {"order": 17, "shop": "Grodno"}',
        "X-DynaMail-Topic: top_1",
        "X-DynaMail-Send-At: 2026-11-24T10:00:00+03:00",
        "X-DynaMail-Track-Opens: Yes",
        "X-DynaMail-Track-Clicks: off",
        "X-DynaMail-Idempotency-Key: order-17",
    ]
    told = read_submission(with_header("\r\n".join(lines)), recipients=["ann@example.com"], now=NOW)
    email = told.email
    assert (email.stream, email.topic, told.idempotency_key) == ("receipts", "top_1", "order-17")
    assert email.tags == ("one", "two", "three")
    assert email.metadata == {"order": "17", "shop": "Grodno"}
    assert email.send_at == datetime(2026, 11, 24, 7, tzinfo=UTC)
    assert (email.track_opens, email.track_clicks) == (True, False)


def test_a_template_takes_the_place_of_the_text() -> None:
    lines = 'X-DynaMail-Template: Receipt\r\nX-DynaMail-Data: {"total": 12,\r\n "paid": true}\r\nReply-To: =?utf-8?q?J=C3=BCrg?= <j@acme.example>'
    email = read(with_header(lines))
    assert (email.raw, email.template, email.data) == (None, "Receipt", {"total": 12, "paid": True})
    assert email.reply_to == ("Jürg <j@acme.example>",)


def test_an_encoded_name_is_read_and_written_again() -> None:
    email = read(b"From: =?utf-8?b?0JDQvdC90LA=?= <hello@acme.example>\r\n\r\nHi\r\n")
    assert email.sender == "Анна <hello@acme.example>"
    assert b"From: =?utf-8?" in left(email)
    assert b"<hello@acme.example>" in left(email)


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "nobody",
        "a@acme.example, b@acme.example",
        "hello@acme.example <evil@evil.example>, <hello@acme.example>",
        "<hello@acme.example> <evil@evil.example>",
        "=?utf-8?q?hello@acme.example=3E?=",
        "group: hello@acme.example;",
    ],
)
def test_a_sender_that_can_be_read_in_two_ways_is_refused(sender: str) -> None:
    with pytest.raises(Misread, match="From"):
        read(f"From: {sender}\r\n\r\nHi\r\n".encode())


def test_two_senders_or_none_are_refused() -> None:
    with pytest.raises(Misread, match="more than one From"):
        read(with_header("From: other@acme.example"))
    with pytest.raises(Misread, match="needs one From"):
        read(b"Subject: x\r\n\r\nHi\r\n")


def test_an_encoded_name_cannot_hold_another_sender() -> None:
    hidden = b"From: =?utf-8?q?=22_=3Cevil@evil.example=3E=0D=0ABcc:_x@y.example?= <hello@acme.example>\r\n\r\nHi\r\n"
    email = read(hidden)
    head = left(email).partition(b"\r\n\r\n")[0]
    assert [line for line in head.split(b"\r\n") if line.lower().startswith(b"bcc")] == []
    assert email.sender.endswith("<hello@acme.example>")


@pytest.mark.parametrize(
    "line",
    [
        "X-DynaMail-Sendat: now",
        "X-DynaMail-Send-At: tomorrow",
        "X-DynaMail-Track-Opens: maybe",
        "X-DynaMail-Metadata: order",
        "X-DynaMail-Data: [1]",
        "no field at all",
    ],
)
def test_what_cannot_be_understood_is_refused_by_its_name(line: str) -> None:
    with pytest.raises(Misread) as refusal:
        read(with_header(line))
    name = line.partition(":")[0].lower()
    assert name in str(refusal.value).lower() or "no field" in str(refusal.value)


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"\r\nHi\r\n", b"From: a@acme.example\r\n"])
def test_a_message_may_lack_header_or_text(raw: bytes) -> None:
    fields, body = split_message(raw)
    assert len(fields) == (1 if raw.startswith(b"From") else 0)
    assert body.startswith(b"\r\n")


@pytest.mark.parametrize("place", ["Hi", "Subject"])
def test_a_nul_is_refused(place: str) -> None:
    with pytest.raises(Misread, match="NUL"):
        read(PLAIN.replace(place.encode(), place.encode() + b"\0", 1))


@given(st.binary(max_size=400))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    raw = octets.replace(b"\r", b"").replace(b"\n", b"\r\n")
    try:
        email = read(PLAIN[:-9].removesuffix(b"\r\n") + raw + b"\r\n\r\nHi\r\n")
    except Misread:
        return
    head = left(email).partition(b"\r\n\r\n")[0]
    assert head.lower().count(b"\r\nfrom:") + head.lower().startswith(b"from:") == 1


@pytest.mark.parametrize("name", ["To", "Cc", "Reply-To"])
def test_addresses_that_are_nested_deeper_than_anybody_reads_break_nothing(name: str) -> None:
    read(with_header(f"{name}: {'(' * 5_000}"))
