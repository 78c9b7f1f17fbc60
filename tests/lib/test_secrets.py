from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.lib.environment import BadSetting, read_bool, read_int, read_secret, read_url
from dynamail.lib.sealing import CannotOpen, seal, unseal
from dynamail.lib.signing import BadToken, derive_key, sign_token, verify_token

KEY = derive_key("secret", "tests")


@given(st.binary(max_size=60))
def test_a_token_gives_its_payload_back(payload: bytes) -> None:
    assert verify_token(KEY, sign_token(KEY, payload)) == payload


@given(st.binary(min_size=1, max_size=60), st.data())
def test_a_token_with_one_changed_character_is_refused(payload: bytes, data: st.DataObject) -> None:
    token = sign_token(KEY, payload)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([c for c in "ABCDabcd0123-_" if c != token[place]]))
    with pytest.raises(BadToken):
        verify_token(KEY, token[:place] + other + token[place + 1 :])


def test_a_token_of_one_purpose_does_not_pass_for_another() -> None:
    with pytest.raises(BadToken):
        verify_token(derive_key("secret", "other"), sign_token(KEY, b"x"))


@pytest.mark.parametrize("token", ["", "A", "äöü", "====", "a" * 5000])
def test_garbage_is_not_a_token(token: str) -> None:
    with pytest.raises(BadToken):
        verify_token(KEY, token)


@pytest.mark.promise("P2.2")
def test_a_sealed_secret_does_not_open_in_another_row() -> None:
    key = os.urandom(32)
    sealed = seal(key, "pässword", place="1/transport/1/password")
    assert unseal(key, sealed, place="1/transport/1/password") == "pässword"
    with pytest.raises(CannotOpen):
        unseal(key, sealed, place="1/transport/2/password")
    with pytest.raises(CannotOpen):
        unseal(key, sealed[:-1], place="1/transport/1/password")


def test_wrong_settings_are_refused_by_name_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "perhaps")
    for read in (
        lambda: read_bool("X", default=True),
        lambda: read_int("X", 1, low=1, high=2),
        lambda: read_url("X", "http://localhost"),
    ):
        with pytest.raises(BadSetting, match=r"^X: ") as caught:
            read()
        assert caught.value.hint


def test_a_secret_may_come_from_a_file(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("X_FILE", str(tmp_path / "secret"))
    assert read_secret("X") == "from a file"
    monkeypatch.setenv("X_FILE", str(tmp_path / "missing"))
    with pytest.raises(BadSetting, match="X_FILE"):
        read_secret("X")
