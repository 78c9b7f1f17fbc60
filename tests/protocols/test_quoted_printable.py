from __future__ import annotations

import quopri
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dynamail.protocols.quoted_printable import encode_quoted_printable, qp_join, qp_slot, qp_static
from dynamail.protocols.smtp.wire import is_wire_safe

# Many spaces, dots, equal signs and line breaks: where quoted-printable goes wrong.
TEXTS = st.one_of(
    st.text(max_size=300),
    st.text(alphabet=" .=\n\r\taFrom é€😀", max_size=400),
    st.builds(lambda unit, times: unit * times, st.text(max_size=8), st.integers(0, 60)),
)


def as_sent(text: str) -> str:
    """Line ends as CRLF, lone surrogates replaced: what a reader is meant to get."""
    return re.sub("[\ud800-\udfff]", "\ufffd", re.sub(r"\r\n|\r|\n", "\r\n", text))


def assert_well_formed(encoded: bytes) -> None:
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))
        assert not line.endswith(b" ")
        assert b"  " not in line  # nor tabs: the form that DKIM hashes
        assert re.fullmatch(rb"(?:[ !-<>-~]|=[0-9A-F]{2})*=?", line)


@given(TEXTS)
@example("." * 200)
@example("From " * 40)
@example("a" * 75 + ".")
@example("a" * 73 + "é")
@example("x" * 76 + "\n")
def test_a_whole_body_decodes_to_its_text(text: str) -> None:
    encoded = encode_quoted_printable(text)
    assert_well_formed(encoded)
    assert quopri.decodestring(encoded).decode() == as_sent(text)
    assert not encoded.endswith(b"=\r\n")


@given(st.lists(st.tuples(st.booleans(), TEXTS), max_size=8))
def test_segments_encoded_apart_join_to_the_whole(segments: list[tuple[bool, str]]) -> None:
    encoded = [qp_slot(text) if is_slot else qp_static(as_sent(text).encode()) for is_slot, text in segments]
    body = qp_join(encoded)
    assert_well_formed(body)
    assert quopri.decodestring(body).decode() == "".join(as_sent(text) for _, text in segments)
    assert is_wire_safe(body + b"\r\n")


@pytest.mark.parametrize(
    ("text", "encoded"),
    [("a    b", b"a =20 =20b"), ("a   b", b"a =20 b"), ("a\t b", b"a=09 b"), ("a  \nb", b"a =20\r\nb")],
)
def test_runs_of_spaces_survive_a_verifier_that_folds_them(text: str, encoded: bytes) -> None:
    assert encode_quoted_printable(text) == encoded
    assert qp_slot(text).replace(b"=\r\n", b"") == encoded


@given(TEXTS)
def test_every_segment_leaves_the_line_at_its_start(text: str) -> None:
    for encoded in (qp_slot(text), qp_static(as_sent(text).encode())):
        assert encoded == b"" or encoded.endswith(b"\r\n")


def test_a_line_of_a_megabyte_is_wrapped() -> None:
    text = "ж" * 200_000
    encoded = encode_quoted_printable(text)
    assert_well_formed(encoded)
    assert quopri.decodestring(encoded).decode() == text
