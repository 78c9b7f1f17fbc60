from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from dynamail.accounts.models import Account
from dynamail.events.models import Event
from dynamail.lib.ids import new_id
from dynamail.lib.partitions import drop_old_partitions, ensure_partitions

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
