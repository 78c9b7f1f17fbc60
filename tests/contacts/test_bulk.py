from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import OperationalError

from dynamail.accounts.background import queue_work, request_cancel
from dynamail.accounts.models import Account, BackgroundWork, User
from dynamail.accounts.tenancy import account_scope
from dynamail.consent.models import ConsentRecord, Subscription, Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import give_consent
from dynamail.contacts import bulk
from dynamail.contacts.bulk import Act, BulkAct, apply_act, queue_act, run_act
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.editing import Profile, add_contact, change_contact, find_contact
from dynamail.contacts.merging import merge_contacts
from dynamail.contacts.models import Contact, ContactState, Tag
from dynamail.contacts.patience import TooSlow
from dynamail.contacts.queries import ContactFilter
from dynamail.contacts.tags import create_tag, delete_tag
from dynamail.contacts.undoing import may_undo, queue_undo, run_undo
from dynamail.events.models import Event
from dynamail.lib.sql import SqlFragment
from tests.support.personas import NOW

EVERYBODY = ContactFilter()
SOON = NOW + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BLOCK", 3)
    monkeypatch.setattr("dynamail.contacts.undoing.BLOCK", 2)


@pytest.fixture
def people(account: Account, bob: User) -> list[Contact]:
    return [
        add_contact(account.pk, Profile(f"p{number}@example.com", f"P{number}"), by=bob, now=NOW)
        for number in range(8)
    ]


def do(account: Account, act: BulkAct, bob: User, narrowing: SqlFragment | None = None) -> BackgroundWork:
    """Queue it, and run what the task would."""
    work = queue_act(account.pk, EVERYBODY, act, narrowing=narrowing, by=bob, now=NOW)
    work.created_at = NOW - timedelta(seconds=1)
    work.save(update_fields=["created_at"])
    run_act(work, EVERYBODY, BulkAct(act.act, act.subject_id), narrowing=narrowing, now=NOW)
    work.refresh_from_db()
    return work


def undo(work: BackgroundWork, bob: User) -> BackgroundWork:
    done = queue_undo(work, by=bob, now=SOON)
    assert done is not None
    run_undo(done, work, now=SOON)
    done.refresh_from_db()
    work.refresh_from_db()
    return done


def tags_of(people: list[Contact]) -> list[list[int]]:
    return [row.tags for one in people if (row := find_contact(one.account_id, one.id))]


def test_undoing_takes_a_tag_off_only_those_who_got_it(
    account: Account, bob: User, people: list[Contact]
) -> None:
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    apply_act(account.pk, [people[0].id], BulkAct(Act.ADD_TAG, tag.pk), by=bob, now=NOW)
    work = do(account, BulkAct(Act.ADD_TAG, tag.pk), bob)
    assert work.result["changed"] == 7
    assert tags_of(people) == [[tag.pk]] * 8
    assert undo(work, bob).result == {"changed": 7}
    assert tags_of(people) == [[tag.pk]] + [[]] * 7
    assert not may_undo(work, now=SOON)
    assert queue_undo(work, by=bob, now=SOON) is None


def test_undoing_gives_a_removed_tag_back(account: Account, bob: User, people: list[Contact]) -> None:
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    apply_act(account.pk, [one.id for one in people[:5]], BulkAct(Act.ADD_TAG, tag.pk), by=bob, now=NOW)
    undo(do(account, BulkAct(Act.REMOVE_TAG, tag.pk), bob), bob)
    assert tags_of(people) == [[tag.pk]] * 5 + [[]] * 3


def test_undoing_an_attribute_brings_the_values_back_but_not_over_later_ones(
    account: Account, bob: User, people: list[Contact]
) -> None:
    city = create_attribute(account.pk, label="City", by=bob, now=NOW)
    for one, value in zip(people, ["Minsk", "Brest", None, "Lida"], strict=False):
        change_contact(one, Profile(one.email, one.name, attributes={city.number: value}), by=bob, now=NOW)
    work = do(account, BulkAct(Act.SET_ATTRIBUTE, city.pk, "Lida"), bob)
    assert work.result["changed"] == 7  # one had it
    later = find_contact(account.pk, people[1].id)
    assert later is not None
    change_contact(
        later, Profile(later.email, later.name, attributes={city.number: "Pinsk"}), by=bob, now=SOON
    )
    assert undo(work, bob).result == {"changed": 6}
    values = [
        row.attributes.get(str(city.number)) for one in people if (row := find_contact(account.pk, one.id))
    ]
    assert values == ["Minsk", "Pinsk", None, "Lida", None, None, None, None]


def test_taking_a_value_away_can_be_undone(account: Account, bob: User, people: list[Contact]) -> None:
    colors = create_attribute(account.pk, label="Colors", type="list", by=bob, now=NOW)
    first = people[0]
    change_contact(
        first, Profile(first.email, first.name, attributes={colors.number: ["red", "blue"]}), by=bob, now=NOW
    )
    work = do(account, BulkAct(Act.SET_ATTRIBUTE, colors.pk), bob)
    assert find_contact(account.pk, first.id).attributes == {}  # type: ignore[union-attr]
    undo(work, bob)
    assert find_contact(account.pk, first.id).attributes == {str(colors.number): ["red", "blue"]}  # type: ignore[union-attr]


def test_undoing_leaves_alone_who_was_merged_since(
    account: Account, bob: User, people: list[Contact]
) -> None:
    city = create_attribute(account.pk, label="City", by=bob, now=NOW)
    for one, value in zip(people[:3], ["Minsk", "Brest", "Lida"], strict=True):
        change_contact(one, Profile(one.email, one.name, attributes={city.number: value}), by=bob, now=NOW)
    work = do(account, BulkAct(Act.SET_ATTRIBUTE, city.pk, "Minsk"), bob)
    merge_contacts(account.pk, kept_id=people[0].id, gone_id=people[1].id, by=bob, now=SOON)
    undo(work, bob)
    values = [
        row.attributes.get(str(city.number))
        for one in people[:4]
        if (row := find_contact(account.pk, one.id))
    ]
    assert values == ["Minsk", "Lida", None]


def test_nothing_is_taken_back_for_a_tag_that_is_gone(
    account: Account, bob: User, people: list[Contact]
) -> None:
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    apply_act(account.pk, [people[0].id], BulkAct(Act.ADD_TAG, tag.pk), by=bob, now=NOW)
    work = do(account, BulkAct(Act.REMOVE_TAG, tag.pk), bob)
    late = do(account, BulkAct(Act.ADD_TAG, tag.pk), bob)
    queued = queue_undo(work, by=bob, now=SOON)
    assert queued is not None
    delete_tag(Tag.objects.for_account(account).get(pk=tag.pk), by=bob, now=NOW)
    assert queue_undo(late, by=bob, now=SOON) is None
    run_undo(queued, work, now=SOON)
    queued.refresh_from_db()
    assert (queued.state, queued.result["changed"]) == ("failed", 0)
    assert tags_of(people) == [[]] * 8


def test_what_cannot_be_undone_is_not_offered(account: Account, bob: User, people: list[Contact]) -> None:
    topic = Topic.objects.add(account, name="News")
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    late = do(account, BulkAct(Act.ADD_TAG, tag.pk), bob)
    assert may_undo(late, now=NOW + timedelta(hours=23))
    assert not may_undo(late, now=NOW + timedelta(hours=25))
    assert not may_undo(do(account, BulkAct(Act.ADD_TAG, tag.pk), bob), now=SOON)  # changed nobody
    for act in (BulkAct(Act.UNSUBSCRIBE, topic.pk), BulkAct(Act.SUPPRESS), BulkAct(Act.DELETE)):
        assert not may_undo(do(account, act, bob), now=SOON)


def test_a_canceled_act_can_be_undone_as_far_as_it_came(
    account: Account, bob: User, people: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    real = bulk.report_progress

    def cancel_first(work: BackgroundWork, **options: int) -> None:
        request_cancel(work, now=NOW)
        real(work, **options)

    with monkeypatch.context() as patch:
        patch.setattr(bulk, "report_progress", cancel_first)
        work = do(account, BulkAct(Act.ADD_TAG, tag.pk), bob)
    assert (work.state, work.result["changed"]) == ("canceled", 3)
    assert undo(work, bob).result == {"changed": 3}
    assert tags_of(people) == [[]] * 8


def test_a_condition_narrows_and_every_change_is_in_the_log(
    account: Account, bob: User, people: list[Contact]
) -> None:
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    narrowing = SqlFragment("contact.name = ANY(%s)", (["P1", "P2"],))
    work = do(account, BulkAct(Act.ADD_TAG, tag.pk), bob, narrowing)
    events = Event.objects.for_account(account).filter(kind="contact.tagged")
    assert {event.contact_id for event in events} == {people[1].id, people[2].id}
    assert {(event.source_kind, event.source_id) for event in events} == {("work", work.uid)}
    assert events[0].data == {"by": str(bob), "tag": tag.pk}


def test_restricted_people_keep_what_they_have(account: Account, bob: User, people: list[Contact]) -> None:
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    Contact.objects.for_account(account).filter(id=people[0].id).update(state=ContactState.RESTRICTED)
    assert do(account, BulkAct(Act.ADD_TAG, tag.pk), bob).result["changed"] == 7


@pytest.mark.promise("P8.3")
@pytest.mark.parametrize("act", [Act.DELETE, Act.SUPPRESS, Act.UNSUBSCRIBE])
def test_nothing_is_done_to_restricted_people_and_the_number_says_so(
    account: Account, bob: User, people: list[Contact], act: Act
) -> None:
    topic = Topic.objects.add(account, name="News")
    Contact.objects.for_account(account).filter(id=people[0].id).update(state=ContactState.RESTRICTED)
    wanted = BulkAct(act, topic.pk)
    with account_scope(account.pk):
        assert apply_act(account.pk, [people[0].id], wanted, by=bob, now=NOW) == 0
    work = do(account, wanted, bob)
    assert (work.total, work.done, work.result["changed"]) == (7, 7, 7)
    left = find_contact(account.pk, people[0].id)
    assert left is not None
    assert left.state == ContactState.RESTRICTED
    assert not Subscription.objects.for_account(account).filter(contact_id=left.id).exists()


def break_off(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """After the second block."""
    real = bulk.apply_act
    left = [real, real]

    def apply(*values: object, **more: object) -> int:
        if not left:
            raise error
        return left.pop()(*values, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(bulk, "apply_act", apply)


def test_a_run_that_takes_over_counts_what_was_done_before(
    account: Account, bob: User, people: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    act = BulkAct(Act.ADD_TAG, tag.pk)
    work = queue_act(account.pk, EVERYBODY, act, by=bob, now=NOW)
    with monkeypatch.context() as patch:
        break_off(patch, OperationalError("gone"))
        with pytest.raises(OperationalError):
            run_act(work, EVERYBODY, act, now=NOW)
    work.refresh_from_db()
    assert (work.state, work.result["changed"]) == ("running", 6)
    with monkeypatch.context() as patch:
        patch.setattr(bulk, "report_progress", lambda work, **_more: request_cancel(work, now=NOW))
        break_off(patch, OperationalError("gone"))
        with pytest.raises(OperationalError):
            run_act(work, EVERYBODY, act, now=NOW)
    work.refresh_from_db()
    run_act(work, EVERYBODY, act, now=NOW)
    work.refresh_from_db()
    assert (work.state, work.result["changed"]) == ("canceled", 6)
    assert may_undo(work, now=NOW)


@pytest.mark.parametrize(("error", "told"), [(KeyError("x"), "an error"), (TooSlow(), "too long")])
def test_work_that_fails_says_so_and_can_be_taken_back(
    account: Account,
    bob: User,
    people: list[Contact],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    told: str,
) -> None:
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    act = BulkAct(Act.ADD_TAG, tag.pk)
    work = queue_act(account.pk, EVERYBODY, act, by=bob, now=NOW)
    break_off(monkeypatch, error)
    with suppress(KeyError):
        run_act(work, EVERYBODY, act, now=NOW)
    work.refresh_from_db()
    assert (work.state, work.result["changed"]) == ("failed", 6)
    assert told in work.message
    assert may_undo(work, now=NOW)


def test_a_tag_that_was_deleted_meanwhile_is_given_to_nobody(
    account: Account, bob: User, people: list[Contact]
) -> None:
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    act = BulkAct(Act.ADD_TAG, tag.pk)
    delete_tag(Tag.objects.for_account(account).get(pk=tag.pk), by=bob, now=NOW)
    assert do(account, act, bob).result["changed"] == 0
    assert tags_of(people) == [[]] * 8


def test_many_leave_a_topic_with_proof_and_their_state_stays_when_they_had_left(
    account: Account, bob: User, people: list[Contact]
) -> None:
    topic = Topic.objects.add(account, name="News")
    give_consent(account.pk, people[0].id, topic.pk, proof=Proof(method="page"), now=NOW)
    assert do(account, BulkAct(Act.UNSUBSCRIBE, topic.pk), bob).result["changed"] == 8
    assert do(account, BulkAct(Act.UNSUBSCRIBE, topic.pk), bob).result["changed"] == 0
    assert Subscription.objects.for_account(account).filter(state="unsubscribed").count() == 8
    records = ConsentRecord.objects.for_account(account).filter(act=ConsentRecord.Act.WITHDRAWN)
    assert {record.method for record in records} == {"member"}
    assert records.count() == 8


def test_many_addresses_are_suppressed_and_their_contacts_show_it(
    account: Account, bob: User, people: list[Contact]
) -> None:
    assert do(account, BulkAct(Act.SUPPRESS), bob).result["changed"] == 8
    assert Contact.objects.for_account(account).filter(state=ContactState.SUPPRESSED).count() == 8


def test_a_condition_goes_to_the_task_that_knows_conditions(account: Account, bob: User) -> None:
    from procrastinate.contrib.django.models import ProcrastinateJob

    queue_act(account.pk, EVERYBODY, BulkAct(Act.DELETE), condition={"all": []}, by=bob, now=NOW)
    queue_act(account.pk, EVERYBODY, BulkAct(Act.DELETE), by=bob, now=NOW)
    jobs = {job.task_name: job.args for job in ProcrastinateJob.objects.all()}
    assert jobs["segments.run_act"]["condition"] == {"all": []}
    assert "condition" not in jobs["contacts.run_act"]


def test_work_without_an_act_is_never_undone(account: Account, bob: User) -> None:
    work = queue_work(account.pk, kind="import", title="Import", by=bob)
    assert not may_undo(work, now=NOW)
