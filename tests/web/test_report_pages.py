from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, Member, User
from dynamail.accounts.roles import Role
from dynamail.campaigns.models import Campaign
from dynamail.messages.models import Message
from tests.support.campaigns import make_half_sent_campaign

SignIn = Callable[[User], Client]


@pytest.fixture
def sent(account: Account, alice: User) -> Campaign:
    return make_half_sent_campaign(account, alice)


def test_the_report_shows_the_funnel_and_where_everyone_is(
    account: Account,
    alice: User,
    sent: Campaign,
    sign_in: SignIn,
) -> None:
    page = sign_in(alice).get(reverse("campaign_report", args=[sent.public_id])).content.decode()
    assert "From recipients to clicks" in page
    assert "Together: 3 recipients at launch" in page
    assert "https://shop.acme.by/new" in page


def test_each_outcome_is_a_list_one_can_open(
    account: Account,
    bob: User,
    sent: Campaign,
    sign_in: SignIn,
) -> None:
    client, url = sign_in(bob), reverse("campaign_recipients", args=[sent.public_id])
    assert "The mailbox does not exist." in client.get(url, {"outcome": "bounced"}).content.decode()
    assert "Nobody here" in client.get(url, {"outcome": "suppressed"}).content.decode()
    assert client.get(url, {"outcome": "nonsense"}).status_code == 404


def test_a_hostile_reply_is_shown_as_text(
    account: Account,
    alice: User,
    sent: Campaign,
    sign_in: SignIn,
) -> None:
    hostile = "550 <img src=x onerror=alert(1)>"
    Message.objects.for_account(account).filter(state="bounced").update(reply=hostile)
    page = sign_in(alice).get(reverse("campaign_recipients", args=[sent.public_id]), {"outcome": "bounced"})
    assert hostile not in page.content.decode()


def test_the_list_as_csv_holds_every_recipient_and_no_formula(
    account: Account,
    alice: User,
    sent: Campaign,
    sign_in: SignIn,
) -> None:
    Message.objects.for_account(account).filter(state="bounced").update(reply="=HYPERLINK(1)")
    answer = sign_in(alice).get(reverse("campaign_recipients_csv", args=[sent.public_id]))
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert {row["outcome"] for row in rows} == {"delivered", "bounced", "remaining"}
    assert not any(row["reply"].startswith("=") for row in rows)


def test_an_analyst_reads_reports_but_takes_no_list_away_and_a_stranger_finds_nothing(
    account: Account,
    bob: User,
    charlie: User,
    other_account: Account,
    sent: Campaign,
    sign_in: SignIn,
) -> None:
    Member.objects.for_account(account).filter(user=bob).update(role=Role.ANALYST)
    analyst, stranger = sign_in(bob), sign_in(charlie)
    report, download = (
        reverse(name, args=[sent.public_id]) for name in ("campaign_report", "campaign_recipients_csv")
    )
    assert analyst.get(report).status_code == 200
    assert analyst.get(download).status_code == 403
    assert [stranger.get(url).status_code for url in (report, download)] == [404, 404]


def test_home_shows_numbers_what_is_sending_and_what_to_do(
    account: Account,
    alice: User,
    sent: Campaign,
    sign_in: SignIn,
) -> None:
    client = sign_in(alice)
    page = client.get(reverse("home")).content.decode()
    assert "Sending now" in page
    assert "Choose a relay" in page
    Campaign.objects.for_account(account).update(state="finished")
    assert "hx-trigger" not in client.get(reverse("home_live")).content.decode()


def test_home_of_a_new_account_says_what_to_do_first(account: Account, alice: User, sign_in: SignIn) -> None:
    page = sign_in(alice).get(reverse("home")).content.decode()
    for sentence in ("No campaigns yet", "Import your contacts", "Verify a sender"):
        assert sentence in page
