"""Making seven bits of eight keeps what a reader reads."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.protocols.seven_bit import make_seven_bit
from dynamail.protocols.smtp.wire import make_wire_safe

NESTED = (
    "Subject: nested\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n"
    'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nЖывем!\r\n.\r\n"
    "--b\r\nContent-Type: text/html; charset=windows-1251\r\n\r\n<p>{}</p>\r\n"
    "--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
    "--b--\r\n"
)


def parse(data: bytes) -> EmailMessage:
    return message_from_bytes(data, policy=policy.default)  # type: ignore[return-value]


def test_every_part_reads_as_before() -> None:
    head, _, tail = NESTED.partition("{}")
    message = head.encode() + "Прывітанне".replace("і", "i").encode("windows-1251") + tail.encode()
    converted = make_seven_bit(message)
    assert converted is not None
    assert converted.isascii()
    before, after = list(parse(message).walk()), list(parse(converted).walk())
    assert [part.get_content_type() for part in before] == [part.get_content_type() for part in after]
    assert after[0]["Content-Transfer-Encoding"] == "7bit"
    assert after[0]["Subject"] == "nested"
    for one, other in zip(before[1:], after[1:], strict=True):
        assert one.get_content() == other.get_content()  # type: ignore[attr-defined]
    assert b"\r\n" in converted
    assert make_wire_safe(converted, stuff_dots=False) == converted


@pytest.mark.parametrize(
    "message",
    [
        "Subject: ж\r\n\r\nж\r\n",
        "DKIM-Signature: v=1\r\n\r\nж\r\n",
        "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nж\r\n--b--\r\n",
        "Content-Transfer-Encoding: base64\r\n\r\nж\r\n",
        "Content-Transfer-Encoding: nonsense\r\n\r\nж\r\n",
        "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(5000)) + "ж",
    ],
    ids=["header", "signed", "sealed", "base64", "unknown encoding", "deep"],
)
def test_what_would_break_is_left_alone(message: str) -> None:
    assert make_seven_bit(message.encode()) is None


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Привет\n", "quoted-printable"),
        ("Привет, мир!\n" * 5_000, "base64"),
        ("A café au lait\n" * 20_000, "quoted-printable"),
    ],
    ids=["short", "long", "long and nearly ASCII"],
)
def test_the_shorter_encoding_is_chosen_for_a_long_text(text: str, encoding: str) -> None:
    message = make_wire_safe(
        ("Content-Type: text/plain; charset=utf-8\r\n\r\n" + text).encode(), stuff_dots=False
    )
    converted = make_seven_bit(message)
    assert converted is not None
    assert parse(converted)["Content-Transfer-Encoding"] == encoding
    assert parse(converted).get_content().replace("\r\n", "\n") == text
    assert max(map(len, converted.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("version", ["", "MIME-Version: 1.0\r\n"])
def test_what_is_encoded_says_that_it_is_mime(version: str) -> None:
    converted = make_seven_bit(f"Subject: plain\r\n{version}\r\n{'a' * 2_000}\r\n".encode())
    assert converted is not None
    assert parse(converted).get_all("MIME-Version") == ["1.0"]


def test_what_is_not_text_keeps_its_octets() -> None:
    data = bytes(range(1, 256))
    converted = make_seven_bit(b"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n" + data)
    assert converted is not None
    assert parse(converted).get_content() == data


@given(st.text())
def test_any_text_survives(text: str) -> None:
    head = "Content-Type: text/plain; charset=utf-8\r\n\r\n"
    message = make_wire_safe((head + text.replace("\ufeff", "")).encode("utf-8", "replace"), stuff_dots=False)
    converted = make_seven_bit(message)
    assert converted is not None
    assert parse(converted).get_content() == parse(message).get_content()


@given(st.binary())
def test_any_bytes_are_converted_or_left_alone(data: bytes) -> None:
    converted = make_seven_bit(data)
    assert converted is None or converted.isascii()
