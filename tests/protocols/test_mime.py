from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import parseaddr

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from dynamail.protocols.address import Mailbox, parse_address
from dynamail.protocols.mime import (
    HeaderError,
    attachment_part,
    build_message,
    encode_addresses,
    encode_header,
    encode_structured,
    format_date,
    format_message_id,
    multipart,
    text_part,
)
from dynamail.protocols.smtp.wire import is_wire_safe

FORBIDDEN = "\r\n\0\t\x01\x1f\x7f\x80\x85\x9f\u2028\u2029\ud800\udfff"
HEADER_TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=200)
TEXTS = st.one_of(st.text(max_size=300), st.text(alphabet=" .=\n\r\tFromaé€😀", max_size=400))


def parse(data: bytes) -> EmailMessage:
    return message_from_bytes(data, policy=policy.default)  # type: ignore[return-value]


def as_sent(text: str) -> str:
    return re.sub("[\ud800-\udfff]", "\ufffd", re.sub(r"\r\n|\r|\n", "\r\n", text))


def read_text(part: Message) -> str:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


@given(HEADER_TEXT)
@example("")
@example(" leading and trailing ")
@example("=?utf-8?q?not=20encoded?=")
@example("word " * 60)
@example("x" * 2000)
@example("a" + " " * 90 + "b")
@example("Скидки 🎉 " * 20)
@example("é" * 80)
@example("_?=" * 50 + "é")
def test_any_subject_is_read_back_as_it_was_written(subject: str) -> None:
    field = encode_header("Subject", subject)
    assert field.isascii()
    for line in field.split(b"\r\n"):
        assert len(line) <= (76 if b"=?utf-8" in line else 998)
    assert parse(field + b"\r\n")["Subject"] == subject


@given(HEADER_TEXT, st.sampled_from(["Subject", "X", "X-" + "Long-" * 13 + "Name"]))
def test_encoded_words_are_short_and_hold_whole_characters(value: str, name: str) -> None:
    for word in re.findall(rb"=\?utf-8\?.*?\?=", encode_header(name, "é" + value)):
        assert len(word) <= 75
        text = parse(b"Subject: " + word + b"\r\n\r\n")["Subject"]
        assert "\ufffd" not in text or "\ufffd" in value


def test_a_long_ascii_subject_is_folded_at_spaces() -> None:
    field = encode_header("Subject", "ordinary words " * 20 + "end")
    assert all(len(line) <= 78 for line in field.split(b"\r\n"))
    assert b"=?" not in field


@given(HEADER_TEXT, st.sampled_from(FORBIDDEN), HEADER_TEXT)
def test_no_value_can_begin_another_header(before: str, forbidden: str, after: str) -> None:
    value = before + forbidden + after
    with pytest.raises(HeaderError):
        encode_header("Subject", value)
    with pytest.raises(HeaderError):
        encode_structured("References", value)
    with pytest.raises(HeaderError):
        encode_addresses("From", [Mailbox(value, parse_address("a@example.com"))])
    with pytest.raises(HeaderError):
        attachment_part(b"", filename=value)


@pytest.mark.parametrize("name", ["", "Sub ject", "Subject:", "Sub\r\nject", "Тема", "X" * 77])
def test_a_bad_header_name_is_refused(name: str) -> None:
    with pytest.raises(HeaderError):
        encode_header(name, "x")


@pytest.mark.parametrize("content_type", ["", "text", "text/plain; x=y z", "text/pl\r\nain"])
def test_a_bad_content_type_is_refused(content_type: str) -> None:
    with pytest.raises(HeaderError):
        attachment_part(b"", filename="a", content_type=content_type)


def test_an_invitation_says_what_it_asks_for() -> None:
    part = attachment_part(b"", filename="a.ics", content_type="text/calendar; method=REQUEST")
    assert b"Content-Type: text/calendar; method=REQUEST\r\n" in part.headers


@given(HEADER_TEXT)
@example("Lee, Ann")
@example('A "B" C\\')
@example("Ann.Lee")
@example("=?utf-8?q?x?=")
@example("a@b.example")
@example("Анна Ли")
@example("long name " * 30)
def test_any_display_name_is_read_back_as_it_was_written(name: str) -> None:
    assume(name == name.strip())
    field = encode_addresses("From", [Mailbox(name, parse_address("ann@example.com"))])
    phrase, address = parseaddr(field.decode("ascii").replace("\r\n ", " ").removeprefix("From: "))
    assert address == "ann@example.com"
    # The newer parser puts spaces between encoded words of a phrase, so the older one is the oracle; it joins runs of spaces.
    assert str(make_header(decode_header(phrase))).split() == name.split()


def test_several_recipients_are_folded_and_an_idn_domain_is_ascii() -> None:
    boxes = [Mailbox(f"Имя {number}", parse_address(f"user{number}@müller.de")) for number in range(20)]
    field = encode_addresses("To", boxes)
    assert all(len(line) <= 78 for line in field.split(b"\r\n"))
    parsed = parse(field + b"\r\n")["To"].addresses
    assert [one.display_name for one in parsed] == [box.name for box in boxes]
    assert parsed[7].addr_spec == "user7@xn--mller-kva.de"


def test_an_international_address_stays_utf8() -> None:
    field = encode_addresses("To", [Mailbox("", parse_address("jörg@müller.de"))])
    assert field == "To: jörg@xn--mller-kva.de\r\n".encode()


@given(TEXTS)
@example(".")
@example("From me\n")
@example("trailing \n")
@example("x" * 1200)
def test_any_text_arrives_as_it_was_written(text: str) -> None:
    inner = multipart("mixed", [text_part(text)], seed=b"one")
    message = build_message([encode_header("Subject", "x")], inner)
    assert is_wire_safe(message)
    assert max(map(len, message.split(b"\r\n"))) <= 998
    (part,) = parse(message).iter_parts()
    assert read_text(part) == as_sent(text)  # type: ignore[arg-type]


@given(TEXTS, TEXTS, HEADER_TEXT, st.binary(max_size=200), HEADER_TEXT)
@example("plain", "<p>html</p>", "Тема", b"\x00\xff", "отчёт за май.pdf")
@example("plain", "<p>html</p>", "s", b"", "x" * 300)
def test_a_whole_message_has_exactly_the_headers_and_parts_that_were_meant(
    text: str, html: str, subject: str, content: bytes, filename: str
) -> None:
    assume(filename.strip() == filename != "")
    body = multipart("alternative", [text_part(text), text_part(html, subtype="html")], seed=b"inner")
    whole = multipart("mixed", [body, attachment_part(content, filename=filename)], seed=b"outer")
    fields = [
        encode_addresses("From", [Mailbox(subject.strip(), parse_address("ann@example.com"))]),
        encode_header("Subject", subject),
        encode_structured("Message-ID", format_message_id("abc.1", "example.com")),
    ]
    message = build_message(fields, whole)
    assert is_wire_safe(message)
    parsed = parse(message)
    assert parsed.keys() == ["From", "Subject", "Message-ID", "MIME-Version", "Content-Type"]
    assert parsed["Subject"] == subject
    assert not parsed.defects
    alternative, attached = parsed.iter_parts()
    plain, rich = alternative.iter_parts()  # type: ignore[attr-defined]
    assert (plain.get_content_type(), rich.get_content_type()) == ("text/plain", "text/html")
    assert (read_text(plain), read_text(rich)) == (as_sent(text), as_sent(html))
    assert attached.get_payload(decode=True) == content
    assert attached.get_filename() == filename  # type: ignore[attr-defined]


def test_a_boundary_is_the_same_for_the_same_seed_and_never_inside_a_part() -> None:
    first = multipart("mixed", [text_part("x")], seed=b"s")
    boundary = re.search(rb'boundary="([^"]+)"', first.headers)
    assert boundary
    assert multipart("mixed", [text_part("x")], seed=b"s") == first
    hostile = multipart("mixed", [text_part(f"--{boundary[1].decode()}--")], seed=b"s")
    assert boundary[1] not in hostile.headers


def test_an_inline_image_has_its_content_id() -> None:
    part = attachment_part(b"png", filename="l.png", content_type="image/png", content_id="logo@example.com")
    assert b"Content-ID: <logo@example.com>\r\n" in part.headers
    assert b"inline" in part.headers


def test_plain_ascii_text_stays_readable_on_the_wire() -> None:
    assert text_part("Hello\nworld\n").body == b"Hello\r\nworld\r\n"
    assert b"base64" in text_part("Привет, мир, как дела? " * 9).headers
    assert b"quoted-printable" in text_part("A small café in the town, " * 20).headers


def test_a_date_is_english_and_has_its_offset() -> None:
    at = datetime(2025, 11, 2, 9, 5, 6, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
    assert format_date(at) == "Sun, 02 Nov 2025 09:05:06 -0330"
    assert format_date(at.astimezone(UTC)) == "Sun, 02 Nov 2025 12:35:06 +0000"
    with pytest.raises(ValueError, match="aware"):
        format_date(at.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("left", "domain"), [("", "a.b"), ("a b", "a.b"), ("a>", "a.b"), ("a", "a\r\nb"), ("a", "")]
)
def test_a_bad_message_id_is_refused(left: str, domain: str) -> None:
    with pytest.raises(HeaderError):
        format_message_id(left, domain)
