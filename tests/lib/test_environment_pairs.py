from __future__ import annotations

import pytest

from dynamail.lib.environment import BadSetting, read_pairs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("postmark=https://proxy.example.com/", {"postmark": "https://proxy.example.com/"}),
        (
            " a = http://127.0.0.1:1/ , b=https://b.example/x=1,",
            {"a": "http://127.0.0.1:1/", "b": "https://b.example/x=1"},
        ),
    ],
)
def test_names_with_addresses_are_read(
    text: str, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_URLS", text)
    assert read_pairs("SOME_URLS") == expected


@pytest.mark.parametrize(
    "text", ["postmark", "postmark=", "=https://a.example/", "postmark=file:///etc/passwd"]
)
def test_what_is_no_pair_is_refused_with_the_settings_name(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_URLS", text)
    with pytest.raises(BadSetting, match="SOME_URLS"):
        read_pairs("SOME_URLS")
