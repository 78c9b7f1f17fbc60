from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, User
from dynamail.accounts.roles import Role
from dynamail.consent.models import Topic
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.editing import Profile, add_contact
from dynamail.contacts.models import Attribute, Contact, Tag
from dynamail.contacts.tags import create_tag
from tests.support.personas import NOW, make_member, make_user

SignIn = Callable[[User], Client]


def test_attributes_are_made_renamed_and_put_away(account: Account, bob: User, sign_in: SignIn) -> None:
    client = sign_in(bob)
    form = {"label": "Дата рождения", "type": "date"}
    assert client.post(reverse("attribute_new"), form).url == reverse("attributes")
    row = Attribute.objects.for_account(account).get()
    assert row.key == "data_rozhdeniya"
    client.post(reverse("attribute", args=[row.public_id]), {"label": "День рождения"})
    page = client.get(reverse("attributes")).content.decode()
    assert "День рождения" in page
    assert "contact.data_rozhdeniya" in page
    client.post(reverse("attribute_archive", args=[row.public_id]))
    assert "Take back" in client.get(reverse("attributes")).content.decode()


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"label": "City", "type": "text", "key": "email"}, "each contact has already"),
        ({"label": "City", "type": "text", "key": "Bad Key"}, "small Latin letters"),
        ({"label": "City", "type": "text", "key": "taken"}, "already"),
        ({"label": "Plan", "type": "choice", "choices": " \n "}, "at least one choice"),
    ],
)
def test_an_attribute_that_cannot_be_made_is_explained(
    account: Account, bob: User, sign_in: SignIn, form: dict[str, str], sentence: str
) -> None:
    create_attribute(account.pk, label="Taken", key="taken", by=bob, now=NOW)
    response = sign_in(bob).post(reverse("attribute_new"), form)
    assert response.status_code == 422
    assert sentence in response.content.decode()


def test_tags_are_renamed_merged_and_deleted(account: Account, bob: User, sign_in: SignIn) -> None:
    client = sign_in(bob)
    client.post(reverse("tags"), {"name": "  old   fair "})
    old, new = Tag.objects.for_account(account).get(), create_tag(account.pk, "fair", by=bob, now=NOW)
    contact = add_contact(account.pk, Profile("ann@example.com", tag_ids=[old.pk]), by=bob, now=NOW)
    assert client.post(reverse("tag", args=[old.public_id]), {"name": "FAIR"}).status_code == 422
    client.post(reverse("tag", args=[old.public_id]), {"name": "fair 2025", "act": "rename"})
    assert "fair 2025" in client.get(reverse("tags")).content.decode()
    client.post(reverse("tag", args=[old.public_id]), {"act": "merge", "into": new.public_id})
    contact.refresh_from_db()
    assert contact.tags == [new.pk]
    client.post(reverse("tag_delete", args=[new.public_id]))
    contact.refresh_from_db()
    assert contact.tags == []
    assert Contact.objects.for_account(account).count() == 1


def test_topics_are_made_changed_and_archived(account: Account, bob: User, sign_in: SignIn) -> None:
    client = sign_in(bob)
    form = {"name": "Product news", "description": "Monthly", "is_public": "on", "tracking": "none"}
    client.post(reverse("topic_new"), form)
    topic = Topic.objects.for_account(account).get()
    assert client.post(reverse("topic_new"), form).status_code == 422
    client.post(reverse("topic", args=[topic.public_id]), form | {"name": "News"})
    assert "News" in client.get(reverse("topics")).content.decode()
    client.post(reverse("topic_archive", args=[topic.public_id]))
    topic.refresh_from_db()
    assert topic.archived_at is not None


@pytest.mark.promise("P5.2")
def test_a_stranger_reaches_nothing_of_the_catalogue(
    account: Account, bob: User, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    tag = create_tag(account.pk, "secret tag", by=bob, now=NOW)
    attribute = create_attribute(account.pk, label="Secret field", by=bob, now=NOW)
    topic = Topic.objects.add(account, name="Secret topic")
    client = sign_in(charlie)
    for name, row in (("tag", tag), ("attribute", attribute), ("topic", topic)):
        assert client.get(reverse(name, args=[row.public_id])).status_code == 404
        assert b"ecret" not in client.get(reverse(f"{name}s")).content
    for name, row in (("tag_delete", tag), ("attribute_archive", attribute), ("topic_archive", topic)):
        assert client.post(reverse(name, args=[row.public_id])).status_code == 404


def test_an_analyst_may_look_only(account: Account, bob: User, sign_in: SignIn) -> None:
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    analyst = make_user("dora@acme.example")
    make_member(account, analyst, Role.ANALYST)
    client = sign_in(analyst)
    for name in ("tags", "attributes", "topics"):
        assert client.get(reverse(name)).status_code == 200
    assert client.post(reverse("tags"), {"name": "x"}).status_code == 403
    assert client.get(reverse("tag", args=[tag.public_id])).status_code == 403
