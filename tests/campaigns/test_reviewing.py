from __future__ import annotations

import pytest

from dynamail.accounts.models import Account, User
from dynamail.campaigns.audiences import Choice, count_lacking, count_recipients, measure_audience
from dynamail.campaigns.drafting import save_draft
from dynamail.campaigns.models import Campaign
from dynamail.campaigns.reviewing import review_campaign
from dynamail.consent.models import SuppressionReason, Topic
from dynamail.consent.suppressing import suppress_address
from dynamail.contacts.models import Attribute, Contact, Tag
from tests.support.campaigns import make_ready_campaign, member_of
from tests.support.people import make_contact, make_topic, subscribe
from tests.support.personas import NOW


@pytest.fixture
def tags(account: Account) -> tuple[int, int]:
    return Tag.objects.add(account, name="VIP").pk, Tag.objects.add(account, name="Staff").pk


def test_the_breakdown_adds_up_and_agrees_with_the_launch(account: Account, tags: tuple[int, int]) -> None:
    vip, staff = tags
    topic = make_topic(account)
    people = {
        "wanted": [vip],
        "also-wanted": [vip],
        "no-tag": [],
        "unwanted": [vip, staff],
        "suppressed": [vip],
        "restricted": [vip],
    }
    for name, their_tags in people.items():
        subscribe(make_contact(account, f"{name}@mail.example", tags=sorted(their_tags)), topic)
    make_contact(account, "not-subscribed@mail.example", tags=[vip])
    suppress_address(account.pk, "suppressed@mail.example", reason=SuppressionReason.MANUAL, now=NOW)
    Contact.objects.for_account(account).filter(email_key="restricted@mail.example").update(
        state="restricted"
    )
    choice = Choice(topic.pk, (vip,), (staff,))
    counted = measure_audience(account.pk, choice, now=NOW)
    assert (counted.subscribed, counted.without_tag, counted.excluded, counted.held_back) == (6, 1, 1, 2)
    assert counted.recipients == count_recipients(account.pk, choice, now=NOW) == 2


def test_the_audience_of_another_account_is_not_counted(account: Account, other_account: Account) -> None:
    topic = make_topic(account)
    subscribe(make_contact(account), topic)
    assert measure_audience(other_account.pk, Choice(topic.pk), now=NOW).subscribed == 0


def test_people_who_lack_a_value_are_counted_for_each_key(account: Account) -> None:
    topic = make_topic(account)
    city = Attribute.objects.add(account, number=1, key="city", label="City")
    values = {"a": {str(city.number): "Grodno"}, "b": {str(city.number): ""}, "c": {}}
    for name, attributes in values.items():
        person = make_contact(account, f"{name}@mail.example", name="Ann" if name == "a" else "")
        Contact.objects.for_account(account).filter(id=person.id).update(attributes=attributes)
        subscribe(person, topic)
    found = count_lacking(account.pk, Choice(topic.pk), {"city", "first_name", "email"}, now=NOW)
    assert [(one.key, one.contacts) for one in found] == [("city", 2), ("first_name", 2)]


def test_a_ready_campaign_is_reviewed_with_size_links_and_recipients(account: Account, alice: User) -> None:
    review = review_campaign(make_ready_campaign(account, member_of(account, alice)), now=NOW)
    assert review.is_ready
    assert review.recipients == 3
    assert [link.url for link in review.links] == ["https://shop.acme.by/new"]
    assert 0 < review.size_bytes < review.size_limit
    assert not review.has_own_unsubscribe  # the standard footer is added, and the review says so
    assert "footer_added" in [problem.code for problem in review.problems]


def test_warnings_do_not_block_and_errors_do(account: Account, alice: User) -> None:
    member = member_of(account, alice)
    campaign = make_ready_campaign(account, member)
    body = '<img src="https://acme.by/a.png" width="10"><a href="#">x</a>{{ contact.plann }}'
    campaign = save_draft(campaign, by=member, now=NOW, body=body, preheader="")
    review = review_campaign(campaign, now=NOW)
    codes = {problem.code: problem.card for problem in review.problems}
    assert {"no_alt", "empty_link", "unknown_variable"} <= codes.keys()
    assert codes["no_preheader"] == "subject"
    assert review.is_ready
    broken = save_draft(campaign, by=member, now=NOW, body="<p>{{ contact.name </p>")
    review = review_campaign(broken, now=NOW)
    assert not review.is_ready
    assert not review.compiles
    assert review.problems[0].line == 1


def test_an_archived_topic_blocks(account: Account, alice: User) -> None:
    campaign = make_ready_campaign(account, member_of(account, alice))
    Topic.objects.for_account(account).update(archived_at=NOW)
    campaign = Campaign.objects.for_account(account).get(pk=campaign.pk)
    assert [one.code for one in review_campaign(campaign, now=NOW).problems if one.blocks] == [
        "topic_archived"
    ]
