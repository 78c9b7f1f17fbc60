from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections

from dynamail.accounts.models import Account, AuditEntry, User
from dynamail.accounts.tenancy import account_scope
from dynamail.campaigns.drafting import save_draft
from dynamail.campaigns.errors import (
    ChangedMeanwhile,
    InThePast,
    NotEditable,
    NotReady,
    TooFarAhead,
    WrongMoment,
)
from dynamail.campaigns.launching import (
    cancel_campaign,
    launch_campaign,
    launch_due,
    list_due,
    pause_campaign,
    resume_campaign,
    schedule_campaign,
    unschedule_campaign,
)
from dynamail.campaigns.models import Campaign, CampaignState
from dynamail.campaigns.tasks import launch_due_task
from dynamail.events.models import Event
from dynamail.messages.models import Chunk, FrozenContent
from dynamail.senders.models import Sender
from dynamail.tracking.models import Link
from tests.support.campaigns import make_draft, make_ready_campaign, member_of
from tests.support.personas import NOW

LATER = NOW + timedelta(hours=2)


@pytest.fixture
def campaign(account: Account, alice: User) -> Campaign:
    return make_ready_campaign(account, member_of(account, alice))


def state_of(campaign: Campaign) -> str:
    return Campaign.objects.for_account(campaign.account_id).get(pk=campaign.pk).state


def chunks_of(campaign: Campaign) -> list[Chunk]:
    return list(Chunk.objects.for_account(campaign.account_id).filter(source_id=campaign.uid))


def test_a_launch_freezes_audience_and_content(campaign: Campaign, account: Account, alice: User) -> None:
    assert launch_campaign(campaign, by=member_of(account, alice), now=NOW) == 3
    saved = Campaign.objects.for_account(account).get(pk=campaign.pk)
    assert (saved.state, saved.frozen, saved.launched_at) == (CampaignState.RUNNING, 3, NOW)
    assert sum(chunk.size for chunk in chunks_of(campaign)) == 3
    frozen = FrozenContent.objects.for_account(account).get(id=campaign.uid)
    assert frozen.source["subject"] == "New things"
    assert frozen.sender == {"email": "news@acme.example", "name": "Acme", "reply_to": ""}
    assert frozen.settings["account_uid"] == account.uid.hex
    kinds = Event.objects.for_account(account).filter(source_id=campaign.uid).values_list("kind", flat=True)
    assert list(kinds) == ["campaign.launched"]
    assert AuditEntry.objects.for_account(account).get(action="campaign.launched").data == {"recipients": 3}


def test_a_launch_freezes_where_the_links_lead_with_their_tags(
    campaign: Campaign, account: Account, alice: User
) -> None:
    Campaign.objects.for_account(account).update(utm={"source": "news", "campaign": "spring"})
    campaign.refresh_from_db()
    launch_campaign(campaign, by=member_of(account, alice), now=NOW)
    (link,) = Link.objects.for_account(account).filter(source_id=campaign.uid)
    assert link.url == "https://shop.acme.by/new?utm_source=news&utm_medium=email&utm_campaign=spring"


def test_launching_twice_sends_once(campaign: Campaign, account: Account, alice: User) -> None:
    member = member_of(account, alice)
    launch_campaign(campaign, by=member, now=NOW)
    stale = Campaign.objects.for_account(account).get(pk=campaign.pk)
    with pytest.raises(WrongMoment):
        launch_campaign(stale, by=member, now=LATER)
    assert sum(chunk.size for chunk in chunks_of(campaign)) == 3


def test_two_launches_at_once_send_once(transactional_db: None, request: pytest.FixtureRequest) -> None:
    account, alice = request.getfixturevalue("account"), request.getfixturevalue("alice")
    member = member_of(account, alice)
    campaign = make_ready_campaign(account, member)
    ended: list[str] = []

    def launch() -> None:
        try:
            own = Campaign.objects.for_account(account).get(pk=campaign.pk)
            barrier.wait()
            launch_campaign(own, by=member, now=NOW)
            ended.append("launched")
        except WrongMoment:
            ended.append("refused")
        finally:
            connection.close()

    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=launch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["launched", "refused"]
    assert sum(chunk.size for chunk in chunks_of(campaign)) == 3
    connections.close_all()


def test_an_empty_draft_says_everything_that_is_missing(account: Account, alice: User) -> None:
    draft = make_draft(account, member_of(account, alice))
    with pytest.raises(NotReady) as refusal:
        launch_campaign(draft, by=member_of(account, alice), now=NOW)
    assert [problem.code for problem in refusal.value.problems] == [
        "topic_missing",
        "sender_missing",
        "subject_missing",
        "content_missing",
    ]
    assert state_of(draft) == CampaignState.DRAFT


def test_nobody_to_send_to_refuses_the_launch(account: Account, alice: User) -> None:
    campaign = make_ready_campaign(account, member_of(account, alice), people=0)
    with pytest.raises(NotReady) as refusal:
        launch_campaign(campaign, by=member_of(account, alice), now=NOW)
    assert [problem.code for problem in refusal.value.problems] == ["audience_empty"]


def test_an_unverified_sender_refuses_the_launch(campaign: Campaign, account: Account, alice: User) -> None:
    Sender.objects.for_account(account).update(verified_at=None)
    with pytest.raises(NotReady, match="not verified"):
        launch_campaign(campaign, by=member_of(account, alice), now=NOW)


def test_content_that_does_not_compile_refuses_the_launch(
    campaign: Campaign, account: Account, alice: User
) -> None:
    member = member_of(account, alice)
    save_draft(campaign, by=member, now=NOW, body="<p>Hi</p>\n<p>{% if contact.name %}Hi</p>")
    with pytest.raises(NotReady) as refusal:
        launch_campaign(campaign, by=member, now=NOW)
    problem = refusal.value.problems[0]
    assert (problem.card, problem.line) == ("content", 2)
    assert chunks_of(campaign) == []


def test_a_suspended_account_launches_nothing(campaign: Campaign, account: Account, alice: User) -> None:
    Account.objects.filter(pk=account.pk).update(state=Account.State.SUSPENDED)
    with pytest.raises(NotReady, match="suspended"):
        launch_campaign(campaign, by=member_of(account, alice), now=NOW)


def test_a_campaign_that_changed_since_it_was_looked_at_is_not_launched(
    campaign: Campaign, account: Account, alice: User
) -> None:
    member = member_of(account, alice)
    save_draft(campaign, by=member, now=NOW, subject="Something else")
    with pytest.raises(ChangedMeanwhile):
        launch_campaign(campaign, by=member, now=NOW, version=campaign.version)
    assert state_of(campaign) == CampaignState.DRAFT


def test_pausing_resuming_and_canceling_move_the_chunks(
    campaign: Campaign, account: Account, alice: User
) -> None:
    member = member_of(account, alice)
    launch_campaign(campaign, by=member, now=NOW)
    pause_campaign(campaign, by=member, now=NOW)
    assert {chunk.state for chunk in chunks_of(campaign)} == {Chunk.State.PAUSED}
    with pytest.raises(WrongMoment):
        pause_campaign(campaign, by=member, now=NOW)
    resume_campaign(campaign, by=member, now=NOW)
    assert {chunk.state for chunk in chunks_of(campaign)} == {Chunk.State.READY}
    assert cancel_campaign(campaign, by=member, now=NOW) == 3
    assert state_of(campaign) == CampaignState.CANCELED
    with pytest.raises(WrongMoment):
        resume_campaign(campaign, by=member, now=NOW)


def test_a_scheduled_campaign_cannot_be_changed_until_it_is_unscheduled(
    campaign: Campaign, account: Account, alice: User
) -> None:
    member = member_of(account, alice)
    schedule_campaign(campaign, at=LATER, by=member, now=NOW)
    with pytest.raises(NotEditable):
        save_draft(campaign, by=member, now=NOW, subject="Other")
    unschedule_campaign(campaign, by=member, now=NOW)
    assert save_draft(campaign, by=member, now=NOW, subject="Other").subject == "Other"


def test_times_in_the_past_and_beyond_a_year_are_refused(
    campaign: Campaign, account: Account, alice: User
) -> None:
    member = member_of(account, alice)
    with pytest.raises(InThePast):
        schedule_campaign(campaign, at=NOW, by=member, now=NOW)
    with pytest.raises(TooFarAhead):
        schedule_campaign(campaign, at=NOW + timedelta(days=400), by=member, now=NOW)


def test_unscheduling_and_launching_have_one_winner(
    campaign: Campaign, account: Account, alice: User
) -> None:
    member = member_of(account, alice)
    schedule_campaign(campaign, at=LATER, by=member, now=NOW)
    due = Campaign.objects.for_account(account).get(pk=campaign.pk)
    unschedule_campaign(campaign, by=member, now=LATER)
    save_draft(campaign, by=member, now=LATER, body="")
    launch_due(due, now=LATER)  # its worker read the row before
    assert state_of(campaign) == CampaignState.DRAFT
    assert chunks_of(campaign) == []


def test_only_campaigns_whose_time_has_come_are_due(
    campaign: Campaign, account: Account, alice: User
) -> None:
    schedule_campaign(campaign, at=LATER, by=member_of(account, alice), now=NOW)
    assert list_due(now=NOW) == []
    assert list_due(now=LATER) == [(account.pk, campaign.pk)]


def test_the_task_launches_what_is_due_and_gives_back_what_is_not_ready(
    account: Account, alice: User, other_account: Account, charlie: User
) -> None:
    good = make_ready_campaign(account, member_of(account, alice))
    bad = make_ready_campaign(other_account, member_of(other_account, charlie))
    for campaign, user in ((bad, charlie), (good, alice)):
        with account_scope(campaign.account_id):
            schedule_campaign(campaign, at=LATER, by=member_of(campaign.account, user), now=NOW)
    Campaign.objects.across_accounts(reason="test").update(scheduled_at=NOW - timedelta(days=3000))
    Sender.objects.for_account(other_account).update(verified_at=None)
    launch_due_task()
    assert state_of(good) == CampaignState.RUNNING
    returned = Campaign.objects.for_account(other_account).get(pk=bad.pk)
    assert (returned.state, returned.scheduled_at) == (CampaignState.DRAFT, None)
    assert "not verified" in returned.problem
    assert AuditEntry.objects.for_account(other_account).filter(action="campaign.held").exists()
