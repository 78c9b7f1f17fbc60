"""A campaign leaves only from a verified domain of its account."""

from __future__ import annotations

import pytest

from dynamail.accounts.models import Account, User
from dynamail.campaigns.errors import NotReady, TestRefused
from dynamail.campaigns.launching import launch_campaign
from dynamail.campaigns.models import Campaign
from dynamail.campaigns.reviewing import check_draft
from dynamail.campaigns.trying import send_test
from dynamail.senders.models import Sender, SendingDomain, Transport
from tests.support.campaigns import make_ready_campaign, member_of
from tests.support.personas import NOW
from tests.support.sending_domains import add_verified_domain


@pytest.fixture
def campaign(account: Account, alice: User) -> Campaign:
    return make_ready_campaign(account, member_of(account, alice))


def choose_relay(account: Account) -> None:
    Transport.objects.add(account, name="Relay", host="relay.example", is_default=True)


def try_it(campaign: Campaign, alice: User) -> None:
    send_test(
        campaign,
        to=["me@mail.example"],
        own_pages="https://app.example/test/",
        by=member_of(campaign.account, alice),
        now=NOW,
    )


def test_into_the_mailbox_a_verified_sender_is_enough(campaign: Campaign, alice: User) -> None:
    try_it(campaign, alice)
    launch_campaign(campaign, by=member_of(campaign.account, alice), now=NOW)


def test_out_of_the_house_it_is_not(account: Account, campaign: Campaign, alice: User) -> None:
    choose_relay(account)
    assert [problem.code for problem in check_draft(campaign) if problem.blocks] == ["domain_unverified"]
    with pytest.raises(NotReady):
        launch_campaign(campaign, by=member_of(account, alice), now=NOW)
    with pytest.raises(TestRefused, match="is none yet"):
        try_it(campaign, alice)
    add_verified_domain(account)
    try_it(campaign, alice)
    launch_campaign(campaign, by=member_of(account, alice), now=NOW)


@pytest.mark.parametrize("state", ["pending", "lost"])
def test_a_domain_that_is_not_verified_any_more_stops_the_launch(
    account: Account, campaign: Campaign, alice: User, state: str
) -> None:
    choose_relay(account)
    add_verified_domain(account)
    SendingDomain.objects.for_account(account).update(state=state)
    with pytest.raises(NotReady):
        launch_campaign(campaign, by=member_of(account, alice), now=NOW)


def test_the_domain_of_another_account_does_not_help(
    account: Account, other_account: Account, campaign: Campaign, alice: User
) -> None:
    choose_relay(account)
    add_verified_domain(other_account)
    with pytest.raises(NotReady):
        launch_campaign(campaign, by=member_of(account, alice), now=NOW)


def test_a_public_mail_service_is_named(account: Account, campaign: Campaign) -> None:
    choose_relay(account)
    Sender.objects.for_account(account).update(email="acme.shop@gmail.com")
    campaign.refresh_from_db()
    (problem,) = [problem for problem in check_draft(campaign) if problem.blocks]
    assert problem.code == "from_free_mail"
    assert "gmail.com" in str(problem.sentence)


def test_without_the_link_and_without_a_domain_nothing_goes_anywhere(
    account: Account, campaign: Campaign, alice: User
) -> None:
    Sender.objects.for_account(account).update(verified_at=None)
    campaign.refresh_from_db()
    assert [problem.code for problem in check_draft(campaign) if problem.blocks] == ["sender_unverified"]
    add_verified_domain(account)
    assert [problem.code for problem in check_draft(campaign) if problem.blocks] == []
