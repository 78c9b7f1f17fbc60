from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.accounts.models import Account, User
from dynamail.conditions.tree import Finding
from dynamail.contacts.address_checks import (
    check_address,
    check_key,
    count_slips,
    is_disposable,
    is_role,
    read_findings,
    suggest_address,
    suggest_domain,
    to_bits,
)
from dynamail.contacts.editing import Profile, add_contact, change_contact
from dynamail.contacts.models import Contact
from dynamail.protocols.address import AddressError, parse_address
from tests.support.personas import NOW


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("gmail.cm", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("gnail.com", "gmail.com"),
        ("yandx.ru", "yandex.ru"),
        ("yandex.rru", "yandex.ru"),
        ("mail.ri", "mail.ru"),
        ("mial.ru", "mail.ru"),
        ("ramler.ru", "rambler.ru"),
        ("hotmial.co", "hotmail.com"),
        ("hotmali.co", "hotmail.com"),
        ("outlok.com", "outlook.com"),
        ("yahooo.com", "yahoo.com"),
        ("iclod.com", "icloud.com"),
        ("protonmal.com", "protonmail.com"),
        ("xn--gmil-63d.com", "gmail.com"),  # with a Cyrillic а
    ],
)
def test_slips_of_the_finger_are_noticed(domain: str, meant: str) -> None:
    assert suggest_domain(domain) == meant


@pytest.mark.parametrize(
    "domain",
    [
        "gmail.com",
        "mail.ru",
        "mail.by",
        "tut.by",
        "bk.ru",
        "vk.ru",
        "sk.ru",
        "ya.ru",
        "mai.ru",
        "email.com",
        "mail.de",
        "yahoo.fr",
        "hotmail.gr",
        "outlook.cz",
        "gmail.ru",
        "gmx.ch",
        "epam.com",
        "acme.by",
        "example.com",
        "mail.ru.com",
        "gmail.com.by",
        "inbox.lv",
        "proton.me",
        "xn--e1afmkfd.xn--90ais",
        "a.b",
    ],
)
def test_real_domains_are_left_alone(domain: str) -> None:
    assert suggest_domain(domain) == ""


def test_a_suggestion_is_a_whole_address() -> None:
    assert suggest_address("Ann.Lee+x@Gmial.com") == "Ann.Lee+x@gmail.com"
    assert suggest_address("ann@gmail.com") == ""


@pytest.mark.parametrize(
    "local", ["info", "SALES", "abuse", "postmaster", "no-reply", "zakaz", "info+spring"]
)
def test_desks_are_noticed(local: str) -> None:
    assert is_role(local)


@pytest.mark.parametrize("local", ["ann", "info.ann", "salesman", "informer"])
def test_people_are_no_desks(local: str) -> None:
    assert not is_role(local)


def test_disposable_domains_and_those_below_them_are_noticed() -> None:
    assert is_disposable("mailinator.com")
    assert is_disposable("box.mailinator.com")
    assert not is_disposable("gmail.com")
    assert not is_disposable("com")


def test_findings_are_bits_in_the_order_of_the_vocabulary() -> None:
    assert check_key("info@acme.by") == 1
    assert check_key("ann@mailinator.com") == 2
    assert check_key("ann@gmail.con") == 4
    assert check_address(parse_address("Info@Gmial.com")) == 1 | 2 | 4, (
        "whoever sells that slip gives out mailboxes"
    )
    assert read_findings(5) == [Finding.ROLE, Finding.TYPO]
    assert to_bits(["no_mail_server", "role"]) == 9


def test_international_domains_are_read_both_ways() -> None:
    address = parse_address("ann@пошта.бел")
    assert (address.domain, address.domain_unicode) == ("xn--80a1acn3a.xn--90ais", "пошта.бел")
    assert parse_address("ann@xn--80a1acn3a.xn--90ais").key == address.key
    assert check_address(address) == 0
    for broken in ("ann@xn--80a1acn3a\u200d.бел", "ann@xn--a.бел", "ann@xn--.by"):
        with pytest.raises(AddressError):
            parse_address(broken)


def test_an_international_name_is_an_address_and_says_what_it_needs() -> None:
    address = parse_address("ганна@пошта.бел")
    assert address.needs_smtputf8
    assert check_address(address) == 0


@given(st.text("abcdef.", max_size=8), st.text("abcdef.", max_size=8))
def test_slips_are_counted_the_same_from_both_sides(one: str, other: str) -> None:
    slips = count_slips(one, other)
    assert slips == count_slips(other, one)
    assert (slips == 0) == (one == other)
    assert abs(len(one) - len(other)) <= slips <= max(len(one), len(other))


@given(st.text("gmailcoy.ndexru-", min_size=1, max_size=14))
def test_any_domain_may_be_asked_about(domain: str) -> None:
    meant = suggest_domain(domain)
    assert not meant or count_slips(domain, meant) <= 2


def test_a_contact_by_hand_carries_its_marks(account: Account, bob: User) -> None:
    contact = add_contact(account.pk, Profile("ann@gmail.con"), by=bob, now=NOW)
    assert contact.findings == to_bits(["typo"])
    change_contact(contact, Profile("info@gmail.com"), by=bob, now=NOW)
    contact = Contact.objects.for_account(account).get(id=contact.id)
    assert contact.findings == to_bits(["role"])
