"""An account's own limits towards destinations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dynamail.accounts.models import Account, AuditEntry, Member
from dynamail.senders.destination_rules import (
    list_destinations,
    list_lessons,
    read_site,
    remove_destination_rule,
    retry_destination,
    set_destination_rule,
)
from dynamail.senders.destinations import DestinationLimits
from dynamail.senders.errors import SenderError
from dynamail.senders.models import DestinationRule, DestinationState, Transport

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def alice_member(account: Account) -> Member:
    return Member.objects.for_account(account).get()


@pytest.fixture
def charlie_member(other_account: Account) -> Member:
    return Member.objects.for_account(other_account).get()


def list_actions(account: Account) -> list[str]:
    return list(AuditEntry.objects.for_account(account).order_by("id").values_list("action", flat=True))


def test_a_rule_is_set_once_for_its_place_and_audited(account: Account, alice_member: Member) -> None:
    for connections in (3, 4):
        rule = set_destination_rule(
            account,
            site=" Gmail ",
            transport=None,
            limits=DestinationLimits(connections=connections),
            by=alice_member,
        )
    assert DestinationRule.objects.for_account(account).get() == rule
    assert rule.connections == 4
    gmail = next(one for one in list_destinations(account) if one.name == "gmail")
    assert gmail.rules == [rule]
    remove_destination_rule(rule, by=alice_member)
    assert list_actions(account)[-3:] == [
        "destination_rule.set",
        "destination_rule.set",
        "destination_rule.removed",
    ]


def test_a_rule_for_one_transport_stands_beside_that_for_all(account: Account, alice_member: Member) -> None:
    relay = Transport.objects.add(account, name="Direct", kind=Transport.Kind.MX)
    for transport in (None, relay):
        set_destination_rule(
            account,
            site="example.com",
            transport=transport,
            limits=DestinationLimits(per_day=10),
            by=alice_member,
        )
    own = list_destinations(account)[-1]
    assert (own.name, [rule.transport for rule in own.rules]) == ("example.com", [None, relay]) or [
        rule.transport for rule in own.rules
    ] == [relay, None]


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Example.COM.", "example.com"),
        ("почта.бел", "xn--80a1acny.xn--90ais"),
        ("yandex", "yandex"),
        ("mx.example.co.uk", "mx.example.co.uk"),
    ],
)
def test_a_site_is_stored_in_one_way(typed: str, stored: str) -> None:
    assert read_site(typed) == stored


@pytest.mark.parametrize(
    "typed", ["", "localhost", "exa mple.com", "-a.com", "a..b", "@example.com", "x" * 300]
)
def test_what_is_not_a_site_is_refused(typed: str) -> None:
    with pytest.raises(SenderError) as caught:
        read_site(typed)
    assert caught.value.code == "destination.unknown"


@pytest.mark.parametrize(
    "limits",
    [
        DestinationLimits(),
        DestinationLimits(connections=0),
        DestinationLimits(connections=1_001),
        DestinationLimits(per_second=-1.0),
        DestinationLimits(per_day=2_000_000_000),
    ],
)
def test_impossible_limits_are_refused(
    account: Account, alice_member: Member, limits: DestinationLimits
) -> None:
    with pytest.raises(SenderError):
        set_destination_rule(account, site="gmail", transport=None, limits=limits, by=alice_member)


def test_lessons_are_told_with_the_servers_words_and_can_be_forgotten(
    account: Account, alice_member: Member
) -> None:
    relay = Transport.objects.add(account, name="Direct", kind=Transport.Kind.MX)
    for site, until, factor in (
        ("google.com", None, 0.5),
        ("example.com", NOW + timedelta(minutes=5), 0.1),
        ("over.example", NOW - timedelta(minutes=5), 1.0),
    ):
        DestinationState.objects.add(
            account,
            transport_id=relay.pk,
            site=site,
            until=until,
            factor=factor,
            reason="421 <b>slow</b>",
            changed_at=NOW,
        )
    closed, slowed = list_lessons(account, now=NOW)
    assert (closed.title, closed.until, closed.transport) == (
        "example.com",
        NOW + timedelta(minutes=5),
        relay,
    )
    assert (slowed.title, slowed.until, slowed.factor) == ("Gmail and Google Workspace", None, 0.5)
    assert retry_destination(account, transport_id=relay.pk, site="example.com", by=alice_member)
    assert not retry_destination(account, transport_id=relay.pk, site="example.com", by=alice_member)
    assert len(list_lessons(account, now=NOW)) == 1
    assert list_actions(account).count("destination.retried") == 1


def test_another_account_sees_and_changes_nothing_of_it(
    account: Account, other_account: Account, alice_member: Member, charlie_member: Member
) -> None:
    DestinationState.objects.add(
        account, transport_id=1, site="google.com", until=None, factor=0.5, reason="", changed_at=NOW
    )
    set_destination_rule(
        account, site="gmail", transport=None, limits=DestinationLimits(connections=1), by=alice_member
    )
    assert list_lessons(other_account, now=NOW) == []
    assert not any(one.rules for one in list_destinations(other_account))
    assert not retry_destination(other_account, transport_id=1, site="google.com", by=charlie_member)
