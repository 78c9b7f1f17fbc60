from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dynamail.protocols.address import Address, AddressError, parse_address, split_mailbox

HOSTILE = [
    "a\r\nb@example.com",
    "a@example.com\r\nRCPT TO:<x@example.com>",
    "a@example.com\n",
    "a\x00@example.com",
    "a\u2028@example.com",
    "a\u2029@example.com",
    "a\x85@example.com",
    "a\x7f@example.com",
    "a\ud800@example.com",
    '"a\r\nb"@example.com',
    '"a\x00"@example.com',
    "a@exam\u200bple.com",
    "a\u202e@example.com",
    "a@example.com>",
    "<a@example.com>",
    "a b@example.com",
    '"a b"@example.com',
    "a\u00a0b@example.com",
    " a@example.com",
    "a@example.com ",
]


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.com",
        "ann.lee+news@mail.example.co.uk",
        "o'brien!#$%&*/=?^_`{|}~-@example.com",
        "1@2.example",
        '"ann..lee"@example.com',
        '"a@b"@example.com',
        '"quote\\"d"@example.com',
        "jörg@example.com",
        "почта@пример.рф",
        "用户@例え.jp",
        "a" * 64 + "@example.com",
    ],
)
def test_a_legal_address_is_kept_as_it_was_written(text: str) -> None:
    address = parse_address(text)
    assert address.text == text == str(address)
    assert address.local == text.rpartition("@")[0]
    assert address.domain.isascii()
    assert address.domain == address.domain.lower()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("ann", "no_at"),
        ("ann.example.com", "no_at"),
        ("ann@", "missing_domain"),
        ("@example.com", "missing_local"),
        ('""@example.com', "missing_local"),
        ("a@b@example.com", "several_at"),
        ("a@example", "no_dot"),
        ("a@[192.0.2.1]", "address_literal"),
        ("a@192.0.2.1", "bad_domain"),
        ("a@-example.com", "bad_domain"),
        ("a@example-.com", "bad_domain"),
        ("a@exa_mple.com", "bad_domain"),
        ("a@example..com", "bad_domain"),
        ("a@example.com.", "bad_domain"),
        ("a@.example.com", "bad_domain"),
        ("a@" + "b" * 64 + ".com", "bad_domain"),
        ("a@xn--zzzzzzzz99999.com", "bad_idna"),
        ("a@ex\uff20ample.com", "bad_idna"),
        (".a@example.com", "misplaced_dot"),
        ("a.@example.com", "misplaced_dot"),
        ("a..b@example.com", "misplaced_dot"),
        ("a(b)@example.com", "bad_character"),
        ("a,b@example.com", "bad_character"),
        ('"a@example.com', "unbalanced_quotes"),
        ('a"b@example.com', "unbalanced_quotes"),
        ("a" * 65 + "@example.com", "local_too_long"),
        ("я" * 33 + "@example.com", "local_too_long"),
        ("abc@" + ("b" * 60 + ".") * 4 + "example", "too_long"),
    ],
)
def test_a_wrong_address_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert caught.value.code == code
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("text", HOSTILE)
def test_an_address_that_could_forge_an_envelope_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_address(text)


@given(st.text(max_size=80))
@example("a@b.co\n")
@example("0@\u0130.co")
def test_whatever_is_accepted_is_safe_and_parses_back_to_itself(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressError:
        return
    assert address.text == text
    assert parse_address(address.text) == address
    assert not any(character in address.envelope for character in "\r\n\0 <>\u2028\u2029\x85")


LOCALS = st.from_regex(r"[A-Za-z0-9_+-]{1,20}(\.[A-Za-z0-9_+-]{1,20}){0,2}", fullmatch=True)
DOMAINS = st.from_regex(r"([a-z0-9]{1,15}\.){1,3}[a-z]{2,6}", fullmatch=True)


@given(LOCALS, DOMAINS)
def test_an_ordinary_address_survives_the_round_trip(local: str, domain: str) -> None:
    text = f"{local}@{domain.upper()}"
    assert parse_address(text) == Address(text, local, domain)


def test_the_key_ignores_case_and_needless_quotes_but_not_dots_and_plus() -> None:
    assert parse_address("Ann.Lee@Example.COM").key == "ann.lee@example.com"
    assert parse_address('"Ann.Lee"@example.com').key == "ann.lee@example.com"
    assert parse_address('"a\\nn"@example.com').key == "ann@example.com"
    assert parse_address("annlee@example.com").key != parse_address("ann.lee@example.com").key
    assert parse_address("ann+x@example.com").key == "ann+x@example.com"
    assert parse_address("АННА@Пример.рф").key == parse_address("анна@xn--e1afmkfd.xn--p1ai").key
    assert parse_address("jo\u0308rg@example.com").key == parse_address("JÖRG@example.com").key


def test_an_international_domain_has_two_forms() -> None:
    address = parse_address("ann@Müller.de")
    assert address.domain == "xn--mller-kva.de"
    assert address.domain_unicode == "müller.de"
    assert address.envelope == "ann@xn--mller-kva.de"
    assert not address.is_ascii
    assert not address.needs_smtputf8
    assert parse_address("jörg@example.com").needs_smtputf8


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("ann@example.com", "", "ann@example.com"),
        ("<ann@example.com>", "", "ann@example.com"),
        ("Ann Lee <ann@example.com>", "Ann Lee", "ann@example.com"),
        ('"Lee, Ann" <ann@example.com>', "Lee, Ann", "ann@example.com"),
        ('"A \\"B\\" C" <ann@example.com>', 'A "B" C', "ann@example.com"),
        (" Анна 👩‍💻 <ann@example.com> ", "Анна 👩‍💻", "ann@example.com"),
    ],
)
def test_a_mailbox_is_split_into_name_and_address(text: str, name: str, address: str) -> None:
    mailbox = split_mailbox(text)
    assert (mailbox.name, mailbox.address.text) == (name, address)


@pytest.mark.parametrize(
    "text",
    [
        "Ann <ann@example.com",
        "Ann ann@example.com>",
        'A"nn <a@example.com>',
        "A\r\nB <a@example.com>",
        "a <b@c.de> <d@e.fr>",
    ],
)
def test_a_broken_mailbox_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        split_mailbox(text)
