from __future__ import annotations

from datetime import timedelta

import pytest

from dynamail.accounts.models import Account, User
from dynamail.campaigns.explaining import Answer, Explanation, explain_person
from dynamail.campaigns.models import Campaign
from dynamail.consent.models import Subscription, SuppressionReason
from dynamail.consent.suppressing import suppress_address
from dynamail.contacts.merging import merge_contacts
from dynamail.contacts.models import Contact, Tag
from dynamail.feedback.models import FeedbackReport
from dynamail.lib.ids import new_id
from dynamail.messages.models import Message
from tests.support.campaigns import make_half_sent_campaign
from tests.support.people import make_contact
from tests.support.personas import NOW

LATER = NOW + timedelta(days=1)


@pytest.fixture
def campaign(account: Account, alice: User) -> Campaign:
    return make_half_sent_campaign(account, alice)


def explain(campaign: Campaign, email: str) -> Explanation:
    return explain_person(campaign.account_id, campaign, email, now=LATER)


def faults(explanation: Explanation) -> list[str]:
    return [step.title for step in explanation.steps if step.answer is Answer.NO]


def test_who_got_it_fulfills_everything_and_the_server_says_so(campaign: Campaign) -> None:
    delivered = Message.objects.for_account(campaign.account_id).get(state="delivered")
    explanation = explain(campaign, delivered.recipient)
    assert faults(explanation) == []
    assert explanation.steps[-1].detail == "250 250 said the server"
    assert explanation.person is not None


def test_a_bounce_is_explained_by_the_servers_own_words(campaign: Campaign) -> None:
    bounced = Message.objects.for_account(campaign.account_id).get(state="bounced")
    explanation = explain(campaign, bounced.recipient)
    assert faults(explanation) == ["Sending"]
    assert "550 said the server" in explanation.steps[-1].detail


def test_who_waits_is_neither_right_nor_wrong(campaign: Campaign) -> None:
    done = Message.objects.for_account(campaign.account_id).values_list("contact_id", flat=True)
    waiting = Contact.objects.for_account(campaign.account_id).exclude(id__in=list(done)).get()
    assert explain(campaign, waiting.email).steps[-1].answer is Answer.NOTE


def test_a_person_without_consent_was_not_among_the_recipients(campaign: Campaign, account: Account) -> None:
    make_contact(account, "nobody@mail.example")
    assert faults(explain(campaign, "nobody@mail.example")) == ["Consent for Product news", "Launch"]


def test_tags_are_named(campaign: Campaign, account: Account) -> None:
    vip = Tag.objects.add(account, name="VIP")
    out = Tag.objects.add(account, name="Staff")
    campaign.include_tags, campaign.exclude_tags = [vip.pk], [out.pk]
    Contact.objects.for_account(account).update(tags=[out.pk])
    delivered = Message.objects.for_account(account).get(state="delivered")
    texts = [step.text for step in explain(campaign, delivered.recipient).steps]
    assert "Has none of the tags “VIP”." in texts
    assert "Has the excluded tag “Staff”." in texts


def test_an_unsubscription_and_a_suppression_name_their_moment(campaign: Campaign, account: Account) -> None:
    delivered = Message.objects.for_account(account).get(state="delivered")
    Subscription.objects.for_account(account).update(state="unsubscribed", changed_at=LATER)
    suppress_address(
        account.pk, delivered.recipient, reason=SuppressionReason.COMPLAINT, detail="abuse", now=LATER
    )
    explanation = explain(campaign, delivered.recipient)
    found = {step.title: step for step in explanation.steps if step.answer is Answer.NO}
    assert found["Suppression"].detail == "abuse"
    assert all(step.at == LATER for step in found.values())


def test_what_came_back_later_ends_the_story(campaign: Campaign, account: Account) -> None:
    delivered = Message.objects.for_account(account).get(state="delivered")
    FeedbackReport.objects.add(
        account,
        id=new_id(LATER),
        at=LATER,
        kind="bounce",
        source="smtp",
        message_id=delivered.id,
        text="550 gone",
    )
    assert explain(campaign, delivered.recipient).steps[-1].detail == "550 gone"


def test_who_was_merged_since_is_explained_by_the_address_that_it_went_to(
    campaign: Campaign, account: Account
) -> None:
    bounced = Message.objects.for_account(account).get(state="bounced")
    kept = make_contact(account, "new@mail.example")
    Contact.objects.for_account(account).filter(id=kept.id).update(created_at=LATER)
    FeedbackReport.objects.add(
        account, id=new_id(LATER), at=LATER, kind="bounce", source="smtp", message_id=bounced.id, text="gone"
    )
    merge_contacts(account.pk, kept_id=kept.id, gone_id=bounced.contact_id, by=None, now=LATER)
    for address in (kept.email, bounced.recipient):
        explanation = explain(campaign, address)
        assert explanation.person is not None
        assert (explanation.person.outcome, explanation.person.email) == ("bounced", bounced.recipient)
        assert explanation.person.merged
        found = {step.title: step for step in explanation.steps}
        assert found["Contact"].answer is found["Launch"].answer is Answer.YES
        assert bounced.recipient in found["Merged"].text
        assert explanation.steps[-1].detail == "gone"


@pytest.mark.parametrize("text", ["not an address", "@", "", "a" * 300])
def test_what_is_no_address_is_told(campaign: Campaign, text: str) -> None:
    assert faults(explain(campaign, text)) == ["Address"]


def test_a_stranger_is_told(campaign: Campaign) -> None:
    assert faults(explain(campaign, "stranger@mail.example")) == ["Contact"]
