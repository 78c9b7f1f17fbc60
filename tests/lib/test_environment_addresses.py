from __future__ import annotations

import pytest

from dynamail.lib.environment import BadSetting, read_addresses


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("9.9.9.9", (("9.9.9.9", 53),)),
        (" 127.0.0.1:5353 , [::1]:54,", (("127.0.0.1", 5353), ("::1", 54))),
        ("2001:db8::1", (("2001:db8::1", 53),)),
    ],
)
def test_addresses_are_read_with_and_without_a_port(text, expected, monkeypatch):
    monkeypatch.setenv("SOME_SERVERS", text)
    assert read_addresses("SOME_SERVERS", default_port=53) == expected


@pytest.mark.parametrize("text", ["dns.example", "127.0.0.1:port", "1.2.3.4:99999", "[::1", "1.2.3"])
def test_what_is_no_address_is_refused_with_its_name(text, monkeypatch):
    monkeypatch.setenv("SOME_SERVERS", text)
    with pytest.raises(BadSetting, match="SOME_SERVERS"):
        read_addresses("SOME_SERVERS", default_port=53)
