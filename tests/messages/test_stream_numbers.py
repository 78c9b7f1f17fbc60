from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from dynamail.accounts.models import Account
from dynamail.events.models import RollupHour
from dynamail.messages import stream_numbers
from dynamail.messages.models import FrozenContent
from dynamail.messages.stream_numbers import DayNumbers, count_last_day
from dynamail.senders.streams import list_streams

NOW = datetime(2026, 11, 23, 10, 20, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def count(account: Account, source_id: UUID, *, hours_ago: int = 0, **kinds: int) -> None:
    for kind, number in kinds.items():
        hour = NOW.replace(minute=0) - timedelta(hours=hours_ago)
        RollupHour.objects.add(account, source_id=source_id, kind=kind, hour=hour, n=number)


def launch(account: Account, *, days_ago: int = 0) -> UUID:
    at = NOW - timedelta(days=days_ago, minutes=5)
    row = FrozenContent.objects.add(account, id=uuid4(), created_at=at, kind="text", source={}, sender={})
    uid: UUID = row.id
    return uid


def numbers(account: Account) -> dict[str, DayNumbers]:
    streams = list_streams(account.pk)
    found = count_last_day(account.pk, streams, now=NOW)
    return {stream.key: found[stream.uid] for stream in streams}


def test_a_stream_counts_its_single_mail_of_the_last_day(account: Account) -> None:
    stream = next(one for one in list_streams(account.pk) if one.key == "transactional")
    count(account, stream.uid, delivered=5, bounced=1)
    count(account, stream.uid, hours_ago=23, delivered=2)
    count(account, stream.uid, hours_ago=26, delivered=100)
    assert numbers(account)["transactional"] == DayNumbers(delivered=7, bounced=1)
    assert numbers(account)["marketing"].is_empty


def test_campaigns_are_mail_of_the_stream_for_marketing(account: Account, other_account: Account) -> None:
    stream = next(one for one in list_streams(account.pk) if one.key == "marketing")
    count(account, stream.uid, delivered=1)
    count(account, launch(account), delivered=418, bounced=2, machine_opened=9)
    count(account, launch(account, days_ago=3), opened=7)
    count(account, launch(account, days_ago=40), opened=1)
    count(other_account, launch(other_account), delivered=3)
    assert numbers(account)["marketing"] == DayNumbers(delivered=419, bounced=2, opened=7)
    assert numbers(account)["transactional"].is_empty


def test_the_number_of_campaigns_that_are_looked_at_is_bounded(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_numbers, "MOST_CAMPAIGNS", 2)
    for days_ago in (3, 2, 1):
        count(account, launch(account, days_ago=days_ago), opened=days_ago)
    assert numbers(account)["marketing"] == DayNumbers(opened=3)
