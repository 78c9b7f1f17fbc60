from __future__ import annotations

from datetime import timedelta

import pytest

from dynamail.accounts.models import Account, AuditEntry, User
from dynamail.campaigns.drafting import save_draft
from dynamail.campaigns.errors import TestRefused
from dynamail.campaigns.models import Campaign
from dynamail.campaigns.trying import MOST_PER_HOUR, send_test, source_of_tests
from dynamail.consent.models import SuppressionReason
from dynamail.consent.suppressing import suppress_address
from dynamail.contacts.models import Contact
from dynamail.lib.clock import utc_now
from dynamail.messages.models import Outbox
from dynamail.senders.models import Sender
from tests.support.campaigns import make_ready_campaign, member_of
from tests.support.personas import NOW

PAGE = "http://127.0.0.1/test-message/"


@pytest.fixture
def campaign(account: Account, alice: User) -> Campaign:
    return make_ready_campaign(account, member_of(account, alice))


def waiting(account: Account) -> list[Outbox]:
    return list(Outbox.objects.for_account(account).order_by("recipient"))


def try_it(campaign: Campaign, user: User, to: list[str], **values: object) -> list[object]:
    member = member_of(campaign.account, user)
    return send_test(campaign, to=to, own_pages=PAGE, by=member, **{"now": NOW, **values})


def test_a_test_is_one_message_per_address_and_says_that_it_is_one(
    campaign: Campaign, account: Account, alice: User
) -> None:
    ids = try_it(campaign, alice, ["a@mail.example", " A@mail.example", "b@mail.example", ""])
    rows = waiting(account)
    assert len(ids) == len(rows) == 2
    assert {row.source_kind for row in rows} == {"test"}
    assert rows[0].payload["subject"] == "[Test] New things"
    assert "Hello Alex" in rows[0].payload["html"]
    assert AuditEntry.objects.for_account(account).get(action="campaign.tested").data == {"messages": 2}


def test_tests_do_not_enter_the_numbers_of_the_campaign(
    campaign: Campaign, account: Account, alice: User
) -> None:
    try_it(campaign, alice, ["a@mail.example"])
    try_it(campaign, alice, ["b@mail.example"])
    sources = {row.source_id for row in waiting(account)}
    assert sources == {source_of_tests(campaign)}
    assert campaign.uid not in sources


def test_a_test_as_a_contact_shows_their_data_and_cannot_unsubscribe_them(
    campaign: Campaign, account: Account, alice: User
) -> None:
    contact = Contact.objects.for_account(account).get(email_key="person1@mail.example")
    try_it(campaign, alice, ["a@mail.example"], as_contact=contact)
    payload = waiting(account)[0].payload
    assert "Hello Person" in payload["html"]
    assert PAGE in payload["html"]
    assert "/u/" not in payload["html"]
    assert payload["headers"] == []


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ([], "Write the address"),
        (["nonsense"], "nonsense"),
        ([f"{n}@mail.example" for n in range(6)], "at most 5"),
        (["a@mail.example\r\nBcc: b@mail.example"], "Bcc"),
    ],
)
def test_bad_addresses_are_refused_before_anything_is_sent(
    campaign: Campaign, account: Account, alice: User, to: list[str], sentence: str
) -> None:
    with pytest.raises(TestRefused, match=sentence):
        try_it(campaign, alice, to)
    assert waiting(account) == []


def test_a_suppressed_address_refuses_the_whole_test(
    campaign: Campaign, account: Account, alice: User
) -> None:
    suppress_address(account.pk, "gone@mail.example", reason=SuppressionReason.MANUAL, now=NOW)
    with pytest.raises(TestRefused, match=r"gone@mail\.example"):
        try_it(campaign, alice, ["a@mail.example", "gone@mail.example"])
    assert waiting(account) == []


def test_an_unverified_sender_or_broken_content_sends_no_test(
    campaign: Campaign, account: Account, alice: User
) -> None:
    broken = save_draft(campaign, by=member_of(account, alice), now=NOW, body="{% if %}")
    with pytest.raises(TestRefused, match="error"):
        try_it(broken, alice, ["a@mail.example"])
    Sender.objects.for_account(account).update(verified_at=None)
    with pytest.raises(TestRefused, match="verified"):
        try_it(Campaign.objects.for_account(account).get(), alice, ["a@mail.example"])


def test_tests_are_limited_per_hour_and_account(campaign: Campaign, account: Account, alice: User) -> None:
    now = utc_now()
    for _round in range(MOST_PER_HOUR // 5):
        try_it(campaign, alice, [f"{n}@mail.example" for n in range(5)], now=now)
    with pytest.raises(TestRefused, match="an hour"):
        try_it(campaign, alice, ["a@mail.example"], now=now)
    assert try_it(campaign, alice, ["a@mail.example"], now=now + timedelta(hours=2))
