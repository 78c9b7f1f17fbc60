from __future__ import annotations

import pytest

from dynamail.accounts.models import Account, User
from dynamail.campaigns.drafting import delete_draft, duplicate_campaign, save_draft
from dynamail.campaigns.errors import ChangedMeanwhile, NotEditable
from dynamail.campaigns.launching import launch_campaign
from dynamail.campaigns.models import Campaign, CampaignState
from tests.support.campaigns import make_draft, make_ready_campaign, member_of
from tests.support.personas import NOW


def test_the_slower_of_two_editors_is_told_and_overwrites_nothing(
    account: Account, alice: User, bob: User
) -> None:
    draft = make_draft(account, member_of(account, alice))
    save_draft(draft, by=member_of(account, alice), now=NOW, version=1, subject="Alice's")
    with pytest.raises(ChangedMeanwhile) as refusal:
        save_draft(draft, by=member_of(account, bob), now=NOW, version=1, subject="Bob's")
    assert refusal.value.saved_version == 2
    assert Campaign.objects.for_account(account).get(pk=draft.pk).subject == "Alice's"


def test_only_fields_of_a_draft_are_written(account: Account, alice: User) -> None:
    draft = make_draft(account, member_of(account, alice))
    with pytest.raises(TypeError, match="state"):
        save_draft(draft, by=member_of(account, alice), now=NOW, state="running")


def test_a_duplicate_of_a_launched_campaign_is_a_draft_with_the_same_content(
    account: Account, alice: User
) -> None:
    member = member_of(account, alice)
    campaign = make_ready_campaign(account, member)
    launch_campaign(campaign, by=member, now=NOW)
    copy = duplicate_campaign(campaign, name="Spring news, copy", by=member, now=NOW)
    assert (copy.state, copy.body, copy.topic_id) == (CampaignState.DRAFT, campaign.body, campaign.topic_id)
    assert (copy.frozen, copy.launched_at, copy.version) == (0, None, 1)
    assert copy.uid != campaign.uid


def test_drafts_are_deleted_and_launched_campaigns_stay(account: Account, alice: User) -> None:
    member = member_of(account, alice)
    campaign = make_ready_campaign(account, member)
    delete_draft(make_draft(account, member, name="Second"), by=member)
    launch_campaign(campaign, by=member, now=NOW)
    with pytest.raises(NotEditable):
        delete_draft(campaign, by=member)
    assert [one.pk for one in Campaign.objects.for_account(account)] == [campaign.pk]
