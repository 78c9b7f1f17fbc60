"""Links that were mailed to an address before its contact was merged into another one."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client

from dynamail.accounts.models import Account
from dynamail.consent.models import Subscription, Topic
from dynamail.consent.suppressing import MARKETING, find_suppression
from dynamail.contacts.merging import merge_contacts
from dynamail.contacts.models import Contact
from dynamail.tracking.tokens import LeaveToken, PreferencesToken, load_token_keys
from tests.support.people import make_contact, make_topic, subscribe
from tests.support.personas import NOW

pytestmark = pytest.mark.django_db
KEYS = load_token_keys(settings.SECRET_KEY)


@pytest.fixture
def topic(account: Account) -> Topic:
    return make_topic(account)


@pytest.fixture
def kept(account: Account, topic: Topic) -> Contact:
    contact = make_contact(account, "dana@work.example")
    subscribe(contact, topic)
    return contact


@pytest.fixture
def gone(account: Account, topic: Topic, kept: Contact) -> Contact:
    contact = make_contact(account, "dana@home.example")
    subscribe(contact, topic)
    merge_contacts(account.pk, kept_id=kept.id, gone_id=contact.id, by=None, now=NOW + timedelta(minutes=1))
    return contact


def leave_url(contact: Contact, topic: Topic) -> str:
    return "/u/" + LeaveToken(contact.account_id, contact.id, topic.pk, UUID(int=0)).sign(KEYS)


def states(account: Account) -> set[tuple[UUID, str]]:
    return set(Subscription.objects.for_account(account).values_list("contact_id", "state"))


def is_suppressed(contact: Contact) -> bool:
    return find_suppression(contact.account_id, contact.email_key, now=NOW, scopes=(MARKETING,)) is not None


def test_one_click_stops_mail_to_the_person_and_to_the_old_address(
    account: Account, topic: Topic, kept: Contact, gone: Contact, client: Client
) -> None:
    assert client.post(leave_url(gone, topic), {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert states(account) == {(kept.id, "unsubscribed")}
    assert is_suppressed(gone)
    assert not is_suppressed(kept)


def test_an_old_address_that_was_added_again_leaves_the_topic_as_itself(
    account: Account, topic: Topic, kept: Contact, gone: Contact, client: Client
) -> None:
    again = make_contact(account, gone.email)
    subscribe(again, topic)
    client.post(leave_url(gone, topic), {"act": "leave"})
    assert states(account) == {(kept.id, "unsubscribed"), (again.id, "unsubscribed")}
    assert not is_suppressed(gone)


def test_leaving_everything_by_an_old_link_holds_for_both_addresses_until_undone(
    account: Account, topic: Topic, kept: Contact, gone: Contact, client: Client
) -> None:
    client.post(leave_url(gone, topic), {"act": "everything"})
    assert is_suppressed(kept)
    assert is_suppressed(gone)
    client.post(leave_url(gone, topic), {"act": "undo"})
    assert states(account) == {(kept.id, "subscribed")}
    assert not is_suppressed(kept)
    assert not is_suppressed(gone)


def test_an_old_link_subscribes_nobody_who_had_not_left_by_it(
    account: Account, topic: Topic, kept: Contact, gone: Contact, client: Client
) -> None:
    client.post(leave_url(kept, topic), {"act": "leave"})
    client.post(leave_url(gone, topic), {"act": "undo"})
    assert states(account) == {(kept.id, "unsubscribed")}
    client.post(leave_url(kept, topic), {"act": "undo"})
    assert states(account) == {(kept.id, "subscribed")}


def test_an_old_link_never_takes_back_that_the_one_who_stays_left_everything(
    account: Account, topic: Topic, kept: Contact, gone: Contact, client: Client
) -> None:
    subscribe(kept, make_topic(account, name="Offers"))
    client.post(leave_url(gone, topic), {"act": "leave"})
    client.post(leave_url(kept, topic), {"act": "everything"})
    client.post(leave_url(gone, topic), {"act": "undo"})
    assert {state for _contact, state in states(account)} == {"unsubscribed"}
    assert is_suppressed(kept)


def test_the_old_preference_page_offers_only_what_may_be_left(
    account: Account, topic: Topic, kept: Contact, gone: Contact, client: Client
) -> None:
    other = make_topic(account, name="Offers")
    url = "/p/" + PreferencesToken(account.pk, gone.id).sign(KEYS)
    page = client.get(url)
    assert [choice.name for choice in page.context["choices"]] == [topic.name]
    client.post(url, {"shown": [topic.public_id, other.public_id], "topic": [other.public_id]})
    assert states(account) == {(kept.id, "unsubscribed")}


def test_pages_lead_from_an_old_link_to_an_old_link(
    account: Account, topic: Topic, kept: Contact, gone: Contact, client: Client
) -> None:
    page = client.get(leave_url(gone, topic))
    token = page.context["preferences_url"].removeprefix("/p/").partition("?")[0]
    assert PreferencesToken.parse(KEYS, token).contact_id == gone.id
