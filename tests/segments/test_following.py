"""The logs as they are: other transactions, other sessions, and ends in the middle."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction

from dynamail.accounts.models import Account
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.editing import Profile, add_contact
from dynamail.contacts.models import Contact
from dynamail.events.models import EventCursor
from dynamail.segments import membership, settling
from dynamail.segments.following import follow_logs, has_news
from dynamail.segments.membership import begin_following, list_due, refresh_touched
from dynamail.segments.models import Segment
from dynamail.segments.saving import archive_segment
from tests.support.personas import NOW
from tests.support.segments import add_own_event, list_members, list_told, make_segment

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_SECONDS = 180
LATER = NOW + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def empty_logs(transactional_db: None) -> Iterator[None]:
    """The logs are no managed tables: the flush between tests leaves them alone."""
    empty()
    yield
    empty()


def empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE event, custom_event")


@pytest.fixture
def segment(account: Account) -> Segment:
    create_attribute(account.pk, label="City", key="city", by=None, now=NOW)
    segment = make_segment(account)
    begin_following(now=NOW)
    return segment


def add_person(account: Account, number: int) -> Contact:
    profile = Profile(f"p{number}@mail.example", attributes={1: "Minsk"})
    return add_contact(account.pk, profile, by=None, now=NOW)


def settle() -> None:
    """Wait until what was committed can be read: transactions of other tests on this server hold the horizon back."""
    wait_for("SELECT coalesce(max(tx), '0'::xid8) < pg_snapshot_xmin(pg_current_snapshot()) FROM event")
    wait_for(
        "SELECT coalesce(max(tx), '0'::xid8) < pg_snapshot_xmin(pg_current_snapshot()) FROM custom_event"
    )


def wait_for(question: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(question)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.05)
    raise AssertionError(f"never true: {question}")


def other_session() -> Any:
    parameters = connection.get_connection_params()
    kept = {
        key: parameters[key] for key in ("dbname", "user", "password", "host", "port") if parameters.get(key)
    }
    return closing(psycopg.connect(**kept))


def in_a_thread(executor: ThreadPoolExecutor) -> Any:
    def run() -> Any:
        try:
            return refresh_touched(now=LATER)
        finally:
            connections["default"].close()

    return executor.submit(run)


def test_the_logs_are_read_once(account: Account, segment: Segment) -> None:
    people = [add_person(account, number) for number in range(3)]
    add_own_event(people[0], "order.placed")
    settle()
    assert has_news()
    assert refresh_touched(now=LATER, limit=2).joined == 2
    assert refresh_touched(now=LATER, limit=2).joined == 1
    settle()
    while has_news():  # what it wrote itself
        assert refresh_touched(now=LATER).looked_at == 0
        settle()
    assert sorted(list_told(segment)) == sorted(("entered", person.id) for person in people)


def test_what_is_rolled_back_is_done_again(
    account: Account, segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = add_person(account, 1)
    settle()
    with suppress(ZeroDivisionError), transaction.atomic():
        assert refresh_touched(now=LATER).joined == 1
        1 / 0
    assert list_told(segment) == []
    assert list_members(segment) == set()
    assert refresh_touched(now=LATER).joined == 1
    assert list_told(segment) == [("entered", person.id)]


def test_a_run_that_is_killed_loses_and_doubles_nothing(account: Account, segment: Segment) -> None:
    people = [add_person(account, number) for number in range(3)]
    settle()
    with other_session() as session, ThreadPoolExecutor(1) as executor:
        session.execute("SELECT FROM segment_day FOR UPDATE")  # the last thing that a run writes to
        run = in_a_thread(executor)
        wait_for(
            "SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND query LIKE '%segment_day%' AND datname = current_database()"
        )
        with pytest.raises(DatabaseError):
            run.result(PATIENCE_SECONDS)
        session.rollback()
    assert list_told(segment) == []
    settle()
    assert refresh_touched(now=LATER).joined == 3
    assert sorted(list_told(segment)) == sorted(("entered", person.id) for person in people)


def test_two_runs_at_once_take_turns(account: Account, segment: Segment) -> None:
    people = [add_person(account, number) for number in range(20)]
    settle()
    with ThreadPoolExecutor(2) as executor:
        runs = [in_a_thread(executor), in_a_thread(executor)]
        tallies = [run.result(PATIENCE_SECONDS) for run in runs]
    assert sum(tally.joined for tally in tallies) == 20
    assert sorted(list_told(segment)) == sorted(("entered", person.id) for person in people)


def test_a_whole_refresh_and_a_follower_take_turns(
    account: Account, segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both see the same person missing; one of them writes and tells."""
    person = add_person(account, 1)
    settle()
    found = list(membership._find_difference(segment, LATER))
    assert refresh_touched(now=LATER).joined == 1
    monkeypatch.setattr(membership, "_find_difference", lambda _segment, _now: iter(found))
    assert membership.refresh_whole(account.pk, segment.pk, now=LATER).joined == 0
    assert list_told(segment) == [("entered", person.id)]


def test_a_turn_follows_while_there_is_something_to_follow(account: Account, segment: Segment) -> None:
    add_person(account, 1)
    settle()
    tally = follow_logs(for_seconds=0.0)
    assert tally is not None
    assert tally.joined == 1
    archive_segment(segment, by=None, now=NOW)
    assert follow_logs(for_seconds=0.0) is None
    assert not EventCursor.objects.filter(name__startswith="segments").exists()


def test_two_turns_are_not_taken_at_once(account: Account, segment: Segment) -> None:
    with other_session() as session:
        session.execute("SELECT pg_advisory_lock(7301003)")
        assert follow_logs(for_seconds=0.0) is None
    wait_for("SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7301003)")
    assert follow_logs(for_seconds=0.0) is not None


def test_a_reader_that_begins_has_everybody_looked_at(account: Account, segment: Segment) -> None:
    assert not begin_following(now=LATER)
    EventCursor.objects.all().delete()
    add_person(account, 1)
    settle()
    assert begin_following(now=LATER)
    assert not has_news()
    assert list_due(now=LATER) == [(account.pk, segment.pk)]


def test_without_readers_nothing_is_read(account: Account, segment: Segment) -> None:
    """New ones would read the logs from their beginning."""
    add_person(account, 1)
    settle()
    EventCursor.objects.filter(name="segments.own").delete()
    assert refresh_touched(now=LATER).events == 0
    assert not EventCursor.objects.filter(name="segments.own").exists()
    assert begin_following(now=LATER)


def test_readers_are_not_taken_from_under_a_turn(account: Account, segment: Segment) -> None:
    archive_segment(segment, by=None, now=NOW)
    with other_session() as session:
        session.execute("SELECT pg_advisory_lock(7301003)")
        assert follow_logs(for_seconds=0.0) is None
        assert EventCursor.objects.filter(name__startswith="segments").count() == 2
    wait_for("SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7301003)")
    assert follow_logs(for_seconds=0.0) is None
    assert not EventCursor.objects.filter(name__startswith="segments").exists()


def test_few_events_are_read_at_once_where_a_step_is_long() -> None:
    from dynamail.segments import following

    assert following._adapt(2_000, 4.0) == 500
    assert following._adapt(500, 0.1) == 2_000
    assert following._adapt(60, 100.0) == following.FEWEST_AT_ONCE
    assert settling.BLOCK_SECONDS > following.STEP_SECONDS
