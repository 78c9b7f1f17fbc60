from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.protocols.address import parse_address
from dynamail.protocols.list_headers import encode_feedback_id, encode_list_id, encode_list_unsubscribe
from dynamail.protocols.mime import HeaderError
from dynamail.protocols.retrying import GIVE_UP_AFTER, is_expired, next_attempt_at
from dynamail.protocols.verp import decode_return_path, encode_return_path

KEY, OLD_KEY = b"k" * 32, b"o" * 32
NOON = datetime(2025, 11, 21, 12, tzinfo=UTC)


def test_one_click_unsubscribe_has_both_fields() -> None:
    fields = encode_list_unsubscribe(
        "https://mail.example.com/u/AbC-_123?x=1",
        mailto=parse_address("leave+x@example.com"),
        mailto_subject="AbC",
    )
    assert fields.replace(b"\r\n ", b" ").split(b"\r\n")[:2] == [
        b"List-Unsubscribe: <https://mail.example.com/u/AbC-_123?x=1>, <mailto:leave%2Bx@example.com?subject=AbC>",
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/u",
        "https://example.com",
        "https://e.com/a b",
        "https://e.com/a>,<",
        "https://e.com/\r\nX: y",
    ],
)
def test_an_unsubscribe_link_that_providers_cannot_use_is_refused(url: str) -> None:
    with pytest.raises(HeaderError):
        encode_list_unsubscribe(url)


def test_a_list_id_has_a_description() -> None:
    assert encode_list_id("news.example.com", description="Product news") == (
        b"List-Id: Product news <news.example.com>\r\n"
    )
    assert b"=?utf-8?" in encode_list_id("news.example.com", description="Новости")
    for wrong in ("news", "a b.c", "news.example.com>"):
        with pytest.raises(HeaderError):
            encode_list_id(wrong)


def test_a_feedback_id_has_at_most_four_fields() -> None:
    assert (
        encode_feedback_id(["c1", "a7", "news"], sender_id="dynamail")
        == b"Feedback-ID: c1:a7:news:dynamail\r\n"
    )
    for fields, sender in ((["a"] * 4, "sender"), (["a"], "abcd"), (["a"], "a" * 16), (["a:b"], "sender")):
        with pytest.raises(HeaderError):
            encode_feedback_id(fields, sender_id=sender)


@given(st.uuids())
def test_a_return_path_names_its_message(message_id: UUID) -> None:
    local = encode_return_path(message_id, key=OLD_KEY)
    assert len(local) <= 64
    assert parse_address(f"{local}@bounce.example.com")
    assert decode_return_path(local, keys=[KEY, OLD_KEY]) == message_id
    assert decode_return_path(local.upper(), keys=[OLD_KEY]) == message_id
    assert decode_return_path(local, keys=[KEY]) is None


@given(st.integers(0, 44), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567.+-"))
def test_a_forged_return_path_is_nobodys(position: int, character: str) -> None:
    message_id = UUID(int=0x0123456789ABCDEF0123456789ABCDEF)
    local = encode_return_path(message_id, key=KEY)
    forged = local[:position] + character + local[position + 1 :]
    # The last character of a base32 UUID carries 3 bits of it, so another one may spell the same message.
    assert decode_return_path(forged, keys=[KEY]) in (None, message_id)
    if forged != local and position != 27:
        assert decode_return_path(forged, keys=[KEY]) is None


@pytest.mark.parametrize(
    "local", ["", "b+", "b+x.y", "ann", "b+" + "a" * 26 + "." + "b" * 16, "b+" + "1" * 26 + ".x"]
)
def test_a_strange_return_path_is_nobodys(local: str) -> None:
    assert decode_return_path(local, keys=[KEY]) is None


def test_retries_grow_and_end_after_four_days() -> None:
    at = NOON
    gaps: list[timedelta] = []
    while not is_expired(NOON, at):
        following = next_attempt_at(len(gaps) + 1, at, b"message")
        gaps.append(following - at)
        at = following
    assert timedelta(minutes=5) <= gaps[0] < timedelta(minutes=6)
    assert gaps[-1] >= timedelta(hours=4)
    assert sum(gap < timedelta(hours=1) for gap in gaps) == 3
    assert GIVE_UP_AFTER <= at - NOON < GIVE_UP_AFTER + timedelta(hours=5)


def test_what_failed_together_does_not_return_together() -> None:
    times = {next_attempt_at(1, NOON, uuid4().bytes) for _ in range(50)}
    assert len(times) > 40
    assert next_attempt_at(3, NOON, b"x") == next_attempt_at(3, NOON, b"x")
    with pytest.raises(ValueError, match="first attempt"):
        next_attempt_at(0, NOON, b"x")
