from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dynamail.protocols.smtp.replies import MAX_REPLY_LINE, MAX_REPLY_TEXT, ReplyParser, SmtpError, read_reply


def parse_all(*chunks: bytes) -> tuple[list[tuple[int, str, str]], str]:
    parser = ReplyParser()
    replies = [read_reply(raw) for chunk in chunks for raw in parser.feed(chunk)]
    return [(reply.code, reply.enhanced, reply.text) for reply in replies], parser.error


def test_replies_are_read_one_by_one_from_one_chunk() -> None:
    assert parse_all(b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n") == (
        [(250, "2.1.0", "Ok"), (250, "2.1.5", "Ok"), (354, "", "go")],
        "",
    )


def test_a_reply_of_several_lines_is_one_text() -> None:
    assert parse_all(b"550-5.1.1 no such\r\n550-5.1.1 user", b" here\r", b"\n550 5.1.1 bye\r\n") == (
        [(550, "5.1.1", "no such user here bye")],
        "",
    )


def test_a_bare_code_and_bare_line_feeds_are_understood() -> None:
    assert parse_all(b"250\n250\r\n") == ([(250, "", ""), (250, "", "")], "")


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"\r\n",
        b"25 ok\r\n",
        b"999 ok\r\n",
        b"100 ok\r\n",
        b"250_ok\r\n",
        b"250-a\r\n251 b\r\n",
        b"\x00\xff\x16\x03\r\n",
        b"250 " + b"x" * MAX_REPLY_LINE + b"\r\n",
        b"x" * (MAX_REPLY_LINE + 1),
        (b"250-" + b"x" * 500 + b"\r\n") * 200,
    ],
)
def test_garbage_is_an_error_and_ends_the_reading(data: bytes) -> None:
    parser = ReplyParser()
    assert len(list(parser.feed(b"220 hi\r\n" + data))) == 1
    assert parser.error
    assert parser.feed(b"250 ok\r\n") == []


def test_an_enhanced_code_of_another_class_is_text() -> None:
    assert parse_all(b"250 5.1.1 strange\r\n")[0] == [(250, "", "5.1.1 strange")]


def test_the_text_is_bounded_and_has_no_control_characters() -> None:
    raw = (550, [b"550-5.7.1 \x1b[31mred\x07\xff\xe2\x80\xae", b"550 5.7.1 " + b"y" * 4000])
    reply = read_reply(raw)
    assert reply.text.startswith("[31mred \ufffd ")
    assert len(reply.text) <= MAX_REPLY_TEXT
    assert reply.text.isprintable()


def test_an_error_reads_like_the_dialog() -> None:
    error = SmtpError(permanent=True, code=535, enhanced="5.7.8", command="AUTH", text="wrong password")
    assert str(error) == "AUTH: 535 5.7.8 wrong password"
    lost = SmtpError(permanent=False, code=0, enhanced="", command="connect", text="No connection: refused")
    assert str(lost) == "connect: No connection: refused"


@given(st.binary(max_size=500), st.lists(st.integers(0, 500), max_size=5))
@example(b"250-a\r\n250 b\r\n", [3, 9])
def test_any_bytes_give_the_same_replies_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[start:end] for start, end in pairwise(edges)]
    assert parse_all(*chunks) == parse_all(data)
