from __future__ import annotations

import string
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.lib.signing import BadToken, sign_token
from dynamail.tracking.tokens import (
    DYNAMIC,
    MAX_ADDRESS_BYTES,
    ClickToken,
    LeaveToken,
    OpenToken,
    PreferencesToken,
    ViewToken,
    load_token_keys,
)

KEYS = load_token_keys("a secret of this test, long enough")
OTHER = load_token_keys("the secret of another installation")
U32, U16, UUIDS = st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1), st.uuids()
TOKENS = st.one_of(
    st.builds(ClickToken, U32, UUIDS, UUIDS, U16),
    st.builds(ClickToken, U32, UUIDS, UUIDS, U16, st.just(DYNAMIC), st.text(min_size=1, max_size=300)),
    st.builds(OpenToken, U32, UUIDS, UUIDS, st.integers(0, 255)),
    st.builds(LeaveToken, U32, UUIDS, U32, UUIDS),
    st.builds(PreferencesToken, U32, UUIDS),
    st.builds(ViewToken, U32, UUIDS, UUIDS),
)
KINDS = (ClickToken, OpenToken, LeaveToken, PreferencesToken, ViewToken)
CHARACTERS = string.ascii_letters + string.digits + "-_"
PERSON, SOURCE = UUID(int=7), UUID(int=9)


@given(TOKENS)
def test_a_token_says_what_was_signed_and_passes_for_no_other_kind(token: ClickToken) -> None:
    text = token.sign(KEYS)
    assert type(token).parse(KEYS, text) == token
    for kind in KINDS:
        if kind is not type(token):
            with pytest.raises(BadToken):
                kind.parse(KEYS, text)
    with pytest.raises(BadToken):
        type(token).parse(OTHER, text)


def test_every_changed_character_is_noticed() -> None:
    text = ClickToken(3, SOURCE, PERSON, 2).sign(KEYS)
    for place in range(len(text)):
        for character in CHARACTERS:
            if character != text[place]:
                with pytest.raises(BadToken):
                    ClickToken.parse(KEYS, text[:place] + character + text[place + 1 :])


@given(st.text(max_size=200))
def test_nonsense_is_a_bad_token_and_nothing_worse(text: str) -> None:
    for kind in KINDS:
        with pytest.raises(BadToken):
            kind.parse(KEYS, text)


def test_an_address_without_the_flag_is_refused() -> None:
    payload = bytes(39) + b"https://evil.example/"
    with pytest.raises(BadToken):
        ClickToken.parse(KEYS, sign_token(KEYS.click, payload))


def test_an_address_that_no_mail_program_opens_is_refused() -> None:
    with pytest.raises(ValueError, match="1501 bytes"):
        ClickToken(3, SOURCE, PERSON, 2, DYNAMIC, "x" * (MAX_ADDRESS_BYTES + 1)).sign(KEYS)


def test_links_stay_short() -> None:
    assert len(ClickToken(3, SOURCE, PERSON, 2).sign(KEYS)) == 63
    assert len(LeaveToken(3, PERSON, 5, SOURCE).sign(KEYS)) == 64
