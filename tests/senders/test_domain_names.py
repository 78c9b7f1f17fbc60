from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.senders.domain_names import is_free_mail, read_domain_name, write_domain_name
from dynamail.senders.errors import SenderError


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("acme.by", "acme.by"),
        ("  News.ACME.by. ", "news.acme.by"),
        ("пример.бел", "xn--e1afmkfd.xn--90ais"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_a_domain_is_kept_in_its_form_for_the_dns(text: str, name: str) -> None:
    assert read_domain_name(text) == name


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "domain_empty"),
        (" . ", "domain_empty"),
        ("anna@acme.by", "domain_is_address"),
        ("https://acme.by", "domain_is_link"),
        ("acme.by/shop", "domain_is_link"),
        ("acme.by:25", "domain_is_link"),
        ("192.0.2.1", "domain_is_ip"),
        ("[192.0.2.1]", "domain_is_ip"),
        ("2001:db8::1", "domain_is_ip"),
        ("acme", "domain_incomplete"),
        ("localhost", "domain_special"),
        ("mail.localhost", "domain_special"),
        ("printer.local", "domain_special"),
        ("acme..by", "domain_invalid"),
        ("-acme.by", "domain_invalid"),
        ("acme by.by", "domain_invalid"),
        ("acme_1.by", "domain_invalid"),
        ("xn--zz--.by", "domain_invalid"),
        ("a" * 64 + ".by", "domain_invalid"),
        (".".join(["abcdefgh"] * 25) + ".by", "domain_too_long"),
        ("gmail.com", "domain_free_mail"),
        ("MAIL.ru", "domain_free_mail"),
        ("tut.by", "domain_free_mail"),
        ("me.yandex.by", "domain_free_mail"),
        ("seznam.cz", "domain_free_mail"),
    ],
)
def test_what_cannot_be_a_sending_domain_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(SenderError) as refused:
        read_domain_name(text)
    assert refused.value.code == code
    assert str(refused.value)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        name = read_domain_name(text)
    except SenderError:
        return
    assert read_domain_name(name) == name
    assert name.isascii()
    assert "." in name
    assert read_domain_name(write_domain_name(name)) == name


def test_a_name_that_only_looks_like_a_mail_service_is_not_one() -> None:
    assert not is_free_mail("notgmail.com")
    assert not is_free_mail("gmail.com.acme.by")
