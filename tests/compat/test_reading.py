from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.api.compat.reading import (
    decode_file,
    keep_texts,
    read_object,
    read_recipients,
    read_time,
    split_addresses,
)
from dynamail.api.errors import Problem
from dynamail.messages.new_email import RecipientKind

ADDRESSES = ["ann@a.example", "Ann Lee <ann@a.example>", '"Lee, Bob" <bob@b.example>', '"a,b"@c.example']


@given(st.lists(st.sampled_from(ADDRESSES)), st.sampled_from([",", ", ", " ,\r\n "]))
def test_a_list_of_addresses_falls_into_its_pieces(pieces: list[str], comma: str) -> None:
    assert split_addresses(comma.join(pieces)) == pieces


@given(st.text())
def test_no_text_breaks_the_reading_of_recipients(text: str) -> None:
    with suppress(Problem):
        read_recipients(text, RecipientKind.TO, "to")


@pytest.mark.parametrize("text", ['"Ann <ann@a.example>', "Ann Lee", "a@b.example c@d.example", "<>"])
def test_what_is_no_address_is_refused_and_not_repaired(text: str) -> None:
    with pytest.raises(Problem):
        read_recipients(text, RecipientKind.TO, "to")


@given(st.binary())
def test_files_come_back_as_they_were(content: bytes) -> None:
    encoded = b64encode(content).decode()
    assert decode_file(encoded, "content") == content
    assert decode_file(encoded.rstrip("="), "content") == content
    assert (
        decode_file("\r\n".join(encoded[at : at + 76] for at in range(0, len(encoded), 76)), "content")
        == content
    )


@pytest.mark.parametrize("text", ["*", "a", "ümlaut", "YQ==YQ=="])
def test_other_text_is_no_file(text: str) -> None:
    with pytest.raises(Problem) as refused:
        decode_file(text, "attachments[0].content")
    assert refused.value.errors[0].field == "attachments[0].content"


def test_metadata_become_texts() -> None:
    assert keep_texts({"a": "1", "b": 2, "c": True, "d": None}) == {"a": "1", "b": "2", "c": "true"}


def test_a_time_needs_its_offset() -> None:
    assert read_time("2026-12-01T10:00:00Z", "at") == datetime(2026, 12, 1, 10, tzinfo=UTC)
    for text in ("2026-12-01T10:00:00", "tomorrow", ""):
        with pytest.raises(Problem):
            read_time(text, "at")


@pytest.mark.parametrize("text", ["[1]", "no", '"x"', "[" * 100_000])
def test_a_field_of_json_holds_an_object(text: str) -> None:
    with pytest.raises(Problem):
        read_object(text, "t:variables")
