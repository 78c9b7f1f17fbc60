from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamail.conditions.days import (
    find_own_today,
    find_period,
    find_span,
    find_start,
    find_today,
    group_other_zones,
    list_anniversaries,
    list_known_zones,
    read_day,
    read_moment,
    write_moment,
)
from dynamail.conditions.tree import Period, RelativeDay

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
ZONES = st.sampled_from(sorted(list_known_zones()))
MOMENTS = st.timedeltas(-timedelta(days=30_000), timedelta(days=30_000)).map(lambda distance: NOON + distance)


@given(st.text(max_size=30))
def test_any_text_is_a_moment_that_is_written_the_same_or_none(text: str) -> None:
    moment = read_moment(text)
    if moment is not None:
        assert read_moment(write_moment(moment)) == moment


@pytest.mark.parametrize(
    "text",
    ["2026-02-29", "2026-1-1", "1799-12-31", "3000-01-01", "２０２６-01-01", "2026-01-01\n", "2026-01-01 "],
)
def test_what_is_no_day_of_the_calendar_is_not_read(text: str) -> None:
    assert read_day(text) is None


@given(st.dates(date(1800, 1, 1), date(2999, 12, 31)), ZONES)
def test_a_day_begins_where_the_one_before_ends(day: date, zone: str) -> None:
    start = find_start(day, zone)
    assert (start - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() < day
    assert find_span(day, today=day, zone=zone).start == start


@pytest.mark.parametrize(
    ("day", "zone", "start"),
    [
        (date(2026, 6, 15), "Europe/Minsk", datetime(2026, 6, 14, 21, tzinfo=UTC)),
        (date(2018, 11, 4), "America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),  # midnight is skipped
        (date(2020, 10, 25), "America/Havana", datetime(2020, 10, 25, 4, tzinfo=UTC)),
        (
            date(2011, 12, 31),
            "Pacific/Apia",
            datetime(2011, 12, 30, 10, tzinfo=UTC),
        ),  # after a day that was not
        (date(2026, 6, 15), "No/Such", datetime(2026, 6, 15, tzinfo=UTC)),
    ],
)
def test_the_beginning_of_a_day(day: date, zone: str, start: datetime) -> None:
    assert find_start(day, zone) == start


@settings(deadline=None, max_examples=50)  # the first one reads 600 zones
@given(MOMENTS, ZONES, ZONES)
def test_every_zone_is_either_in_the_accounts_day_or_listed_with_its_own(
    now: datetime, zone: str, own: str
) -> None:
    others = {name: day for day, names in group_other_zones(now, zone).items() for name in names}
    assert others.get(own, find_today(now, zone)) == find_own_today(now, own, zone)


def test_zones_may_be_two_days_apart() -> None:
    late = datetime(2026, 6, 15, 11, 30, tzinfo=UTC)
    assert find_today(late, "Etc/GMT+12") == date(2026, 6, 14)
    assert find_own_today(late, "Pacific/Kiritimati", "Etc/GMT+12") == date(2026, 6, 16)


def test_periods() -> None:
    last = find_period(Period(last_days=1), now=NOON, zone="Europe/Minsk")
    assert last.start == datetime(2026, 6, 14, 21, tzinfo=UTC)
    assert last.has(NOON)
    assert not last.has(NOON + timedelta(microseconds=1))
    fixed = find_period(Period(first_day=date(2026, 6, 1), last_day=date(2026, 6, 1)), now=NOON, zone="UTC")
    assert fixed.has(datetime(2026, 6, 1, 23, 59, tzinfo=UTC))
    assert not fixed.has(datetime(2026, 6, 2, tzinfo=UTC))
    assert find_period(Period(), now=NOON, zone="UTC").has(datetime(1, 1, 1, tzinfo=UTC))


def test_a_relative_day_spans_a_day_of_the_account() -> None:
    span = find_span(RelativeDay(-1), today=date(2026, 6, 15), zone="Europe/Minsk")
    assert span.has(datetime(2026, 6, 13, 21, tzinfo=UTC))
    assert not span.has(datetime(2026, 6, 14, 21, tzinfo=UTC))


def test_anniversaries_wrap_over_new_year() -> None:
    assert list_anniversaries(date(2026, 12, 30), 0, 3) == {"12-30", "12-31", "01-01", "01-02"}


def test_29_february_is_the_28th_in_years_without_it() -> None:
    assert list_anniversaries(date(2026, 2, 28), 0, 0) == {"02-28", "02-29"}
    assert list_anniversaries(date(2028, 2, 28), 0, 0) == {"02-28"}
    assert list_anniversaries(date(2028, 2, 29), 0, 0) == {"02-29"}


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_a_year_has_all_anniversaries(today: date) -> None:
    assert len(list_anniversaries(today, 0, 365)) == 366
