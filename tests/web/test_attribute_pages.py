from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, BackgroundWork, User
from dynamail.contacts.catalog import archive_attribute, create_attribute
from dynamail.contacts.changing_types import NewType, run_change, run_check
from dynamail.contacts.editing import Profile, add_contact
from dynamail.contacts.models import Attribute, Contact
from dynamail.content.models import Template
from dynamail.segments.saving import create_segment
from tests.support.campaigns import make_draft, member_of
from tests.support.personas import NOW

SignIn = Callable[[User], Client]


@pytest.fixture
def score(account: Account, bob: User) -> Attribute:
    return create_attribute(account.pk, label="Score", by=bob, now=NOW)


def text_of(response: object) -> str:
    if getattr(response, "streaming", False):
        return b"".join(response).decode()  # type: ignore[call-overload]
    return response.content.decode()  # type: ignore[attr-defined]


def test_coverage_is_shown_in_contacts_and_percent(
    account: Account, bob: User, score: Attribute, sign_in: SignIn
) -> None:
    for number in range(4):
        values = {score.number: "7"} if number else {}
        add_contact(account.pk, Profile(f"p{number}@x.example", attributes=values), by=bob, now=NOW)
    assert "75 %" in text_of(sign_in(bob).get(reverse("attributes")))


def test_places_that_name_an_attribute_are_listed(
    account: Account, bob: User, score: Attribute, sign_in: SignIn
) -> None:
    definition = {"all": [{"kind": "attribute", "attribute": "score", "op": "filled"}]}
    create_segment(account.pk, name="With a score", definition=definition, by=bob, now=NOW)
    for name, source in (("Greeting", "{{ contact.score }}"), ("Other", "{{ contact.scores }}")):
        Template.objects.add(account, name=name, kind="text", source=source, updated_at=NOW)
    page = sign_in(bob).get(reverse("attribute", args=[score.public_id]))
    assert [(use.kind, use.name) for use in page.context["uses"]] == [
        ("segment", "With a score"),
        ("template", "Greeting"),
    ]


def test_a_type_is_changed_after_its_dry_run_and_the_misfits_are_fetched(
    account: Account, bob: User, score: Attribute, sign_in: SignIn
) -> None:
    for number, value in enumerate(("12", "twelve")):
        profile = Profile(f"p{number}@x.example", attributes={score.number: value})
        add_contact(account.pk, profile, by=bob, now=NOW)
    client = sign_in(bob)
    response = client.post(reverse("attribute_check", args=[score.public_id]), {"new-type": "number"})
    work = BackgroundWork.objects.for_account(account).get()
    assert client.get(response.url).status_code == 200
    change_url, data = reverse("attribute_change_type", args=[score.public_id]), {"work": work.public_id}
    assert "Check the values first" in text_of(client.post(change_url, data, follow=True))
    run_check(work, score, NewType("number"), now=NOW)
    page = text_of(client.get(response.url))
    assert "“twelve” is not a number." in page
    client.post(change_url, data)
    score.refresh_from_db()
    assert score.type == "number"
    change = BackgroundWork.objects.for_account(account).get(kind="contacts.change_type")
    run_change(change, score, NewType("number"), now=NOW)
    assert {str(row.attributes) for row in Contact.objects.for_account(account)} == {
        str({str(score.number): 12}),
        "{}",
    }
    assert "1 value did not fit" in text_of(client.get(reverse("attribute", args=[score.public_id])))
    assert "twelve" in text_of(client.get(reverse("attribute_aside", args=[score.public_id])))
    client.post(reverse("attribute_aside_drop", args=[score.public_id]))
    assert "did not fit" not in text_of(client.get(reverse("attribute", args=[score.public_id])))


def test_a_type_that_cannot_be_is_refused_with_a_sentence(
    account: Account, bob: User, score: Attribute, sign_in: SignIn
) -> None:
    client, url = sign_in(bob), reverse("attribute_check", args=[score.public_id])
    for data, told in (
        ({"new-type": "nonsense"}, "Choose a type"),
        ({"new-type": "choice"}, "at least one choice"),
    ):
        assert told in text_of(client.post(url, data, follow=True))
    assert not BackgroundWork.objects.for_account(account).exists()


def test_an_archived_attribute_is_taken_back(
    account: Account, bob: User, score: Attribute, sign_in: SignIn
) -> None:
    archive_attribute(score, by=bob, now=NOW)
    client = sign_in(bob)
    assert "Take back" in text_of(client.get(reverse("attributes")))
    client.post(reverse("attribute_archive", args=[score.public_id]))
    score.refresh_from_db()
    assert score.archived_at is None


def test_a_draft_that_names_it_in_its_words_is_listed(
    account: Account, alice: User, bob: User, score: Attribute, sign_in: SignIn
) -> None:
    campaign = make_draft(account, member_of(account, alice))
    campaign.subject = "You have {{contact.score}} points"
    campaign.save(update_fields=["subject"])
    page = sign_in(bob).get(reverse("attribute", args=[score.public_id]))
    assert [use.kind for use in page.context["uses"]] == ["content"]
