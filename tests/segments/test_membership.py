from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from dynamail.accounts.models import Account, User
from dynamail.consent.suppressing import lift_suppression, suppress_address
from dynamail.contacts.bulk import Act, BulkAct, apply_act
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.editing import Profile, add_contact, change_contact, delete_contact
from dynamail.contacts.merging import merge_contacts
from dynamail.contacts.models import Contact, ContactState
from dynamail.contacts.tags import create_tag, delete_tag
from dynamail.events.kinds import EventKind
from dynamail.events.log import record_event
from dynamail.lib.ids import new_id
from dynamail.lib.sql import SqlFragment
from dynamail.segments import membership, settling
from dynamail.segments.membership import list_due, list_segments_of, refresh_whole
from dynamail.segments.models import Segment, SegmentDay, SegmentMember
from dynamail.segments.rechecking import queue_recheck
from dynamail.segments.recounting import recount_segment
from dynamail.segments.saving import archive_segment, change_segment, restore_segment
from tests.support.people import make_contact
from tests.support.personas import NOW
from tests.support.segments import (
    EVERYBODY,
    LogReader,
    add_own_event,
    in_city,
    lacks,
    list_members,
    list_told,
    make_segment,
    within,
)

pytestmark = pytest.mark.django_db
ANN, BEA = "ann@mail.example", "bea@mail.example"
LATER = NOW + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def city(account: Account) -> None:
    create_attribute(account.pk, label="City", key="city", by=None, now=NOW)


@pytest.fixture
def ann(account: Account) -> Contact:
    return make_contact(account, ANN, attributes={"1": "Minsk"})


@pytest.fixture
def bea(account: Account) -> Contact:
    return make_contact(account, BEA, attributes={"1": "Brest"})


@pytest.fixture
def reader(account: Account) -> LogReader:
    return LogReader(account)


def move(contact: Contact, city: str | None, *, now: datetime = LATER) -> None:
    contact.refresh_from_db()
    change_contact(contact, Profile(contact.email, attributes={1: city}), by=None, now=now)


def tag_one(contact: Contact, tag_id: int) -> None:
    apply_act(contact.account_id, [contact.id], BulkAct(Act.ADD_TAG, tag_id), by=None, now=LATER)


# ── Facts about one contact ──────────────────────────────────────────────────────────────────────────────────────────
def test_the_first_members_are_no_event(account: Account, ann: Contact, bea: Contact) -> None:
    segment = make_segment(account)
    assert list_members(segment) == {ANN}
    assert (segment.size, segment.members_version, segment.problem) == (1, 1, "")
    assert list_told(segment) == []


def test_who_joins_and_leaves_is_told_once(
    account: Account, ann: Contact, bea: Contact, reader: LogReader
) -> None:
    segment = make_segment(account)
    move(bea, "Minsk")
    move(ann, "Brest")
    reader.follow(now=LATER)
    assert list_members(segment) == {BEA}
    assert sorted(list_told(segment)) == sorted([("entered", bea.id), ("left", ann.id)])
    assert reader.follow(now=LATER).looked_at == 0  # its own events touch nobody
    assert len(list_told(segment)) == 2
    segment.refresh_from_db()
    assert segment.size == 1


def test_a_new_contact_joins(account: Account, reader: LogReader) -> None:
    segment = make_segment(account)
    added = add_contact(account.pk, Profile(ANN, attributes={1: "Minsk"}), by=None, now=LATER)
    reader.follow(now=LATER)
    assert list_told(segment) == [("entered", added.id)]


def test_only_what_depends_on_an_event_is_looked_at(
    account: Account, ann: Contact, reader: LogReader
) -> None:
    tag = create_tag(account.pk, "vip", by=None, now=NOW)
    make_segment(account, "City")
    tagged = make_segment(account, "Tagged", {"kind": "tag", "op": "has_any", "tags": [tag.public_id]})
    record_event(account.pk, EventKind.MESSAGE_CLICKED, contact_id=ann.id, now=LATER)
    assert reader.follow(now=LATER).looked_at == 0
    tag_one(ann, tag.pk)
    assert reader.follow(now=LATER).looked_at == 1
    assert list_members(tagged) == {ANN}


def test_own_events_are_followed(account: Account, ann: Contact, reader: LogReader) -> None:
    add_own_event(ann, "order.seen")
    add_own_event(ann, "order.placed", total=5)
    wanted = {
        "kind": "event",
        "event": "order.placed",
        "measures": [{"measure": "sum", "property": "total", "op": "more", "value": 100}],
    }
    segment = make_segment(account, "Big", wanted)
    reader.skip()
    add_own_event(ann, "order.seen", total=500)
    assert reader.follow(now=LATER).looked_at == 0
    add_own_event(ann, "order.placed", total=100)
    reader.follow(now=LATER)
    assert list_told(segment) == [("entered", ann.id)]


BOUGHT_LATELY = {
    "kind": "event",
    "event": "order.placed",
    "measures": [{"measure": "count", "op": "at_least", "value": 1}],
    "period": {"last_days": 30},
}


def test_an_event_that_is_written_while_the_log_is_read_counts_at_once(
    account: Account, ann: Contact, bea: Contact, reader: LogReader
) -> None:
    add_own_event(bea, "order.placed")
    segment = make_segment(account, "Buyers", BOUGHT_LATELY)
    reader.skip()
    add_own_event(ann, "order.placed", at=LATER + timedelta(milliseconds=5))
    reader.follow(now=LATER)
    assert list_told(segment) == [("entered", ann.id)]


def test_an_event_of_a_clock_that_is_ahead_counts_when_its_time_has_come(
    account: Account, ann: Contact, bea: Contact, reader: LogReader
) -> None:
    add_own_event(bea, "order.placed")
    segment = make_segment(account, "Buyers", BOUGHT_LATELY)
    make_segment(account, "City")
    reader.skip()
    moment = LATER + timedelta(minutes=3)
    add_own_event(ann, "order.placed", at=moment)
    reader.follow(now=LATER)
    assert list_told(segment) == []
    refresh_whole(account.pk, segment.pk, now=LATER)  # one in between does not put it off
    assert list_due(now=moment - timedelta(seconds=1)) == []
    assert list_due(now=moment) == [(account.pk, segment.pk)]
    refresh_whole(account.pk, segment.pk, now=moment)
    assert list_told(segment) == [("entered", ann.id)]


def test_a_segment_follows_what_is_in_it(account: Account, ann: Contact, reader: LogReader) -> None:
    inner = make_segment(account, "Inner")
    outer = make_segment(account, "Outer", within(inner, negated=True))
    assert list_members(outer) == set()
    move(ann, "Brest")
    reader.follow(now=LATER)
    assert list_told(outer) == [("entered", ann.id)]
    assert list_told(inner) == [("left", ann.id)]


@pytest.mark.promise("P8.3")
def test_restricted_people_are_in_no_segment(account: Account, ann: Contact, reader: LogReader) -> None:
    segment = make_segment(account)
    nobody = make_segment(account, "Not in Minsk", {"not": in_city("Minsk")})
    Contact.objects.for_account(account).filter(id=ann.id).update(state=ContactState.RESTRICTED)
    record_event(
        account.pk, EventKind.CONTACT_UPDATED, contact_id=ann.id, data={"fields": ["state"]}, now=LATER
    )
    reader.follow(now=LATER)
    assert list_members(segment) == list_members(nobody) == set()
    bea = make_contact(account, BEA, attributes={"1": "Minsk"}, state=ContactState.RESTRICTED)
    record_event(account.pk, EventKind.CONTACT_CREATED, contact_id=bea.id, now=LATER)
    reader.follow(now=LATER)
    refresh_whole(account.pk, segment.pk, now=LATER)
    assert list_members(segment) == set()
    assert bea.id not in {contact_id for _act, contact_id in list_told(segment)}
    assert list_segments_of(account.pk, bea.id, now=LATER) == []


def test_who_is_gone_leaves_without_a_word(account: Account, ann: Contact, reader: LogReader) -> None:
    segment = make_segment(account)
    delete_contact(ann, by=None, now=LATER)
    refresh_whole(account.pk, segment.pk, now=LATER)
    assert not SegmentMember.objects.for_account(account).exists()
    assert list_told(segment) == []
    segment.refresh_from_db()
    assert segment.size == 0


def test_who_is_deleted_leaves_by_the_next_reading(
    account: Account, ann: Contact, bea: Contact, reader: LogReader
) -> None:
    segment = make_segment(account)
    outside = make_segment(account, "Not in Minsk", {"not": in_city("Minsk")})
    delete_contact(ann, by=None, now=LATER)
    reader.follow(now=LATER)
    assert list_members(segment) == set()
    assert not SegmentMember.objects.for_account(account).filter(contact_id=ann.id).exists()
    assert list_told(segment) == list_told(outside) == []
    segment.refresh_from_db()
    assert (segment.size, segment.problem) == (0, "")
    assert reader.follow(now=LATER).looked_at == 0


def test_who_was_merged_into_another_leaves_with_the_old_contact(
    account: Account, ann: Contact, bea: Contact, reader: LogReader
) -> None:
    segment = make_segment(account)
    merge_contacts(account.pk, kept_id=bea.id, gone_id=ann.id, by=None, now=LATER)
    reader.follow(now=LATER)
    assert SegmentMember.objects.for_account(account).filter(contact_id=ann.id).count() == 0
    segment.refresh_from_db()
    assert segment.size == SegmentMember.objects.for_account(account).count()


@pytest.mark.promise("P5.2")
def test_another_accounts_events_touch_nobody_here(
    account: Account, other_account: Account, ann: Contact, reader: LogReader
) -> None:
    create_attribute(other_account.pk, label="City", key="city", by=None, now=NOW)
    theirs = make_segment(other_account)
    move(ann, "Minsk 2")
    move(ann, "Minsk")
    reader.follow(now=LATER)
    assert list_members(theirs) == set()


# ── What no event tells ──────────────────────────────────────────────────────────────────────────────────────────────
def test_an_import_has_everybody_looked_at(account: Account, ann: Contact, reader: LogReader) -> None:
    segment = make_segment(account)
    assert list_due(now=LATER) == []
    make_contact(account, BEA, attributes={"1": "Minsk"})
    record_event(
        account.pk, EventKind.CONTACTS_IMPORTED, source_kind="import", source_id=new_id(NOW), now=LATER
    )
    assert reader.follow(now=LATER).looked_at == 0
    assert list_due(now=LATER) == [(account.pk, segment.pk)]
    tally = refresh_whole(account.pk, segment.pk, now=LATER)
    assert (tally.looked_at, tally.joined) == (1, 1)  # who was in it already is not touched
    assert [act for act, _contact in list_told(segment)] == ["entered"]


def test_time_has_everybody_looked_at_each_hour(account: Account) -> None:
    recent = {"kind": "field", "field": "created", "op": "after", "value": {"days": -2}}
    make_contact(account, ANN)
    by_time, by_name = make_segment(account, "New", recent), make_segment(account, "All", EVERYBODY)
    assert by_time.next_refresh_at is not None
    assert by_name.next_refresh_at is not None
    assert by_time.next_refresh_at - NOW < timedelta(hours=1, minutes=11)
    assert by_name.next_refresh_at - NOW > timedelta(hours=22)
    outer = make_segment(account, "Outer", within(by_time))
    assert outer.next_refresh_at - NOW < timedelta(hours=1, minutes=11)
    tally = refresh_whole(account.pk, by_time.pk, now=NOW + timedelta(days=5))
    assert tally.departed == 1
    assert [act for act, _contact in list_told(by_time)] == ["left"]


def test_a_suppression_that_ended_is_found_by_the_hour(
    account: Account, ann: Contact, reader: LogReader
) -> None:
    segment = make_segment(account, "Mailable", {"kind": "standing", "standing": "mailable"})
    suppress_address(account.pk, ANN, reason="manual", now=LATER)
    reader.follow(now=LATER)
    assert list_members(segment) == set()
    lift_suppression(account.pk, ANN, now=LATER)
    assert segment.next_refresh_at - NOW < timedelta(hours=1, minutes=11)
    refresh_whole(account.pk, segment.pk, now=LATER)
    assert [act for act, _contact in list_told(segment)] == ["left", "entered"]


def test_a_finished_campaign_has_those_looked_at_who_ask_for_mail(
    account: Account, reader: LogReader
) -> None:
    mailed = make_segment(account, "Mailed", {"kind": "activity", "act": "sent"})
    make_segment(account, "City")
    record_event(account.pk, EventKind.CAMPAIGN_FINISHED, source_id=new_id(NOW), now=LATER)
    reader.follow(now=LATER)
    assert list_due(now=LATER) == [(account.pk, mailed.pk)]


# ── New definitions ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_new_definition_moves_people_without_a_word(account: Account, ann: Contact, bea: Contact) -> None:
    segment = make_segment(account)
    changed = change_segment(segment, definition=in_city("Brest"), by=None, now=LATER)
    tally = refresh_whole(account.pk, segment.pk, now=LATER)
    assert (tally.joined, tally.departed) == (1, 1)
    assert list_members(segment) == {BEA}
    assert list_told(segment) == []
    changed.refresh_from_db()
    assert changed.members_version == changed.version


def test_while_a_definition_is_new_only_new_people_are_told_of(
    account: Account, ann: Contact, bea: Contact, reader: LogReader
) -> None:
    segment = make_segment(account)
    change_segment(segment, definition=in_city("Brest"), by=None, now=LATER)
    move(bea, "Minsk")
    move(bea, "Brest")
    cora = add_contact(account.pk, Profile("cora@mail.example", attributes={1: "Brest"}), by=None, now=LATER)
    reader.follow(now=LATER)
    assert list_told(segment) == [("entered", cora.id)]
    refresh_whole(account.pk, segment.pk, now=LATER)
    assert list_members(segment) == {BEA, "cora@mail.example"}
    assert len(list_told(segment)) == 1


def test_a_refresh_stops_when_the_question_changes(
    account: Account, ann: Contact, bea: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = make_segment(account, built=False)
    found = list(membership._find_difference(segment, NOW))
    change_segment(segment, definition=in_city("Brest"), by=None, now=LATER)
    monkeypatch.setattr(membership, "_find_difference", lambda _segment, _now: iter(found))
    tally = membership._refresh_whole(segment, LATER)
    assert tally.looked_at == 0
    assert list_members(segment) == set()


def test_an_old_difference_is_asked_again(
    account: Account, ann: Contact, reader: LogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = make_segment(account, built=False)
    found = list(membership._find_difference(segment, NOW))
    move(ann, "Brest")
    monkeypatch.setattr(membership, "_find_difference", lambda _segment, _now: iter(found))
    assert refresh_whole(account.pk, segment.pk, now=LATER).joined == 0


def test_a_segment_that_no_longer_keeps_members_forgets_them(account: Account, ann: Contact) -> None:
    segment = make_segment(account)
    change_segment(segment, keeps_members=False, by=None, now=LATER)
    refresh_whole(account.pk, segment.pk, now=LATER)
    assert not SegmentMember.objects.for_account(account).exists()


@pytest.mark.parametrize("archived", [True, False])
def test_members_found_anew_are_not_forgotten_by_a_run_that_began_before(
    account: Account, monkeypatch: pytest.MonkeyPatch, archived: bool
) -> None:
    for number in range(5):
        make_contact(account, f"p{number}@mail.example")
    segment = make_segment(account, "All", EVERYBODY)
    if archived:
        archive_segment(segment, by=None, now=LATER)
    else:
        change_segment(segment, keeps_members=False, by=None, now=LATER)

    def keep_again() -> None:
        segment.refresh_from_db()
        if archived:
            restore_segment(segment, by=None, now=LATER)
        else:
            change_segment(segment, keeps_members=True, by=None, now=LATER)
        assert refresh_whole(account.pk, segment.pk, now=LATER).joined == 2

    between_two_blocks(monkeypatch, keep_again)
    refresh_whole(account.pk, segment.pk, now=LATER)
    assert len(list_members(segment)) == 5
    assert refresh_whole(account.pk, segment.pk, now=LATER + timedelta(days=1)).looked_at == 0
    assert list_told(segment) == []


def between_two_blocks(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """What another process does after the first two members were forgotten."""
    monkeypatch.setattr(membership, "BLOCK", 2)
    real, opened = membership.account_scope, []

    def open_scope(account_id: int) -> Any:
        opened.append(account_id)
        if len(opened) == 2:
            act()
        return real(account_id)

    monkeypatch.setattr(membership, "account_scope", open_scope)


def test_of_one_segment_no_two_refreshes_run_at_once(account: Account, alice: User) -> None:
    segment = make_segment(account, built=False)
    queue_recheck(segment, by=alice)
    named = ProcrastinateJob.objects.filter(args__segment_id=segment.pk).exclude(task_name="segments.count")
    assert set(named.values_list("task_name", "lock")) == {
        ("segments.refresh", f"segments.refresh.{segment.pk}"),
        ("segments.recheck", f"segments.refresh.{segment.pk}"),
    }


# ── Trouble ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_one_segment_that_cannot_be_asked_holds_up_no_other(
    account: Account, bea: Contact, reader: LogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = make_segment(account, "Broken")
    fine = make_segment(account, "Fine")
    real = membership.settle

    def settle(segment: Segment, *arguments: Any, **values: Any) -> Any:
        if segment.pk == broken.pk:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return real(segment, *arguments, **values)

    monkeypatch.setattr(membership, "settle", settle)
    move(bea, "Minsk")
    reader.follow(now=LATER)
    assert list_told(fine) == [("entered", bea.id)]
    broken.refresh_from_db()
    assert "could not answer" in broken.problem
    assert "division" not in broken.problem
    assert broken.next_refresh_at == LATER + timedelta(hours=1)
    monkeypatch.undo()
    refresh_whole(account.pk, broken.pk, now=LATER)
    broken.refresh_from_db()
    assert (broken.problem, list_members(broken)) == ("", {BEA})


def test_a_definition_that_cannot_be_read_says_so(account: Account, ann: Contact) -> None:
    segment = make_segment(account)
    Segment.objects.for_account(account).filter(pk=segment.pk).update(definition={"kind": "moon"})
    refresh_whole(account.pk, segment.pk, now=LATER)
    segment.refresh_from_db()
    assert "cannot be read" in segment.problem
    assert list_segments_of(account.pk, ann.id, now=LATER) == []


def test_a_segment_that_asks_for_a_deleted_tag_keeps_its_members(
    account: Account, ann: Contact, bea: Contact, reader: LogReader
) -> None:
    tag = create_tag(account.pk, "vip", by=None, now=NOW)
    tag_one(ann, tag.pk)
    inner = make_segment(account, "Not vip", lacks(tag))
    outer = make_segment(account, "Not vip either", within(inner))
    reader.skip()
    delete_tag(tag, by=None, now=LATER)
    move(ann, "Grodno")
    cora = add_contact(account.pk, Profile("cora@mail.example"), by=None, now=LATER)
    reader.follow(now=LATER)
    for segment in (inner, outer):
        refresh_whole(account.pk, segment.pk, now=LATER)
        recount_segment(account.pk, segment.pk, now=LATER)
        segment.refresh_from_db()
        assert list_members(segment) == {BEA}
        assert list_told(segment) == []
        assert segment.size == 1
        assert segment.problem
        assert segment.next_refresh_at is not None
        assert LATER < segment.next_refresh_at <= LATER + timedelta(hours=1)
    assert list_segments_of(account.pk, cora.id, now=LATER) == []
    change_segment(inner, definition=in_city("Grodno"), by=None, now=LATER)
    for segment in (inner, outer):
        refresh_whole(account.pk, segment.pk, now=LATER)
        segment.refresh_from_db()
        assert (segment.problem, list_members(segment)) == ("", {ANN})


# ── One contact ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_segments_of_a_contact_are_those_of_this_moment(
    account: Account, ann: Contact, bea: Contact
) -> None:
    minsk = make_segment(account, "Minsk")
    make_segment(account, "Brest", in_city("Brest"))
    everybody = make_segment(account, "All 100 %", EVERYBODY, keeps_members=False)
    assert list_segments_of(account.pk, ann.id, now=LATER) == [everybody, minsk]
    move(ann, "Grodno")
    assert list_segments_of(account.pk, ann.id, now=LATER) == [everybody]
    assert list_segments_of(account.pk, new_id(NOW), now=LATER) == []


def test_a_card_does_not_wait_for_conditions_that_take_too_long(
    account: Account, ann: Contact, bea: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    minsk = make_segment(account, "Minsk")
    make_segment(account, "Not kept", EVERYBODY, keeps_members=False)
    slow = SqlFragment("pg_sleep(30) IS NOT NULL")
    monkeypatch.setattr(settling, "compile_condition", lambda *_given, **_named: slow)
    monkeypatch.setattr(membership, "CARD_SECONDS", 0.05)
    assert list_segments_of(account.pk, ann.id, now=LATER) == [minsk]
    assert list_segments_of(account.pk, bea.id, now=LATER) == []


def test_a_day_counts_who_joined_and_left(
    account: Account, ann: Contact, bea: Contact, reader: LogReader
) -> None:
    segment = make_segment(account)
    move(bea, "Minsk")
    reader.follow(now=LATER)
    move(ann, "Brest")
    reader.follow(now=LATER)
    day = SegmentDay.objects.for_account(account).get(segment_id=segment.pk)
    assert (day.size, day.joined, day.departed) == (1, 1, 1)
