"""The condition of a campaign's audience: what the page counts is what the launch freezes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from dynamail.accounts.models import Account, Member, User
from dynamail.campaigns.audiences import choice_of, count_lacking, count_recipients, measure_audience
from dynamail.campaigns.drafting import duplicate_campaign, save_draft
from dynamail.campaigns.errors import NotReady
from dynamail.campaigns.explaining import explain_person
from dynamail.campaigns.launching import launch_campaign, launch_due, schedule_campaign
from dynamail.campaigns.models import Campaign
from dynamail.campaigns.reviewing import check_draft, check_launch, review_campaign
from dynamail.campaigns.uses import count_segment_uses, find_campaign_uses, list_campaigns_naming
from dynamail.consent.models import SuppressionReason, Topic
from dynamail.consent.suppressing import suppress_address
from dynamail.contacts.models import Attribute, Contact, Tag
from dynamail.contacts.tags import delete_tag
from dynamail.lib.sql import SqlFragment
from dynamail.messages.models import Chunk
from dynamail.segments.saving import archive_segment, create_segment
from tests.support.campaigns import make_ready_campaign, member_of
from tests.support.people import make_contact, subscribe
from tests.support.personas import NOW

DAY = timedelta(days=1)


@pytest.fixture
def member(account: Account, alice: User) -> Member:
    return member_of(account, alice)


@pytest.fixture
def city(account: Account) -> Attribute:
    return Attribute.objects.add(account, number=1, key="city", label="City")


@pytest.fixture
def campaign(account: Account, member: Member, city: Attribute) -> Campaign:
    """Six subscribers, of whom four live in Grodno; one of those is suppressed and one restricted."""
    campaign = make_ready_campaign(account, member, people=0)
    topic = Topic.objects.for_account(account).get()
    people = ("minsk1", "minsk2", "grodno1", "grodno2", "grodno3-suppressed", "grodno4-restricted")
    for name in people:
        town = "Minsk" if "minsk" in name else "Grodno"
        contact = make_contact(account, f"{name}@mail.example", attributes={"1": town})
        subscribe(contact, topic)
    suppress_address(account.pk, "grodno3-suppressed@mail.example", reason=SuppressionReason.MANUAL, now=NOW)
    Contact.objects.for_account(account).filter(email_key="grodno4-restricted@mail.example").update(
        state="restricted"
    )
    make_contact(account, "grodno-not-subscribed@mail.example", attributes={"1": "Grodno"})
    return campaign


def lives_in(town: str) -> dict[str, Any]:
    return {"all": [{"kind": "attribute", "attribute": "city", "op": "equals", "value": town}]}


def ask(campaign: Campaign, member: Member, condition: dict[str, Any]) -> Campaign:
    return save_draft(campaign, by=member, now=NOW, condition=condition)


def list_frozen(campaign: Campaign) -> set[str]:
    chunks = Chunk.objects.for_account(campaign.account_id).filter(source_id=campaign.uid)
    ids = [contact_id for chunk in chunks for contact_id in chunk.contact_ids]
    return {row.email for row in Contact.objects.for_account(campaign.account_id).filter(id__in=ids)}


def test_the_count_its_parts_and_the_launch_agree(campaign: Campaign, member: Member) -> None:
    campaign = ask(campaign, member, lives_in("Grodno"))
    choice = choice_of(campaign)
    assert choice is not None
    counted = measure_audience(campaign.account_id, choice, now=NOW)
    assert (counted.subscribed, counted.held_back, counted.not_fitting, counted.recipients) == (6, 2, 2, 2)
    assert count_recipients(campaign.account_id, choice, now=NOW) == 2
    assert launch_campaign(campaign, by=member, now=NOW) == 2
    assert list_frozen(campaign) == {"grodno1@mail.example", "grodno2@mail.example"}


def test_neither_suppressed_nor_restricted_contacts_are_reached_by_asking_for_them(
    campaign: Campaign, member: Member
) -> None:
    everybody = {
        "any": [
            {"kind": "standing", "standing": "suppressed"},
            {"kind": "standing", "standing": "restricted"},
            {"kind": "field", "field": "email", "op": "contains", "value": "@"},
        ]
    }
    campaign = ask(campaign, member, everybody)
    assert launch_campaign(campaign, by=member, now=NOW) == 4
    assert not any("suppressed" in email or "restricted" in email for email in list_frozen(campaign))


def test_relative_days_are_counted_from_the_moment_of_launch(
    account: Account, campaign: Campaign, member: Member
) -> None:
    rows = Contact.objects.for_account(account)
    rows.filter(email_key="minsk1@mail.example").update(created_at=NOW - 10 * DAY)
    recently = {"kind": "field", "field": "created", "op": "after", "value": {"days": -7}}
    campaign = ask(campaign, member, {"all": [recently, *lives_in("Minsk")["all"]]})
    choice = choice_of(campaign)
    assert choice is not None
    assert count_recipients(account.pk, choice, now=NOW) == 1
    assert count_recipients(account.pk, choice, now=NOW - 8 * DAY) == 2
    assert [one.code for one in check_launch(campaign, now=NOW + 30 * DAY) if one.blocks] == [
        "audience_empty"
    ]


def test_people_who_lack_a_value_are_counted_among_those_who_fit(
    account: Account, campaign: Campaign, member: Member
) -> None:
    choice = choice_of(ask(campaign, member, lives_in("Minsk")))
    assert choice is not None
    (found,) = count_lacking(account.pk, choice, {"name"}, now=NOW)
    assert (found.key, found.contacts) == ("name", 2)


def test_a_segment_is_a_condition_like_any_other(
    account: Account, campaign: Campaign, member: Member
) -> None:
    segment = create_segment(account.pk, name="Grodno", definition=lives_in("Grodno"), by=member, now=NOW)
    campaign = ask(
        campaign, member, {"all": [{"kind": "segment", "segment": segment.public_id, "not": True}]}
    )
    assert [use.name for use in find_campaign_uses(account.pk, "segment", segment.public_id)] == [
        campaign.name
    ]
    assert count_segment_uses(account.pk) == {segment.public_id: 1}
    assert launch_campaign(campaign, by=member, now=NOW) == 2
    assert list_frozen(campaign) == {"minsk1@mail.example", "minsk2@mail.example"}
    # What has left needs the segment no more, but the segment's page still tells of it.
    assert find_campaign_uses(account.pk, "segment", segment.public_id) == []
    assert list_campaigns_naming(account.pk, "segment", segment.public_id) == [campaign]


def test_a_deleted_tag_blocks_the_launch_and_says_why(
    account: Account, campaign: Campaign, member: Member, alice: User
) -> None:
    tag = Tag.objects.add(account, name="VIP")
    campaign = ask(campaign, member, {"all": [{"kind": "tag", "op": "has_any", "tags": [tag.public_id]}]})
    delete_tag(tag, by=alice, now=NOW)
    for problems in (
        check_draft(campaign),
        check_launch(campaign, now=NOW),
        review_campaign(campaign, now=NOW).problems,
    ):
        (problem,) = [one for one in problems if one.blocks]
        assert problem.code == "condition_invalid"
        assert "There is no such tag" in str(problem.sentence)
    with pytest.raises(NotReady):
        launch_campaign(campaign, by=member, now=NOW)
    assert Campaign.objects.for_account(account).get(pk=campaign.pk).state == "draft"


def test_an_archived_segment_blocks_the_launch(account: Account, campaign: Campaign, member: Member) -> None:
    segment = create_segment(account.pk, name="Grodno", definition=lives_in("Grodno"), by=member, now=NOW)
    campaign = ask(campaign, member, {"all": [{"kind": "segment", "segment": segment.public_id}]})
    archive_segment(segment, by=member, now=NOW)
    assert [one.code for one in check_launch(campaign, now=NOW) if one.blocks] == ["condition_invalid"]


def test_a_condition_that_takes_too_long_blocks_the_launch(
    campaign: Campaign, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = ask(campaign, member, lives_in("Grodno"))
    monkeypatch.setattr("dynamail.campaigns.audiences.STATEMENT_TIMEOUT", 0.001)
    with connections["default"].cursor() as cursor:  # what a statement of a millisecond meets on any machine
        cursor.execute(
            "CREATE FUNCTION pg_temp.slow() RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT pg_sleep(0.1) IS NOT NULL'"
        )
    monkeypatch.setattr("dynamail.campaigns.audiences.compile_for", _compile_slowly)
    (problem,) = [one for one in check_launch(campaign, now=NOW) if one.blocks]
    assert problem.code == "condition_costly"
    assert "City" in str(problem.sentence)


def _compile_slowly(*_arguments: Any, **_options: Any) -> Any:
    return SqlFragment("pg_temp.slow()")


def test_a_review_lives_without_what_recipients_lack_when_that_takes_too_long(
    campaign: Campaign, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The audience itself was counted in time, and the second question is the slow one."""
    campaign = ask(campaign, member, lives_in("Grodno"))
    make_slow_after(monkeypatch, 1)
    review = review_campaign(campaign, now=NOW)
    assert (review.recipients, review.lacking, review.is_ready) == (4, (), True)
    (problem,) = [one for one in review.problems if one.code == "lacking_uncounted"]
    assert "could not be counted" in str(problem.sentence)
    assert "City" in str(problem.sentence)


def test_an_attribute_deleted_in_the_middle_of_a_review_is_told(
    campaign: Campaign, member: Member, monkeypatch: pytest.MonkeyPatch, city: Attribute
) -> None:
    campaign = ask(campaign, member, lives_in("Grodno"))

    def measure_and_delete(*arguments: Any, **options: Any) -> Any:
        counted = measure_audience(*arguments, **options)
        Attribute.objects.for_account(city.account_id).delete()
        return counted

    monkeypatch.setattr("dynamail.campaigns.reviewing.measure_audience", measure_and_delete)
    review = review_campaign(campaign, now=NOW)
    assert [one.code for one in review.problems if one.blocks] == ["condition_invalid"]


def make_slow_after(monkeypatch: pytest.MonkeyPatch, fast: int) -> None:
    """The first questions are answered at once for everybody, the later ones run into a limit of 50 milliseconds."""
    asked = []

    def compile_sometimes_slowly(*_arguments: Any, **_options: Any) -> SqlFragment:
        asked.append(1)
        return SqlFragment("TRUE" if len(asked) <= fast else "pg_sleep(30) IS NOT NULL")

    monkeypatch.setattr("dynamail.campaigns.audiences.compile_for", compile_sometimes_slowly)
    monkeypatch.setattr("dynamail.campaigns.audiences.STATEMENT_TIMEOUT", 0.05)


def test_a_segment_that_lost_its_tag_blocks_the_launch(
    account: Account, campaign: Campaign, member: Member, alice: User
) -> None:
    """“Everybody who is not in it” would be everybody."""
    tag = Tag.objects.add(account, name="Asked us to wait")
    waiting = {"all": [{"kind": "tag", "op": "has_any", "tags": [tag.public_id]}]}
    segment = create_segment(account.pk, name="Waiting", definition=waiting, by=member, now=NOW)
    not_waiting = {"all": [{"kind": "segment", "segment": segment.public_id, "not": True}]}
    campaign = ask(campaign, member, not_waiting)
    schedule_campaign(campaign, at=NOW + DAY, by=member, now=NOW)
    delete_tag(tag, by=alice, now=NOW)
    launch_due(campaign, now=NOW + DAY)
    campaign = Campaign.objects.for_account(account).get(pk=campaign.pk)
    assert campaign.state == "draft"
    assert "“Waiting” asks for something that is not there any more" in campaign.problem
    for problems in (check_draft(campaign), check_launch(campaign, now=NOW)):
        assert [one.code for one in problems if one.blocks] == ["condition_invalid"]
    with pytest.raises(NotReady, match="Waiting"):
        launch_campaign(campaign, by=member, now=NOW)
    assert list_frozen(campaign) == set()


def test_a_question_leaves_no_limit_of_time_behind(campaign: Campaign, member: Member) -> None:
    """The launch that follows in the same transaction may take as long as it needs."""
    check_launch(ask(campaign, member, lives_in("Grodno")), now=NOW)
    with connections["default"].cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        before = cursor.fetchone()
        check_launch(campaign, now=NOW)
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == before


def test_a_copy_asks_the_same(campaign: Campaign, member: Member) -> None:
    campaign = ask(campaign, member, lives_in("Grodno"))
    copy = duplicate_campaign(campaign, name="Again", by=member, now=NOW)
    assert copy.condition == lives_in("Grodno")


def test_why_somebody_is_left_out_names_the_condition(
    account: Account, campaign: Campaign, member: Member
) -> None:
    campaign = ask(campaign, member, lives_in("Grodno"))
    steps = explain_person(account.pk, campaign, "minsk1@mail.example", now=NOW).steps
    (step,) = [one for one in steps if "condition" in one.title]
    assert step.answer == "no"
    assert "Grodno" in step.text
    steps = explain_person(account.pk, campaign, "grodno1@mail.example", now=NOW).steps
    assert [one.answer for one in steps if "condition" in one.title] == ["yes"]
