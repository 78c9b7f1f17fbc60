from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, User
from dynamail.accounts.roles import Role
from dynamail.content.models import Template
from tests.support.campaigns import make_draft, member_of
from tests.support.people import make_contact
from tests.support.personas import NOW, make_member, make_user

SignIn = Callable[[User], Client]


@pytest.fixture
def things(account: Account, alice: User) -> None:
    make_draft(account, member_of(account, alice), name="Zebra <b>sale</b>")
    make_contact(account, "zebra@mail.example", name="Zebra Lee")
    Template.objects.add(account, name="Zebra letter", updated_at=NOW)


def ask(client: Client, text: str) -> str:
    return client.get(reverse("palette"), {"q": text}).content.decode()


def test_everything_of_ones_own_is_found(things: None, bob: User, sign_in: SignIn) -> None:
    text = ask(sign_in(bob), "zeb")
    for name in ("Zebra &lt;b&gt;sale", "Zebra Lee", "zebra@mail.example", "Zebra letter"):
        assert name in text


def test_nothing_of_another_account_is_found(
    things: None, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    assert "Nothing found" in ask(sign_in(charlie), "zeb")


def test_with_nothing_typed_it_is_a_menu(things: None, bob: User, sign_in: SignIn) -> None:
    text = ask(sign_in(bob), "")
    assert "New campaign" in text
    assert "Import contacts" in text
    assert reverse("templates") in text
    assert "Zebra Lee" not in text


def test_words_are_found_by_their_beginnings(bob: User, sign_in: SignIn) -> None:
    client = sign_in(bob)
    assert "New campaign" in ask(client, "camp new")
    assert "New campaign" not in ask(client, "ampaign")


def test_an_analyst_is_offered_no_acts(account: Account, sign_in: SignIn) -> None:
    ann = make_user("ann@acme.example")
    make_member(account, ann, Role.ANALYST)
    assert "New campaign" not in ask(sign_in(ann), "")


@pytest.mark.parametrize("text", ["\x00", "%", "'; drop table contact; --", "a" * 5_000, "{{ x }}"])
def test_strange_searches_find_nothing_and_break_nothing(
    things: None, bob: User, sign_in: SignIn, text: str
) -> None:
    response = sign_in(bob).get(reverse("palette"), {"q": text})
    assert response.status_code == 200
