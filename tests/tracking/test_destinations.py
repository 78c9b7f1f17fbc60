from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.tracking.destinations import is_rendered_from, to_location


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://shop.example/a?b=c&d=%20e#f", "https://shop.example/a?b=c&d=%20e#f"),
        ("http://shop.example:8080", "http://shop.example:8080"),
        (" https://shop.example/a b ", "https://shop.example/a%20b"),
        (
            "https://shop.example/чай?q=чёрный",
            "https://shop.example/%D1%87%D0%B0%D0%B9?q=%D1%87%D1%91%D1%80%D0%BD%D1%8B%D0%B9",
        ),
        ("https://пример.бел/", "https://xn--e1afmkfd.xn--90ais/"),
        ("http://[::1]/x", "http://[::1]/x"),
    ],
)
def test_an_address_on_the_web_fits_the_header(url: str, location: str) -> None:
    assert to_location(url) == location.encode()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example/",
        "/relative",
        "https:///no-host",
        "https://evil.example\\@good.example/",
        "https://good.example/\r\nSet-Cookie: a=b",
        "https://good.example/\tx",
        "https://good.example:port/",
        "https://[::1",
        "ftp://files.example/",
        "https://%67ood.example/",
        "mailto:a@b.example",
    ],
)
def test_anything_else_leads_nowhere(url: str) -> None:
    assert to_location(url) is None


@given(st.text(max_size=80))
def test_no_text_makes_a_broken_header(url: str) -> None:
    location = to_location(url)
    if location is not None:
        assert location.isascii()
        assert location.startswith((b"http://", b"https://"))
        assert not set(location) & set(b"\r\n\t \\")


def test_a_rendered_address_must_keep_the_host_that_the_author_wrote() -> None:
    assert is_rendered_from("https://shop.example/u/7", "https://shop.example/u/{{ contact.id }}")
    assert not is_rendered_from("https://evil.example/u/7", "https://shop.example/u/{{ contact.id }}")
    assert not is_rendered_from("https://shop.example.evil.example/", "https://shop.example/{{ path }}")
    assert is_rendered_from("https://city.shop.example/", "https://{{ city }}.shop.example/")
    assert is_rendered_from("https://any.example/", "{{ contact.url }}")
    assert not is_rendered_from("https://[bad", "https://shop.example/{{ x }}")
