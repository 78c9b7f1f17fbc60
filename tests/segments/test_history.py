from __future__ import annotations

from datetime import date, timedelta

import pytest

from dynamail.accounts.models import Account
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.editing import Profile, add_contact, change_contact, delete_contact
from dynamail.segments import recounting
from dynamail.segments.counting import TooCostly
from dynamail.segments.history import list_changes, list_days
from dynamail.segments.membership import refresh_whole
from dynamail.segments.recounting import recount_segment
from dynamail.segments.saving import change_segment
from tests.support.people import make_contact
from tests.support.personas import NOW
from tests.support.segments import EVERYBODY, LogReader, in_city, make_segment

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def city(account: Account) -> None:
    create_attribute(account.pk, label="City", key="city", by=None, now=NOW)


def add_person(account: Account, number: int, city: str = "Minsk", *, days: int = 0) -> None:
    profile = Profile(f"p{number}@mail.example", attributes={1: city})
    add_contact(account.pk, profile, by=None, now=NOW + days * DAY)


def test_each_day_ends_with_the_size_it_had(account: Account) -> None:
    reader = LogReader(account)
    segment = make_segment(account)
    for day, people in ((0, 2), (1, 1), (3, 4)):
        for number in range(people):
            add_person(account, day * 10 + number, days=day)
            reader.follow(now=NOW + day * DAY)
    rows = list_days(segment, 10)
    assert [(row.day, row.size, row.joined) for row in rows] == [
        (date(2026, 11, 23), 2, 2),
        (date(2026, 11, 24), 3, 1),
        (date(2026, 11, 26), 7, 4),
    ]
    assert [row.size for row in list_days(segment, 2)] == [3, 7]
    refresh_whole(account.pk, segment.pk, now=NOW + 4 * DAY)  # a day on which nothing happened
    assert list_days(segment)[-1].size == 7
    assert list_days(segment)[-1].joined == 0


def test_days_are_those_of_the_account(account: Account) -> None:
    account.timezone = "Pacific/Auckland"
    account.save(update_fields=["timezone"])
    make_contact(account, attributes={"1": "Minsk"})
    segment = make_segment(account)
    late = NOW.replace(hour=11, minute=30)  # 0:30 of the next day there
    refresh_whole(account.pk, segment.pk, now=late)
    assert [row.day for row in list_days(segment)] == [date(2026, 11, 23), date(2026, 11, 24)]


def test_a_new_definition_is_a_step_without_joining(account: Account) -> None:
    for number in range(3):
        add_person(account, number, "Brest")
    segment = make_segment(account)
    change_segment(segment, definition=in_city("Brest"), by=None, now=NOW)
    refresh_whole(account.pk, segment.pk, now=NOW + DAY)
    assert [(row.size, row.joined, row.departed) for row in list_days(segment)] == [(0, 0, 0), (3, 0, 0)]


def test_who_joined_and_left_is_listed_by_pages(account: Account) -> None:
    reader = LogReader(account)
    segment = make_segment(account)
    people = []
    for number in range(5):
        profile = Profile(f"p{number}@mail.example", attributes={1: "Minsk"})
        people.append(add_contact(account.pk, profile, by=None, now=NOW))
        reader.follow(now=NOW + timedelta(seconds=number))
    change_contact(people[0], Profile(people[0].email, attributes={1: None}), by=None, now=NOW)
    reader.follow(now=NOW + timedelta(minutes=1))
    first = list_changes(segment, limit=4)
    assert [change.entered for change in first] == [False, True, True, True]
    assert first[0].contact == people[0]
    rest = list_changes(segment, before=first[-1].event_id)
    assert [change.contact_id for change in rest] == [people[1].id, people[0].id]
    assert [change.contact_id for change in list_changes(segment, entered=False)] == [people[0].id]
    assert len(list_changes(segment, entered=True)) == 5
    delete_contact(people[4], by=None, now=NOW)
    gone = next(change for change in list_changes(segment) if change.contact_id == people[4].id)
    assert gone.contact is None


# ── Counting ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_segment_without_members_is_counted_and_its_day_written(account: Account) -> None:
    make_contact(account)
    segment = make_segment(account, "All", EVERYBODY, keeps_members=False)
    counted = recount_segment(account.pk, segment.pk, now=NOW + DAY)
    assert counted is not None
    assert (counted.size, counted.counted_at, counted.problem) == (1, NOW + DAY, "")
    assert counted.count_ms is not None
    assert [row.size for row in list_days(segment)] == [1]
    assert recount_segment(account.pk, segment.pk + 1, now=NOW) is None


def test_a_count_that_costs_too_much_is_kept_as_a_problem(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_values: object) -> None:
        raise TooCostly("Most of the time goes into “clicked”.", "Seq Scan")

    segment = make_segment(account, "All", EVERYBODY, keeps_members=False)
    monkeypatch.setattr(recounting, "count_exactly", refuse)
    counted = recount_segment(account.pk, segment.pk, now=NOW)
    assert counted is not None
    assert "clicked" in counted.problem
    monkeypatch.undo()
    recovered = recount_segment(account.pk, segment.pk, now=NOW)
    assert recovered is not None
    assert recovered.problem == ""
