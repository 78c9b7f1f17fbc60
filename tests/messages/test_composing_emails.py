"""Single emails on the wire: whatever they say, Python's parser reads back what was meant, and our wire rules hold."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import dkim
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.lib.ids import derived_id, new_id
from dynamail.messages.composing import ComposingSettings
from dynamail.messages.composing_emails import EmailCopy, compose_email, find_file_type
from dynamail.messages.composing_raw import compose_raw
from dynamail.messages.one_time import Rendered
from dynamail.messages.signing import SigningIdentity
from dynamail.messages.stored_emails import EmailFile, EmailTexts, HeaderRecipient, StoredEmail
from dynamail.protocols.dkim import DkimAlgorithm, DkimSigner, format_public_record, generate_private_key
from dynamail.protocols.mime import HeaderError
from dynamail.protocols.smtp.envelopes import Envelope
from dynamail.protocols.smtp.wire import is_wire_safe, make_wire_safe
from dynamail.tracking.tokens import load_token_keys

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SETTINGS = ComposingSettings(
    "https://mail.example", "id.example", "bounce.example", load_token_keys("secret"), b"k" * 32
)
EMAIL_ID, STREAM, ACCOUNT, CONTACT = (new_id(NOW) for _ in range(4))
ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=400)
LINES = st.text(
    st.one_of(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), st.sampled_from(".\nF")),
    max_size=600,
)


def make(**values: Any) -> StoredEmail:
    named = (
        HeaderRecipient(EMAIL_ID, ANN, "Ann Lee", "to"),
        HeaderRecipient(derived_id(NOW, 1), BOB, "", "cc"),
        HeaderRecipient(derived_id(NOW, 2), EVE, "Eve", "bcc"),
    )
    usual: dict[str, Any] = {
        "account_id": 7,
        "id": EMAIL_ID,
        "account_uid": ACCOUNT,
        "stream": "receipts",
        "stream_uid": STREAM,
        "stream_kind": "transactional",
        "from_email": "shop@acme.example",
        "from_name": "Acme",
        "subject": "Your order",
        "recipients": named,
        "texts": EmailTexts("<p>Hi</p>", "Hi"),
    }
    return StoredEmail(**usual | values)


def write(stored: StoredEmail, copy: EmailCopy | None = None, **values: Any) -> Envelope:
    copy = copy or EmailCopy(EMAIL_ID, ANN)
    compose = compose_raw if stored.raw is not None else compose_email
    values.setdefault("identity", None)
    return compose(stored, copy, settings=SETTINGS, now=NOW, **values)


def octets(envelope: Envelope) -> bytes:
    """As the client would write it, dots not yet stuffed."""
    assert isinstance(envelope.body, bytes)
    if envelope.wire_safe:
        assert is_wire_safe(envelope.body)
        return envelope.body
    return make_wire_safe(envelope.body, stuff_dots=False)


def read(envelope: Envelope) -> EmailMessage:
    parsed = email.message_from_bytes(octets(envelope), policy=email.policy.default)
    assert not parsed.defects
    return parsed  # type: ignore[return-value]


@given(subject=TEXT, html=LINES, text=LINES, value=TEXT, name=TEXT)
def test_any_content_is_read_back_as_it_was_meant(
    subject: str, html: str, text: str, value: str, name: str
) -> None:
    texts = EmailTexts(html, text, [("X-Note", value)])
    message = read(write(make(subject=subject, texts=texts, from_name=name)))
    assert message["Subject"] == " ".join(subject.split())
    assert message["X-Note"] == " ".join(value.split())
    for kind, said in (("html", html), ("plain", text)):
        part = message.get_body((kind,))
        if said:
            assert part is not None
            assert part.get_content().replace("\r\n", "\n").rstrip("\n") == said.rstrip("\n")


@given(data=st.binary(max_size=2_000), picture=st.binary(min_size=1, max_size=500), filename=TEXT)
def test_files_arrive_octet_for_octet(data: bytes, picture: bytes, filename: str) -> None:
    blobs = {derived_id(NOW, "data"): data, derived_id(NOW, "picture"): picture}
    first, second = blobs
    files = [
        EmailFile(first, filename, "application/pdf"),
        EmailFile(second, "logo.png", "image/png", "logo"),
    ]
    texts = EmailTexts('<img src="cid:logo">', "Hi", [], files)
    message = read(write(make(texts=texts, files=blobs)))
    assert message.get_content_type() == "multipart/mixed"
    found = {part.get_content_type(): part for part in message.walk() if not part.is_multipart()}
    assert found["application/pdf"].get_content() == data
    assert found["image/png"].get_content() == picture
    assert found["image/png"]["Content-ID"] == "<logo>"
    assert found["image/png"].get_content_disposition() == "inline"


def test_a_picture_stands_beside_the_html_that_shows_it() -> None:
    file = EmailFile(UUID(int=1), "logo.png", "image/png", "logo@acme.example")
    texts = EmailTexts('<img src="cid:logo@acme.example">', "Hi", [], [file])
    message = read(write(make(texts=texts, files={UUID(int=1): b"png"})))
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]


def test_a_file_that_is_gone_is_a_sentence() -> None:
    texts = EmailTexts("", "Hi", [], [EmailFile(UUID(int=1), "bill.pdf", "application/pdf")])
    with pytest.raises(HeaderError, match=r"bill\.pdf"):
        write(make(texts=texts))


@pytest.mark.parametrize("content_type", ["", "message/rfc822", "multipart/mixed", "a/b\r\nX: y"])
def test_a_message_as_a_file_arrives_as_a_file(content_type: str) -> None:
    assert find_file_type(content_type) == "application/octet-stream"


def test_a_parameter_that_cannot_stay_costs_the_file_nothing_else() -> None:
    assert find_file_type('text/csv; name="a b"') == "text/csv"
    assert find_file_type("text/calendar; method=REQUEST") == "text/calendar; method=REQUEST"


def test_the_header_names_to_and_cc_and_never_a_bcc() -> None:
    for recipient in (ANN, BOB, EVE):
        body = octets(write(make(), EmailCopy(EMAIL_ID, recipient)))
        assert b"To: Ann Lee <ann@example.com>\r\nCc: bob@example.com\r\n" in body
        assert b"eve" not in body.lower()


def test_a_separate_copy_names_its_own_recipient_alone() -> None:
    texts = EmailTexts("", "Hi", separate=True)
    named = (HeaderRecipient(EMAIL_ID, ANN), HeaderRecipient(derived_id(NOW, 1), BOB))
    message = read(write(make(texts=texts, recipients=named)))
    assert (message["To"], message["Cc"]) == (ANN, None)


@pytest.mark.parametrize("raw", [None, b"From: shop@acme.example\r\n\r\nHi\r\n"])
def test_each_copy_says_which_message_it_is(raw: bytes | None) -> None:
    copy = EmailCopy(derived_id(NOW, 1), BOB)
    assert write(make(raw=raw), copy).message_id == copy.message_id


def test_who_is_only_sent_a_bcc_sees_nobody() -> None:
    message = read(write(make(recipients=(HeaderRecipient(EMAIL_ID, EVE, "", "bcc"),))))
    assert message["To"] == "undisclosed-recipients:;"


def test_what_is_ours_to_write_is_ours() -> None:
    headers = [
        (name, "forged")
        for name in (
            "From",
            "Bcc",
            "DKIM-Signature",
            "Received",
            "Content-Type",
            "X-DynaMail-Stream",
            "Message-ID",
        )
    ]
    headers += [("In-Reply-To", "<a@b.example>"), ("List-Unsubscribe", "<https://acme.example/leave>")]
    body = octets(write(make(texts=EmailTexts("", "Hi", headers))))
    assert b"forged" not in body
    assert b"In-Reply-To: <a@b.example>\r\n" in body
    assert b"List-Unsubscribe: <https://acme.example/leave>\r\n" in body
    assert f"Message-ID: <{EMAIL_ID.hex}@id.example>".encode() in body
    assert f"Feedback-ID: receipts:{ACCOUNT.hex}:transactional:dynamail".encode() in body.replace(
        b"\r\n ", b" "
    )


def test_on_a_topic_the_one_click_unsubscribe_is_ours() -> None:
    texts = EmailTexts("", "Hi", [("List-Unsubscribe", "<https://acme.example/leave>")])
    stored = make(topic_id=3, topic_name="News ☕", texts=texts, stream_kind="marketing")
    message = read(write(stored, EmailCopy(EMAIL_ID, ANN, CONTACT)))
    assert message["List-Unsubscribe"].startswith("<https://mail.example/u/")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Precedence"] == "bulk"
    assert message.get_all("List-Unsubscribe") == [message["List-Unsubscribe"]]


def test_the_senders_own_message_id_and_reply_addresses_are_kept() -> None:
    stored = make(
        header_id="order-17@acme.example", reply_to=("Help <help@acme.example>", "desk@acme.example")
    )
    message = read(write(stored))
    assert message["Message-ID"] == "<order-17@acme.example>"
    assert message["Reply-To"] == "Help <help@acme.example>, desk@acme.example"


def test_one_time_values_stand_in_for_what_is_kept() -> None:
    stored = make(texts=EmailTexts("<p>[one-time value]</p>", "[one-time value]"))
    body = octets(write(stored, EmailCopy(EMAIL_ID, ANN, None, Rendered("Code", "<p>99</p>", "99"))))
    assert b"one-time" not in body
    assert body.count(b"99") >= 2


def test_links_that_may_hold_a_one_time_value_are_not_counted() -> None:
    link = "https://acme.example/reset?code=99"
    secret = Rendered("Code", f'<a href="{link}">x</a>', link)
    stored = make(texts=EmailTexts("<p>x</p>", "x"), track_opens=True, track_clicks=True)
    html = read(write(stored, EmailCopy(EMAIL_ID, ANN, None, secret))).get_body(("html",))
    assert html is not None
    assert f'href="{link}"' in html.get_content()
    assert "/t/c/" not in html.get_content()
    assert "/t/o/" in html.get_content()


def test_links_are_counted_only_when_asked() -> None:
    texts = EmailTexts('<a href="https://acme.example/">x</a>', "https://acme.example/")
    plain = octets(write(make(texts=texts)))
    assert b"/t/" not in plain
    html = read(write(make(texts=texts, track_opens=True, track_clicks=True))).get_body(("html",))
    assert html is not None
    assert "https://mail.example/t/c/" in html.get_content()
    assert "https://mail.example/t/o/" in html.get_content()


def check_signature(message: bytes, key: bytes) -> bool:
    record = format_public_record(key).encode()
    return bool(dkim.verify(message, dnsfunc=lambda name, timeout=5: record))


@pytest.mark.parametrize(
    "raw", [None, b"From: shop@acme.example\nSubject: x\n\n.dot\n\n  two  spaces \n\n\n"]
)
def test_the_signature_holds(raw: bytes | None) -> None:
    key = generate_private_key(DkimAlgorithm.RSA)
    signer = DkimSigner(domain="acme.example", selector="s1", private_key=key)
    identity = SigningIdentity("acme.example", (signer,), "rp.acme.example")
    envelope = write(make(raw=raw), identity=identity)
    assert envelope.sender.endswith("@rp.acme.example")
    assert check_signature(octets(envelope), key)


# --- messages that came whole ----------------------------------------------------------------------------------------

RAW = b"From: Acme <shop@acme.example>\r\nTo: ann@example.com\r\nSubject: Hi\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n"


def test_a_whole_message_keeps_its_body_octet_for_octet() -> None:
    body = b"\r\n--x\r\nContent-Type: text/plain\r\n\r\n.one\r\n\r\n..two \r\n--x--\r\n"
    raw = RAW + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"\r\n' + body
    assert octets(write(make(raw=raw))).endswith(body)


@given(raw=st.binary(max_size=800))
def test_any_octets_become_a_message_that_may_be_written(raw: bytes) -> None:
    try:
        body = octets(write(make(raw=RAW + raw)))
    except HeaderError:
        return
    assert b"\0" not in body
    assert body.endswith(b"\r\n")
    assert body.count(b"\n") == body.count(b"\r") == body.count(b"\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= 998


@given(said=LINES)
def test_eight_bits_and_long_lines_are_encoded_anew(said: str) -> None:
    text = said + "é" + "x" * 1_500
    raw = (
        RAW
        + b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    )
    envelope = write(make(raw=raw + text.encode()))
    assert octets(envelope).isascii()
    assert read(envelope).get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")


def test_what_servers_write_is_removed_and_a_second_from_too() -> None:
    extra = (
        b"From: Evil <evil@evil.example>\r\nBcc: eve@example.com\r\nReceived: from x\r\nReturn-Path: <a@b.example>\r\n"
        b"DKIM-Signature: v=1; d=evil.example\r\nX-DynaMail-Tag: a\r\nMessage-Id: <mine@acme.example>\r\nX-Mine: kept\r\n"
    )
    body = octets(write(make(raw=RAW + extra + b"\r\nHi\r\n")))
    header = body.partition(b"\r\n\r\n")[0].lower()
    for gone in (
        b"evil",
        b"eve@",
        b"received:",
        b"return-path",
        b"dkim-signature",
        b"x-dynamail",
        b"mine@acme",
    ):
        assert gone not in header
    assert b"x-mine: kept" in header
    assert b"date: mon, 23 nov 2026 10:00:00" in header


def test_a_whole_message_shows_whom_the_door_let_in_and_nobody_else() -> None:
    raw = b"X-A: b\rFrom: ceo@victim.example\r\nFrom: Shop <shop@acme.example>, ceo@localhost\r\n\r\nHi\r\n"
    message = read(write(make(raw=raw)))
    assert message.get_all("From") == ["Acme <shop@acme.example>"]
    assert b"victim" not in octets(write(make(raw=raw)))


@pytest.mark.parametrize(
    "fields",
    [
        b"X-Long: y\r\n" + b" z\r\n" * 60_000,
        b"Cc: " + b"(" * 5_000 + "ä".encode() + b"\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n\xe4\r\n" * 100_000,
    ],
)
def test_what_nobody_means_holds_nobody_up(fields: bytes) -> None:
    body = octets(write(make(raw=RAW + fields + b"\r\nHi\r\n", track_clicks=True)))
    assert b"\r\nCc:" not in body


def test_header_fields_of_eight_bits_become_encoded_words() -> None:
    raw = "From: Käfer <shop@acme.example>\r\nTo: Änn <ann@example.com>\r\nSubject: Grüße\r\n\r\nHi\r\n".encode()
    message = read(write(make(raw=raw, from_name="Käfer")))
    assert (message["Subject"], message["To"], message["From"]) == (
        "Grüße",
        "Änn <ann@example.com>",
        "Käfer <shop@acme.example>",
    )


def test_a_signed_message_is_not_touched() -> None:
    body = (
        b'\r\n--s\r\nContent-Type: text/html\r\n\r\n<a href="https://acme.example/">x</a>\r\n'
        b"--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nabc\r\n--s--\r\n"
    )
    head = b'MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary="s"; protocol="application/pkcs7-signature"\r\n'
    stored = make(raw=RAW + head + body, track_opens=True, track_clicks=True)
    assert octets(write(stored)).endswith(body)


def test_the_html_of_a_whole_message_is_counted_when_asked() -> None:
    html = '<p>Grüße</p><a href="https://acme.example/">x</a>'
    head = b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    stored = make(raw=RAW + head + html.encode("latin-1"), track_opens=True, track_clicks=True)
    message = read(write(stored))
    content = message.get_content()
    assert "/t/c/" in content
    assert "/t/o/" in content
    assert "Grüße" in content
