from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dynamail.accounts.models import Account
from dynamail.senders.health import Health, LiveWay, measure_health
from dynamail.senders.models import DestinationState, Transport, TransportHour

NOW = datetime(2026, 11, 23, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def relay(account: Account) -> Transport:
    return Transport.objects.add(account, name="relay", host="relay.example")


def add_hour(relay: Transport, *, ago: int = 0, site: str = "", **figures: int) -> None:
    hour = NOW.replace(minute=0) - ago * HOUR
    TransportHour.objects.add(relay.account_id, transport_id=relay.pk, site=site, hour=hour, **figures)


def learn(
    relay: Transport,
    *,
    site: str = "",
    minutes: int | None = 5,
    factor: float = 0.5,
    reason: str = "slow down",
) -> None:
    DestinationState.objects.add(
        relay.account_id,
        transport_id=relay.pk,
        site=site,
        until=NOW + timedelta(minutes=minutes) if minutes is not None else None,
        factor=factor,
        reason=reason,
        changed_at=NOW - HOUR / 2,
    )


def measure(relay: Transport, live: LiveWay | None = None) -> Health:
    (health,) = measure_health([relay], {relay.pk: live} if live else {}, now=NOW)
    return health


def test_figures_are_added_by_hour_and_by_destination(relay: Transport) -> None:
    add_hour(relay, site="google.com", delivered=10, deferred=1)
    add_hour(relay, site="yandex.ru", delivered=5)
    add_hour(relay, ago=3, site="yandex.ru", delivered=20, bounced=2)
    add_hour(relay, ago=24, site="yandex.ru", delivered=1000)
    health = measure(relay)
    assert (health.hours.this_hour.delivered, health.hours.day.delivered) == (15, 35)
    assert (len(health.hours.trend), health.hours.trend[-4], health.hours.trend[-1]) == (24, 20, 15)
    assert [(one.site, one.day.delivered) for one in health.sites] == [("yandex.ru", 25), ("google.com", 10)]
    assert health.state == "healthy"


def test_an_unused_transport_is_as_good_as_its_check(relay: Transport) -> None:
    assert measure(relay).state == "unchecked"
    relay.check_result = {"running": True}
    assert measure(relay).state == "checking"
    relay.checked_at, relay.check_result = NOW, {"ok": True, "steps": []}
    assert measure(relay).state == "ready"
    relay.check_result = {"ok": False, "steps": [{"name": "connect", "ok": False, "text": "Nobody answers."}]}
    failed = measure(relay)
    assert (failed.state, failed.since, failed.reason) == ("down", NOW, "Nobody answers.")


def test_what_the_workers_say_now_comes_first(relay: Transport) -> None:
    add_hour(relay, ago=4, delivered=100)
    add_hour(relay, ago=2, failed=3)
    add_hour(relay, ago=1, failed=4)
    down = measure(relay, LiveWay(is_closed=True, problem="connect: refused"))
    assert (down.state, down.reason) == ("down", "connect: refused")
    assert down.since == NOW.replace(minute=0) - 2 * HOUR
    assert measure(relay).state == "down"
    add_hour(relay, delivered=1)
    assert measure(relay, LiveWay(connections=2)).state == "slow"


def test_learned_back_off_is_shown_while_it_lasts(relay: Transport) -> None:
    add_hour(relay, delivered=100)
    learn(relay)
    closed = measure(relay)
    assert (closed.state, closed.reason, closed.since) == ("down", "slow down", NOW - HOUR / 2)
    DestinationState.objects.for_account(relay.account_id).update(until=None)
    assert measure(relay).state == "slow"
    DestinationState.objects.for_account(relay.account_id).update(factor=1.0)
    assert measure(relay).state == "healthy"


def test_one_closed_destination_makes_direct_delivery_slow_not_down(relay: Transport) -> None:
    add_hour(relay, site="google.com", delivered=100)
    learn(relay, site="yandex.ru", reason="4.7.0 too many connections")
    health = measure(relay)
    assert health.state == "slow"
    assert [(one.site, bool(one.learned)) for one in health.sites] == [
        ("google.com", False),
        ("yandex.ru", True),
    ]


def test_many_put_off_messages_make_it_slow(relay: Transport) -> None:
    add_hour(relay, delivered=70, deferred=30)
    assert measure(relay).state == "slow"
    TransportHour.objects.for_account(relay.account_id).update(delivered=7, deferred=3)
    assert measure(relay).state == "healthy"


def test_what_is_off_is_off(relay: Transport) -> None:
    relay.is_enabled = False
    add_hour(relay, delivered=100)
    assert measure(relay, LiveWay(is_closed=True, problem="x")).state == "off"


def test_a_limit_of_our_own_that_is_reached_is_no_breakdown(relay: Transport) -> None:
    add_hour(relay, delivered=1000)
    health = measure(relay, LiveWay(is_closed=True, problem="The limit is reached.", is_at_limit=True))
    assert (health.state, "the rest waits" in health.reason) == ("slow", True)
