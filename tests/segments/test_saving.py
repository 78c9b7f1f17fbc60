from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dynamail.accounts.models import Account, AuditEntry, User
from dynamail.conditions.faults import ConditionFault
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.tags import create_tag
from dynamail.segments import saving
from dynamail.segments.errors import SegmentChanged, SegmentError, SegmentInUse
from dynamail.segments.membership import refresh_whole
from dynamail.segments.models import Segment, SegmentMember
from dynamail.segments.nesting import MAX_NESTED
from dynamail.segments.saving import (
    archive_segment,
    change_segment,
    create_segment,
    duplicate_segment,
    find_segment,
    list_segments,
    restore_segment,
)
from dynamail.segments.usage import Use
from tests.support.people import make_contact
from tests.support.personas import NOW
from tests.support.segments import EVERYBODY, in_city, list_members, make_segment, within

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def city(account: Account) -> None:
    create_attribute(account.pk, label="City", key="city", by=None, now=NOW)


def change(segment: Segment, **values: Any) -> Segment:
    return change_segment(segment, by=None, now=LATER, **values)


def code_of(verb: Callable[[], object]) -> str:
    with pytest.raises(SegmentError) as caught:
        verb()
    assert str(caught.value)
    return caught.value.code


# ── Making ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_segment_keeps_its_condition_in_one_way_of_writing(account: Account, bob: User) -> None:
    segment = create_segment(
        account.pk, name="  Minsk \n people", definition={"all": [in_city("Minsk")]}, by=bob, now=NOW
    )
    assert (segment.name, segment.version, segment.created_by) == ("Minsk people", 1, bob)
    again = create_segment(account.pk, name="Again", definition=segment.definition, by=bob, now=NOW)
    assert again.definition == segment.definition
    assert find_segment(account.pk, segment.public_id) == segment
    entry = AuditEntry.objects.for_account(account).get(subject_id=segment.public_id)
    assert (entry.action, entry.actor_name) == ("segment.created", "Bob")


@pytest.mark.promise("P5.2")
def test_another_accounts_segment_is_not_found(account: Account, other_account: Account) -> None:
    segment = make_segment(account, definition=EVERYBODY, built=False)
    assert find_segment(other_account.pk, segment.public_id) is None
    assert find_segment(account.pk, "seg_nonsense") is None
    with pytest.raises(ConditionFault):
        make_segment(other_account, definition=within(segment))


def test_names_are_needed_and_taken_once(account: Account) -> None:
    first = make_segment(account, "Minsk", built=False)
    assert code_of(lambda: make_segment(account, "Minsk")) == "name_taken"
    assert code_of(lambda: make_segment(account, " \x00 ")) == "name_missing"
    other = make_segment(account, "Brest", built=False)
    assert code_of(lambda: change(other, name="Minsk")) == "name_taken"
    archive_segment(first, by=None, now=NOW)
    assert change(other, name="Minsk").name == "Minsk"  # the archive keeps no name
    assert code_of(lambda: restore_segment(first, by=None, now=NOW)) == "name_taken"


def test_what_the_account_does_not_have_is_named_with_its_place(account: Account) -> None:
    with pytest.raises(ConditionFault) as caught:
        make_segment(account, definition={"any": [in_city("Minsk"), {**in_city("x"), "attribute": "town"}]})
    assert [(fault.path, fault.code) for fault in caught.value.faults] == [
        ("/any/1/attribute", "unknown_attribute")
    ]
    assert not Segment.objects.for_account(account).exists()


def test_an_event_need_not_have_arrived_but_has_to_be_able_to(account: Account) -> None:
    waiting = {"kind": "event", "event": "order.placed"}
    assert make_segment(account, "Buyers", definition=waiting, built=False).definition == waiting
    with pytest.raises(ConditionFault) as raised:
        make_segment(account, definition={"kind": "event", "event": "segment.entered"})
    assert [(fault.path, fault.code) for fault in raised.value.faults] == [("/event", "bad_event")]


def test_an_account_has_a_limit(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "MAX_SEGMENTS", 1)
    make_segment(account, built=False)
    assert code_of(lambda: make_segment(account, "Another")) == "too_many"


# ── Changing ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_stale_version_is_refused_with_who_changed_it(account: Account, bob: User) -> None:
    segment = make_segment(account, built=False)
    changed = change_segment(segment, version=1, name="Minsk city", by=bob, now=LATER)
    assert changed.version == 2
    with pytest.raises(SegmentChanged, match="Bob changed this segment") as caught:
        change(segment, version=1, name="Mine")
    assert caught.value.saved_version == 2
    assert change(segment, version=2, description="Ours").version == 3


def test_saving_what_stands_there_changes_nothing(account: Account) -> None:
    segment = make_segment(account, built=False)
    same = change(segment, name="Minsk", definition=in_city("Minsk"), description="", keeps_members=True)
    assert same.version == 1
    assert AuditEntry.objects.for_account(account).filter(action="segment.changed").count() == 0


def test_a_new_name_keeps_the_members_and_a_new_definition_does_not(account: Account) -> None:
    make_contact(account, attributes={"1": "Minsk"})
    segment = make_segment(account)
    assert segment.members_version == 1
    renamed = change(segment, name="People of Minsk")
    assert renamed.members_version == renamed.version == 2
    redefined = change(segment, definition=in_city("Brest"))
    assert (redefined.members_version, redefined.version) == (0, 3)


def test_members_of_what_contains_a_changed_segment_are_looked_for_again(account: Account) -> None:
    inner = make_segment(account, "Inner")
    outer = make_segment(account, "Outer", within(inner))
    outermost = make_segment(account, "Outermost", {"not": within(outer)})
    bystander = make_segment(account, "Bystander", EVERYBODY)
    change(inner, definition=in_city("Brest"))
    for row, kept in ((outer, 0), (outermost, 0), (bystander, 1)):
        row.refresh_from_db()
        assert row.members_version == kept


def test_a_segment_never_contains_itself(account: Account) -> None:
    one = make_segment(account, "One", built=False)
    two = make_segment(account, "Two", within(one), built=False)
    three = make_segment(account, "Three", {"any": [in_city("x"), {"not": within(two)}]}, built=False)
    with pytest.raises(SegmentError, match="“One” → “Three” → “Two” → “One”") as caught:
        change(one, definition=within(three))
    assert caught.value.code == "cycle"
    with pytest.raises(SegmentError, match="“Two” → “Two”"):
        change(two, definition=within(two))


def test_segments_lie_in_each_other_only_so_deep(account: Account) -> None:
    chain = [make_segment(account, "S1", built=False)]
    for number in range(2, MAX_NESTED + 1):
        chain.append(make_segment(account, f"S{number}", within(chain[-1]), built=False))
    with pytest.raises(SegmentError, match="“S2” → “S1”") as caught:
        make_segment(account, "Too deep", within(chain[-1]))
    assert caught.value.code == "too_deep"
    below = make_segment(account, "Below", built=False)
    assert code_of(lambda: change(chain[0], definition=within(below))) == "too_deep"  # from the other end


# ── The archive and copies ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_segment_in_use_is_not_archived(account: Account) -> None:
    inner = make_segment(account, "Inner", built=False)
    outer = make_segment(account, "Outer", within(inner), built=False)
    with pytest.raises(SegmentInUse, match="“Outer”") as caught:
        archive_segment(inner, by=None, now=NOW)
    assert caught.value.uses == [Use("segment", outer.public_id, "Outer")]
    archive_segment(outer, by=None, now=NOW)
    campaign = Use("campaign", "cmp_x", "November")
    assert code_of(lambda: archive_segment(inner, other_uses=[campaign], by=None, now=NOW)) == "in_use"
    archive_segment(inner, by=None, now=NOW)
    archive_segment(inner, by=None, now=NOW)
    assert list(list_segments(account.pk)) == []
    assert [row.name for row in list_segments(account.pk, archived=True)] == ["Inner", "Outer"]
    assert AuditEntry.objects.for_account(account).filter(action="segment.archived").count() == 2


def test_what_is_archived_is_neither_changed_nor_named_anew(account: Account) -> None:
    segment = make_segment(account, built=False)
    archive_segment(segment, by=None, now=NOW)
    assert code_of(lambda: change(segment, name="New")) == "archived"
    with pytest.raises(ConditionFault) as caught:
        make_segment(account, "Outer", {"all": [within(segment)]})
    assert caught.value.faults[0].path == "/all/0/segment"


def test_the_archive_forgets_the_members_and_restoring_finds_them_without_telling(account: Account) -> None:
    make_contact(account, attributes={"1": "Minsk"})
    segment = make_segment(account)
    assert list_members(segment) == {"dana@mail.example"}
    archive_segment(segment, by=None, now=NOW)
    refresh_whole(account.pk, segment.pk, now=NOW)
    assert not SegmentMember.objects.for_account(account).exists()
    restored = restore_segment(segment, by=None, now=LATER)
    assert restored.archived_at is None
    tally = refresh_whole(account.pk, segment.pk, now=LATER)
    assert tally.joined == 1
    assert list_members(segment) == {"dana@mail.example"}


def test_a_segment_with_something_archived_in_it_is_not_restored(account: Account) -> None:
    inner = make_segment(account, "Inner", built=False)
    outer = make_segment(account, "Outer", within(inner), built=False)
    archive_segment(outer, by=None, now=NOW)
    archive_segment(inner, by=None, now=NOW)
    with pytest.raises(ConditionFault):
        restore_segment(outer, by=None, now=LATER)


def test_a_copy_has_a_name_of_its_own(account: Account) -> None:
    tag = create_tag(account.pk, "vip", by=None, now=NOW)
    wanted = {"kind": "tag", "op": "has_any", "tags": [tag.public_id]}
    segment = make_segment(account, "VIP", wanted, description="Ours", built=False)
    first = duplicate_segment(segment, by=None, now=LATER)
    second = duplicate_segment(segment, by=None, now=LATER)
    assert (first.name, second.name) == ("Copy of VIP", "Copy of VIP 2")
    assert (first.definition, first.description) == (segment.definition, "Ours")


def test_segments_are_found_by_words(account: Account) -> None:
    make_segment(account, "Minsk", description="the capital", built=False)
    make_segment(account, "Brest", built=False)
    assert [row.name for row in list_segments(account.pk)] == ["Brest", "Minsk"]
    assert [row.name for row in list_segments(account.pk, search="CAPITAL")] == ["Minsk"]
    assert list(list_segments(account.pk, search="%")) == []
