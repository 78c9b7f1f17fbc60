from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, BackgroundWork, User
from dynamail.accounts.roles import Role
from dynamail.consent.models import Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import find_subscriptions, give_consent
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.editing import Profile, add_contact, find_contact
from dynamail.contacts.finding_duplicates import Basis, Rule, find_pairs, list_open
from dynamail.contacts.models import Attribute, Contact, ContactState
from tests.support.personas import NOW, make_member, make_user

SignIn = Callable[[User], Client]


@pytest.fixture
def city(account: Account, bob: User) -> Attribute:
    return create_attribute(account.pk, label="City", by=bob, now=NOW)


@pytest.fixture
def ann(account: Account, bob: User, city: Attribute) -> Contact:
    profile = Profile("ann@work.example", "Ann Lee", attributes={city.number: "Minsk"})
    return add_contact(account.pk, profile, by=bob, now=NOW)


@pytest.fixture
def annie(account: Account, bob: User, city: Attribute) -> Contact:
    profile = Profile("ann@home.example", "Annie", attributes={city.number: "Brest"})
    return add_contact(account.pk, profile, by=bob, now=NOW)


def text_of(response: object) -> str:
    return response.content.decode()  # type: ignore[attr-defined]


def test_two_contacts_are_compared_and_merged_by_hand(
    account: Account, bob: User, city: Attribute, ann: Contact, annie: Contact, sign_in: SignIn
) -> None:
    client, url = sign_in(bob), reverse("contact_merge", args=[ann.public_id])
    assert "Address of the other contact" in text_of(client.get(url))
    page = client.get(url, {"with": "ANN@home.example"})
    assert {line.label for line in page.context["fields"] if line.is_conflict} == {"Name", "City"}
    data = {"gone": annie.public_id, "wins-name": "kept", f"wins-attribute:{city.number}": "gone"}
    client.post(reverse("contact_merge_do", args=[ann.public_id]), data)
    kept = find_contact(account.pk, ann.id)
    assert kept is not None
    assert (kept.name, kept.attributes) == ("Ann Lee", {str(city.number): "Brest"})
    card = text_of(client.get(reverse("contact", args=[ann.public_id])))
    assert "Merged into this contact" in card
    assert "Another contact was merged into this one" in card


def test_either_of_the_two_can_stay(
    account: Account, bob: User, ann: Contact, annie: Contact, sign_in: SignIn
) -> None:
    url = reverse("contact_merge", args=[ann.public_id])
    page = sign_in(bob).get(url, {"with": annie.public_id, "stays": "other"})
    assert (page.context["kept"], page.context["gone"]) == (annie, ann)


def test_consent_carries_over_only_with_the_words_of_a_member(
    account: Account, bob: User, ann: Contact, annie: Contact, sign_in: SignIn
) -> None:
    topic = Topic.objects.add(account, name="News")
    give_consent(account.pk, annie.id, topic.pk, proof=Proof(method="page"), now=NOW)
    client = sign_in(bob)
    assert "How do you know?" in text_of(
        client.get(reverse("contact_merge", args=[ann.public_id]), {"with": annie.public_id})
    )
    data = {"gone": annie.public_id, "carries_consent": "1", "statement": "She wrote so"}
    client.post(reverse("contact_merge_do", args=[ann.public_id]), data)
    assert find_subscriptions(account.pk, ann.id)[topic.pk].state == "subscribed"


def test_what_cannot_be_merged_is_said(
    account: Account, bob: User, ann: Contact, annie: Contact, sign_in: SignIn
) -> None:
    client, url = sign_in(bob), reverse("contact_merge", args=[ann.public_id])
    for wanted in ("nobody@x.example", "nonsense", ann.email, "con_nonsense"):
        response = client.get(url, {"with": wanted})
        assert response.status_code == 404
        assert "There is no other contact" in text_of(response)
    Contact.objects.for_account(account).filter(id=annie.id).update(state=ContactState.RESTRICTED)
    assert client.get(url, {"with": annie.email}).status_code == 422
    response = client.post(
        reverse("contact_merge_do", args=[ann.public_id]), {"gone": annie.public_id}, follow=True
    )
    assert "Processing of one of them is restricted" in text_of(response)


def test_pairs_of_a_rule_are_looked_for_decided_and_merged(
    account: Account, bob: User, city: Attribute, ann: Contact, sign_in: SignIn
) -> None:
    profile = Profile("a.lee@other.example", "A. Lee", attributes={city.number: "minsk"})
    other = add_contact(account.pk, profile, by=bob, now=NOW)
    client, rule = sign_in(bob), Rule(Basis.ATTRIBUTE, city)
    response = client.post(reverse("duplicates_search"), {"rule": rule.code})
    work = BackgroundWork.objects.for_account(account).get()
    assert response.url == reverse("work_progress", args=[work.public_id])
    find_pairs(account.pk, rule, now=NOW)
    assert "1 pair" in text_of(client.get(reverse("duplicates")))
    page = client.get(reverse("duplicate_pairs"), {"rule": rule.code})
    (pair,) = page.context["pairs"]
    assert {pair.kept, pair.gone} == {ann, other}
    data = {"rule": rule.code, "kept": pair.kept.public_id, "gone": pair.gone.public_id, "act": "different"}
    client.post(reverse("duplicates_decide"), data)
    assert not list_open(account.pk, rule).exists()
    response = client.post(reverse("duplicates_decide"), {"rule": rule.code, "act": "all"})
    assert response.status_code == 302
    assert client.get(reverse("duplicate_pairs"), {"rule": "nonsense"}).status_code == 404


def test_a_reader_looks_and_does_not_merge(
    account: Account, ann: Contact, annie: Contact, sign_in: SignIn
) -> None:
    analyst = make_user("dora@acme.example")
    make_member(account, analyst, Role.ANALYST)
    client = sign_in(analyst)
    assert client.get(reverse("duplicates")).status_code == 200
    assert client.get(reverse("contact_merge", args=[ann.public_id])).status_code == 403
    data = {"gone": annie.public_id}
    assert client.post(reverse("contact_merge_do", args=[ann.public_id]), data).status_code == 403
