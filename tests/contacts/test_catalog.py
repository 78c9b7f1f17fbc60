from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.accounts.models import Account, User
from dynamail.contacts.catalog import CatalogError, create_attribute, make_key, measure_coverage
from dynamail.contacts.editing import Profile, add_contact
from dynamail.contacts.tags import TagError, count_tagged, get_or_create_tags, merge_tags
from tests.support.personas import NOW


@given(st.text(max_size=80))
def test_any_label_makes_a_key_that_templates_can_say(label: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,59}", make_key(label))


def test_two_attributes_of_one_name_have_keys_of_their_own(account: Account, bob: User) -> None:
    keys = [create_attribute(account.pk, label="City", by=bob, now=NOW).key for _ in range(3)]
    assert keys == ["city", "city_2", "city_3"]


def test_a_key_that_every_contact_has_is_not_taken_by_a_label(account: Account, bob: User) -> None:
    assert create_attribute(account.pk, label="E-mail", by=bob, now=NOW).key == "email_2"


def test_a_choice_needs_choices(account: Account, bob: User) -> None:
    with pytest.raises(CatalogError):
        create_attribute(account.pk, label="Plan", type="choice", by=bob, now=NOW)


def test_filled_values_and_tags_are_counted_per_account(
    account: Account, other_account: Account, bob: User
) -> None:
    city = create_attribute(account.pk, label="City", by=bob, now=NOW)
    vip = get_or_create_tags(account.pk, ["VIP"])["vip"]
    profile = Profile("ann@example.com", attributes={city.number: "Minsk"}, tag_ids=[vip.pk])
    add_contact(account.pk, profile, by=bob, now=NOW)
    add_contact(account.pk, Profile("zoe@example.com"), by=bob, now=NOW)
    coverage = measure_coverage(account.pk)
    assert (coverage.filled, coverage.percent(city.number), coverage.exact) == ({city.number: 1}, 50, True)
    assert count_tagged(account.pk) == {vip.pk: 1}
    assert measure_coverage(other_account.pk).filled == count_tagged(other_account.pk) == {}


def test_names_of_tags_differ_by_more_than_case(account: Account) -> None:
    first = get_or_create_tags(account.pk, ["VIP", "vip", "  Vip "])
    assert len(first) == 1
    assert get_or_create_tags(account.pk, ["viP"])["vip"] == first["vip"]


def test_tags_of_two_accounts_cannot_be_merged(account: Account, other_account: Account, bob: User) -> None:
    ours = get_or_create_tags(account.pk, ["fair"])["fair"]
    theirs = get_or_create_tags(other_account.pk, ["fair"])["fair"]
    with pytest.raises(TagError):
        merge_tags(ours, into=theirs, by=bob, now=NOW)
