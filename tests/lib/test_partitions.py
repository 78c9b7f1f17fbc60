from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from dynamail.accounts.models import Account
from dynamail.events.models import Activity, CustomEvent, CustomEventKey, Event
from dynamail.events.own import forget_keys
from dynamail.lib.ids import new_id
from dynamail.lib.partitions import drop_old_partitions, ensure_partitions, find_oldest_moment

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def list_partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'event'::regclass")
        return {name for (name,) in cursor.fetchall()}


def test_a_row_of_every_month_around_now_finds_its_partition(account: Account) -> None:
    with connection.cursor() as cursor:
        ensure_partitions(cursor, now=NOW)
        assert ensure_partitions(cursor, now=NOW) == [], "the second time there is nothing to do"
    for months in range(-2, 4):
        at = NOW + timedelta(days=30 * months)
        Event.objects.add(account, id=new_id(at), at=at, kind="contact.created")


@pytest.mark.promise("P6.1")
def test_months_past_their_retention_are_dropped_and_younger_ones_stay(db: None) -> None:
    with connection.cursor() as cursor:
        ensure_partitions(cursor, now=NOW - timedelta(days=500))
        ensure_partitions(cursor, now=NOW)
        assert "event_2025_07" in list_partitions()
        drop_old_partitions(cursor, now=NOW)
    left = list_partitions()
    assert not any(name.startswith(("event_2025_0", "message_2025_0")) for name in left)
    assert {"event_2025_10", "event_2026_11"} <= left


def test_every_schedule_names_a_task_that_exists() -> None:
    from procrastinate.contrib.django import app

    from dynamail.schedules import SCHEDULES

    assert {name for _cron, name in SCHEDULES} <= set(app.tasks)


@pytest.mark.promise("P6.1")
def test_acts_and_own_events_of_the_past_have_a_place_until_retention_takes_it(account: Account) -> None:
    """Three years, a week at a time, as the daily task runs through them."""
    with connection.cursor() as cursor:
        for week in range(160):
            now = NOW + timedelta(days=7 * week, hours=week % 24)
            ensure_partitions(cursor, now=now)
            drop_old_partitions(cursor, now=now)
            for at in (find_oldest_moment(now), now, now + timedelta(hours=1)):
                contact = new_id(at)
                CustomEvent.objects.add(account, id=new_id(at), name_id=1, contact_id=contact, at=at)
                Activity.objects.add(account, kind="opened", at=at, contact_id=contact, source_id=contact)
            cursor.execute("SELECT min(at) FROM custom_event UNION SELECT min(at) FROM activity")
            oldest = min(at for (at,) in cursor.fetchall())
            # Whole months are dropped: a row stays until the last day of its month has passed its time.
            assert now - oldest < timedelta(days=396 + 31)


def test_ids_of_senders_are_forgotten_with_their_events(account: Account) -> None:
    for days in (396, 397, 500):
        at = NOW - timedelta(days=days)
        CustomEventKey.objects.add(account, key=new_id(at), event_id=new_id(at), at=at)
    assert forget_keys(now=NOW) == 2
    assert [NOW - row.at for row in CustomEventKey.objects.for_account(account)] == [timedelta(days=396)]
