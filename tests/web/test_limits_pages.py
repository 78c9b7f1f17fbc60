"""The page of limits: destinations, what they asked for, warm-up, the account's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, User
from dynamail.lib.clock import utc_now
from dynamail.senders.models import DestinationRule, DestinationState, ThrottleBucket, Transport

SignIn = Callable[[User], Client]


@pytest.fixture
def relay(account: Account) -> Transport:
    return Transport.objects.add(account, name="New server", kind=Transport.Kind.MX)


@pytest.fixture
def closed(account: Account, relay: Transport) -> DestinationState:
    return DestinationState.objects.add(
        account,
        transport_id=relay.pk,
        site="google.com",
        until=utc_now() + timedelta(minutes=20),
        factor=0.1,
        reason="421 4.7.28 <script>alert(1)</script> unusual rate",
        changed_at=utc_now(),
    )


def test_a_new_account_sees_what_is_built_in(account: Account, alice: User, sign_in: SignIn) -> None:
    page = sign_in(alice).get(reverse("limits")).content.decode()
    for words in (
        "All destinations are open",
        "No transport yet",
        "Gmail and Google Workspace",
        "Providers in Belarus",
    ):
        assert words in page
    assert "no limit of messages per hour or day" in page


def test_own_limits_stand_beside_the_built_in_ones(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    address = reverse("limits_rule_new") + "?destination=gmail"
    assert "Built in: 50" in client.get(address).content.decode()
    answer = client.post(address, {"connections": 2, "per_second": "1.5"}, follow=True)
    page = answer.content.decode()
    assert "<b>2</b>" in page
    assert "built in: 20" in page
    rule = DestinationRule.objects.for_account(account).get()
    assert (rule.site, rule.connections, rule.per_second, rule.per_day) == ("gmail", 2, 1.5, None)
    assert client.get(reverse("limits_rule", args=[rule.public_id])).status_code == 200
    client.post(reverse("limits_rule", args=[rule.public_id]), {"per_day": 500})
    rule.refresh_from_db()
    assert (rule.connections, rule.per_day) == (None, 500)
    client.post(reverse("limits_rule_remove", args=[rule.public_id]))
    assert not DestinationRule.objects.for_account(account).exists()


def test_another_site_and_one_transport_can_be_limited(
    account: Account, alice: User, sign_in: SignIn, relay: Transport
) -> None:
    values = {
        "destination": "another",
        "site": "Example.com",
        "transport": relay.public_id,
        "per_hour": 100,
    }
    page = sign_in(alice).post(reverse("limits_rule_new"), values, follow=True).content.decode()
    rule = DestinationRule.objects.for_account(account).get()
    assert (rule.site, rule.transport, rule.per_hour) == ("example.com", relay, 100)
    assert "only “New server”" in page


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"destination": "gmail"}, "connections"),
        ({"destination": "gmail", "connections": "0"}, "connections"),
        ({"destination": "gmail", "connections": "many"}, "connections"),
        ({"destination": "gmail", "per_second": "nan"}, "per_second"),
        ({"destination": "gmail", "per_day": "-4"}, "per_day"),
        ({"destination": "another", "site": "", "per_day": "4"}, "site"),
        ({"destination": "another", "site": "localhost", "per_day": "4"}, "site"),
        ({"destination": "nowhere", "per_day": "4"}, "destination"),
        ({"destination": "gmail", "transport": "trn_other", "per_day": "4"}, "transport"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    account: Account, alice: User, sign_in: SignIn, values: dict[str, str], field: str
) -> None:
    answer = sign_in(alice).post(reverse("limits_rule_new"), values)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not DestinationRule.objects.for_account(account).exists()


def test_a_closed_destination_is_shown_with_the_servers_words_and_tried_again(
    account: Account, alice: User, sign_in: SignIn, closed: DestinationState
) -> None:
    client = sign_in(alice)
    page = client.get(reverse("limits")).content.decode()
    assert "Closed" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; unusual rate" in page
    values = {"transport": closed.transport_id, "site": closed.site}
    for _twice in range(2):
        answer = client.post(reverse("limits_try_again"), values, follow=True)
        assert "All destinations are open" in answer.content.decode()
    assert not DestinationState.objects.for_account(account).exists()
    assert client.post(reverse("limits_try_again"), {"transport": "x"}).status_code == 404


def test_a_slowed_down_destination_shows_its_share(
    account: Account, alice: User, sign_in: SignIn, closed: DestinationState
) -> None:
    DestinationState.objects.for_account(account).update(until=None, factor=0.25)
    assert "25% of the usual pace" in sign_in(alice).get(reverse("limits")).content.decode()


def test_a_warm_up_is_planned_watched_and_stopped(
    account: Account, alice: User, sign_in: SignIn, relay: Transport
) -> None:
    client = sign_in(alice)
    assert client.get(reverse("warmup", args=[relay.public_id])).status_code == 200
    wrong = client.post(reverse("warmup", args=[relay.public_id]), {"target_per_day": 0, "days": 3})
    assert wrong.status_code == 422
    client.post(reverse("warmup", args=[relay.public_id]), {"target_per_day": 5_000, "days": 30})
    day = f"transport/{relay.pk}/day/{utc_now():%Y-%m-%d}"
    ThrottleBucket.objects.add(account, key=day, tokens=20.0, filled_at=utc_now())
    page = client.get(reverse("limits")).content.decode()
    assert "Day 1 of 30" in page
    assert "20 of 50" in page
    assert "sparkline" in page
    client.post(reverse("warmup_stop", args=[relay.public_id]))
    assert "No warm-up" in client.get(reverse("limits")).content.decode()


def test_the_limits_of_the_account_are_shown(account: Account, alice: User, sign_in: SignIn) -> None:
    Account.objects.filter(pk=account.pk).update(messages_per_hour=100, messages_per_day=0)
    page = sign_in(alice).get(reverse("limits")).content.decode()
    assert "0 of 100" in page
    assert "the limit per day is 0" in page


def test_who_may_not_manage_delivery_is_refused(account: Account, bob: User, sign_in: SignIn) -> None:
    client = sign_in(bob)
    for name in ("limits", "limits_rule_new"):
        assert client.get(reverse(name)).status_code == 403


def test_another_accounts_rules_transports_and_lessons_are_out_of_reach(
    account: Account,
    other_account: Account,
    charlie: User,
    sign_in: SignIn,
    relay: Transport,
    closed: DestinationState,
) -> None:
    rule = DestinationRule.objects.add(account, site="gmail", connections=1)
    client = sign_in(charlie)
    assert "unusual rate" not in client.get(reverse("limits")).content.decode()
    assert client.get(reverse("limits_rule", args=[rule.public_id])).status_code == 404
    assert client.post(reverse("limits_rule_remove", args=[rule.public_id])).status_code == 404
    assert client.post(reverse("warmup", args=[relay.public_id]), {}).status_code == 404
    client.post(reverse("limits_try_again"), {"transport": relay.pk, "site": "google.com"})
    assert DestinationState.objects.for_account(account).exists()
