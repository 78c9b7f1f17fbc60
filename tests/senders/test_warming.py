"""Warm-up plans."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.accounts.message_limits import limit_messages
from dynamail.accounts.models import Account, AuditEntry, Member
from dynamail.senders.errors import SenderError
from dynamail.senders.models import ThrottleBucket, Transport
from dynamail.senders.warming import find_account_use, find_warmup, start_warmup, stop_warmup
from dynamail.senders.warmup_plans import LONGEST, SHORTEST, find_allowance, find_warmup_day, make_warmup_plan

NOW = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)


@pytest.fixture
def alice_member(account: Account) -> Member:
    return Member.objects.for_account(account).get()


@given(st.integers(1, 10_000_000), st.integers(SHORTEST, LONGEST))
def test_a_plan_never_falls_and_ends_at_its_target(target: int, days: int) -> None:
    plan = make_warmup_plan(target, days=days)
    assert len(plan) == days
    assert plan == sorted(plan)
    assert plan[-1] == target
    assert 1 <= plan[0] <= 50


def test_a_plan_grows_by_the_same_factor_in_round_figures() -> None:
    assert make_warmup_plan(100_000, days=10) == [
        50,
        125,
        275,
        625,
        1_500,
        3_400,
        7_900,
        18_000,
        43_000,
        100_000,
    ]


@pytest.mark.parametrize(("target", "days"), [(0, 30), (-5, 30), (100, 6), (100, 121)])
def test_a_plan_out_of_bounds_is_refused(target: int, days: int) -> None:
    with pytest.raises(ValueError, match=r"\."):
        make_warmup_plan(target, days=days)


def test_the_allowance_follows_the_days_and_then_ends() -> None:
    plan, start = (10, 20, 30), date(2026, 3, 9)
    days = [start + timedelta(days=offset) for offset in range(-1, 4)]
    assert [find_allowance(plan, start, day) for day in days] == [10, 10, 20, 30, None]
    assert [find_warmup_day(start, day) for day in days] == [0, 1, 2, 3, 4]
    assert find_allowance(plan, None, start) is None
    assert find_allowance((), start, start) is None


def test_a_warm_up_starts_today_tells_what_is_used_and_stops(account: Account, alice_member: Member) -> None:
    relay = Transport.objects.add(account, name="New server")
    assert find_warmup(relay, now=NOW) is None
    start_warmup(relay, target_per_day=5_000, days=30, by=alice_member, now=NOW - timedelta(days=2))
    ThrottleBucket.objects.add(
        account, key=f"transport/{relay.pk}/day/2026-03-10", tokens=17.0, filled_at=NOW
    )
    relay.refresh_from_db()
    warmup = find_warmup(relay, now=NOW)
    assert warmup is not None
    assert (warmup.day, warmup.days, warmup.used, warmup.target) == (3, 30, 17, 5_000)
    assert warmup.allowance == relay.warmup_plan[2]
    assert stop_warmup(relay, by=alice_member)
    assert not stop_warmup(relay, by=alice_member)
    relay.refresh_from_db()
    assert find_warmup(relay, now=NOW) is None
    actions = AuditEntry.objects.for_account(account).values_list("action", flat=True)
    assert [action for action in actions if "warmup" in action] == [
        "transport.warmup_started",
        "transport.warmup_stopped",
    ]


def test_a_warm_up_out_of_bounds_changes_nothing(account: Account, alice_member: Member) -> None:
    relay = Transport.objects.add(account, name="New server")
    with pytest.raises(SenderError):
        start_warmup(relay, target_per_day=5_000, days=1, by=alice_member, now=NOW)
    relay.refresh_from_db()
    assert relay.warmup_started_on is None


def test_an_operator_limits_an_account(account: Account) -> None:
    limit_messages(account, per_hour=100, per_day=0, by=None)
    ThrottleBucket.objects.add(account, key="account/hour/2026-03-10T23", tokens=40.0, filled_at=NOW)
    account.refresh_from_db()
    use = find_account_use(account, now=NOW)
    assert (use.per_hour, use.per_day, use.this_hour, use.today) == (100, 0, 40, 0)
    entry = AuditEntry.objects.for_account(account).latest("id")
    assert (entry.action, entry.actor_kind) == ("account.limited", "system")
    with pytest.raises(ValueError, match="negative"):
        limit_messages(account, per_hour=-1, per_day=None, by=None)
