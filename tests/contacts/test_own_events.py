from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from dynamail.accounts.models import Account, User
from dynamail.accounts.tenancy import account_scope
from dynamail.consent.models import Subscription
from dynamail.consent.suppressing import suppress_address
from dynamail.contacts.editing import delete_contact
from dynamail.contacts.models import Contact, ContactAlias, ContactState
from dynamail.contacts.own_events import MAX_AT_ONCE, NewOwnEvent, Result, record_own_events
from dynamail.events.models import CustomEvent, Event, EventName
from dynamail.events.own_names import MAX_NAMES
from dynamail.events.own_values import OwnEventFault, check_properties, clean_event_name
from dynamail.lib.ids import id_time
from tests.support.people import make_contact
from tests.support.personas import NOW

MINUTE = timedelta(minutes=1)


@pytest.fixture
def dana(account: Account) -> Contact:
    return make_contact(account)


def record(account: Account, *events: NewOwnEvent, by: User | None = None, now: Any = NOW) -> list[Result]:
    with account_scope(account.pk):
        return record_own_events(account.pk, events, source_kind="api", by=by, now=now)


def order(email: str = "dana@mail.example", **values: Any) -> NewOwnEvent:
    return NewOwnEvent(**{"name": "order.placed", "email": email, "properties": {"total": 99}, **values})


def codes(results: list[Result]) -> list[str]:
    return [result.fault.code if result.fault else "" for result in results]


def kept(account: Account) -> list[CustomEvent]:
    return list(CustomEvent.objects.for_account(account).order_by("id"))


# ── What is kept ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_event_is_kept_with_its_properties_and_its_name_is_known(account: Account, dana: Contact) -> None:
    at = NOW - timedelta(days=40, microseconds=5)
    properties = {
        "total": Decimal("19.90"),
        "paid": True,
        "items": [{"sku": "A-1"}],
        "to": {"city": "Hrodna"},
        "note": "«тест»",
    }
    (result,) = record(account, order(at=at, properties=properties))
    (event,) = kept(account)
    assert result.accepted
    assert not result.duplicate
    assert result.id == event.id
    assert (event.contact_id, event.at, event.source_kind) == (dana.id, at, "api")
    assert abs(id_time(event.id) - at) < timedelta(milliseconds=2)
    assert event.properties["note"] == "«тест»"
    assert event.properties["items"] == [{"sku": "A-1"}]
    name = EventName.objects.for_account(account).get()
    assert (name.pk, name.name, name.last_at) == (event.name_id, "order.placed", at)
    types = {"total": "number", "paid": "boolean", "items": "list", "to": "object", "note": "text"}
    assert name.properties == types


def test_numbers_stay_exact(account: Account, dana: Contact) -> None:
    told = {"a": Decimal("0.1"), "b": Decimal("12345678901234567890.123456789"), "c": 2**80, "d": 0.25}
    record(account, order(properties=told))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT properties->>'a', properties->>'b', properties->>'c', properties->>'d' FROM custom_event"
        )
        assert cursor.fetchone() == ("0.1", "12345678901234567890.123456789", str(2**80), "0.25")


def test_a_contact_is_found_by_any_spelling_of_the_address_and_by_id(account: Account, dana: Contact) -> None:
    results = record(account, order(" Dana@Mail.EXAMPLE "), order("", contact_id=dana.id))
    assert codes(results) == ["", ""]
    assert {event.contact_id for event in kept(account)} == {dana.id}


def test_who_was_merged_away_leads_to_who_is_left(account: Account, dana: Contact) -> None:
    gone = uuid4()
    ContactAlias.objects.add(
        account,
        id=gone,
        contact_id=dana.id,
        email="old@mail.example",
        email_key="old@mail.example",
        merged_at=NOW,
    )
    assert codes(record(account, order("old@mail.example"), order("", contact_id=gone))) == ["", ""]
    assert [event.contact_id for event in kept(account)] == [dana.id, dana.id]


def test_one_wrong_event_keeps_no_other_out(account: Account, dana: Contact) -> None:
    results = record(
        account,
        order(),
        order("nobody@mail.example"),
        order("no-address"),
        order(name="message.opened"),
        order(contact_id=dana.id),
        order(""),
        order(),
    )
    assert codes(results) == [
        "",
        "unknown_contact",
        "no_at",
        "reserved_name",
        "two_contacts",
        "no_contact",
        "",
    ]
    assert [result.fault.field for result in results if result.fault] == [
        "email",
        "email",
        "name",
        "email",
        "email",
    ]
    assert len(kept(account)) == 2


def test_nothing_is_known_of_a_name_whose_only_event_was_refused(account: Account) -> None:
    record(account, order("nobody@mail.example"))
    assert not EventName.objects.for_account(account).exists()


def test_more_than_a_batch_is_refused_whole(account: Account, dana: Contact) -> None:
    with pytest.raises(ValueError, match="batches"):
        record(account, *[order()] * (MAX_AT_ONCE + 1))


def test_accounts_know_nothing_of_each_other(account: Account, other_account: Account, dana: Contact) -> None:
    results = record(other_account, order(), order("", contact_id=dana.id))
    assert codes(results) == ["unknown_contact", "unknown_contact"]
    make_contact(other_account)
    record(account, order(event_id="7"))
    assert [result.duplicate for result in record(other_account, order(event_id="7"))] == [False]


# ── Contacts that are made ───────────────────────────────────────────────────────────────────────────────────────────
def test_a_contact_is_made_where_that_is_wanted_without_permission_to_mail(
    account: Account, alice: User
) -> None:
    results = record(
        account,
        order("New@mail.example", create_contact=True),
        order("new@mail.example", create_contact=True),
        order("other@mail.example", create_contact=True),
        by=alice,
    )
    assert codes(results) == ["", "", ""]
    contact = Contact.objects.for_account(account).get(email_key="new@mail.example")
    assert (contact.email, contact.source_kind, contact.state) == ("New@mail.example", "api", "active")
    assert contact.sample == contact.id.int % 1000
    assert not Subscription.objects.for_account(account).exists()
    created = Event.objects.for_account(account).filter(kind="contact.created", contact_id=contact.id).get()
    assert created.data["source"] == "api"


def test_a_suppressed_address_stays_suppressed_when_its_contact_is_made(account: Account) -> None:
    suppress_address(account.pk, "new@mail.example", reason="complaint", now=NOW)
    record(account, order("new@mail.example", create_contact=True))
    contact = Contact.objects.for_account(account).get(email_key="new@mail.example")
    assert contact.state == ContactState.SUPPRESSED


@pytest.mark.promise("P8.3")
def test_nothing_is_recorded_about_a_restricted_contact(account: Account) -> None:
    contact = make_contact(account, state=ContactState.RESTRICTED)
    results = record(account, order(), order("", contact_id=contact.id), order(create_contact=True))
    assert codes(results) == ["restricted"] * 3
    assert kept(account) == []


@pytest.mark.promise("P8.1")
def test_deleting_a_contact_removes_its_events_for_good(account: Account, dana: Contact) -> None:
    """The key that stays says nothing about anybody; it keeps the event from being sent again."""
    make_contact(account, "erik@mail.example")
    record(account, order(event_id="1"), order("erik@mail.example", event_id="2"))
    delete_contact(dana, by=None, now=NOW)
    (left,) = kept(account)
    assert left.contact_id != dana.id
    make_contact(account)
    assert record(account, order(event_id="1"))[0].duplicate
    assert len(kept(account)) == 1


# ── Once ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_same_id_of_the_sender_is_the_same_event(account: Account, dana: Contact) -> None:
    (first,) = record(account, order(event_id="A-17"))
    (again,) = record(account, order(event_id="A-17", properties={"total": 5}), now=NOW + MINUTE)
    assert again.accepted
    assert again.duplicate
    assert again.id == first.id
    assert [event.properties for event in kept(account)] == [{"total": 99}]
    assert not record(account, order(event_id="A-17", name="order.paid"))[0].duplicate


def test_the_same_id_twice_in_a_batch_is_one_event(account: Account, dana: Contact) -> None:
    results = record(account, order(event_id="1"), order(event_id="2"), order(event_id="1"), order())
    assert [result.duplicate for result in results] == [False, False, True, False]
    assert results[2].id == results[0].id
    assert len(kept(account)) == 3


def test_an_event_that_was_refused_can_be_sent_again(account: Account) -> None:
    assert codes(record(account, order(event_id="1"))) == ["unknown_contact"]
    make_contact(account)
    (result,) = record(account, order(event_id="1"))
    assert result.accepted
    assert not result.duplicate


@pytest.fixture
def empty_log(transactional_db: None) -> Iterator[None]:
    """The logs are no managed tables: the flush between tests leaves them alone."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE event, custom_event, activity")


@pytest.mark.django_db(transaction=True)
def test_the_same_ids_at_once_in_two_connections_are_the_same_events(
    empty_log: None, account: Account, dana: Contact
) -> None:
    """The second waits for the first to end; batches in opposite orders do not wait for each other crosswise."""
    start = threading.Barrier(4)
    answers: list[list[Result]] = []

    def send(step: int) -> None:
        try:
            start.wait()
            ids = range(50) if step % 2 else reversed(range(50))
            events = [
                order(
                    f"new{number % 7}@mail.example",
                    event_id=str(number),
                    create_contact=True,
                    name=f"n{number % 5}",
                )
                for number in ids
            ]
            answers.append(record(account, *events))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=(step,)) for step in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results = [result for answer in answers for result in answer]
    assert len(results) == 200
    assert all(result.accepted for result in results)
    assert sum(not result.duplicate for result in results) == 50
    assert len(kept(account)) == len({result.id for result in results}) == 50
    assert Contact.objects.for_account(account).count() == 8
    assert EventName.objects.for_account(account).count() == 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("email", ["dana@mail.example", "old@mail.example"])
def test_who_is_deleted_while_their_event_is_written_leaves_nothing_behind(
    empty_log: None, account: Account, dana: Contact, email: str
) -> None:
    old, started = "old@mail.example", threading.Event()
    ContactAlias.objects.add(account, id=uuid4(), contact_id=dana.id, email=old, email_key=old, merged_at=NOW)

    def delete() -> None:
        try:
            with account_scope(account.pk):
                started.set()
                delete_contact(dana, by=None, now=NOW)
        finally:
            connections.close_all()

    thread = threading.Thread(target=delete)
    with transaction.atomic():
        record(account, order(email))
        thread.start()
        started.wait()
        thread.join(0.3)  # it waits for this transaction, or is through; both must end alike
    thread.join()
    assert kept(account) == []


@pytest.mark.django_db(transaction=True)
def test_people_are_held_in_the_order_of_ids_like_in_a_merge(empty_log: None, account: Account) -> None:
    """Nobody waits crosswise: who waits for the first of two does not hold the second."""
    made = [make_contact(account, f"{name}@mail.example") for name in ("one", "two")]
    first, second = sorted(made, key=lambda one: one.id)
    for contact, email in ((first, "z@mail.example"), (second, "a@mail.example")):
        contact.email = contact.email_key = email
        contact.save(update_fields=["email", "email_key"])

    def send() -> None:
        try:
            record(account, order(second.email), order(first.email))
        finally:
            connections.close_all()

    thread = threading.Thread(target=send)
    rows = Contact.objects.for_account(account)
    with transaction.atomic():
        rows.select_for_update().get(id=first.id)
        thread.start()
        while not _is_somebody_waiting():
            assert thread.is_alive()
        rows.select_for_update(nowait=True).get(id=second.id)
    thread.join()
    assert len(kept(account)) == 2


def _is_somebody_waiting() -> bool:
    """By the locks, which are told as they are; pg_stat_activity is one picture for the whole transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])


# ── Names and what they taught ───────────────────────────────────────────────────────────────────────────────────────
def test_a_name_learns_properties_as_they_come(account: Account, dana: Contact) -> None:
    record(account, order(properties={"total": 1}))
    record(account, order(properties={"category": "shoes"}))
    record(account, order(properties={"total": "1 EUR", "nothing": None}))
    name = EventName.objects.for_account(account).get()
    assert name.properties == {"total": "text", "category": "text"}


def test_a_busy_name_is_written_once_a_minute(account: Account, dana: Contact) -> None:
    def last() -> Any:
        return EventName.objects.for_account(account).get().last_at

    record(account, order())
    record(account, order(), now=NOW + timedelta(seconds=59))
    assert last() == NOW
    record(account, order(), now=NOW + MINUTE)
    assert last() == NOW + MINUTE
    record(account, order(at=NOW - MINUTE), now=NOW + MINUTE)
    assert last() == NOW + MINUTE


def test_an_account_has_a_limited_number_of_names(account: Account, dana: Contact) -> None:
    for start in range(0, MAX_NAMES, 50):
        record(account, *(order(name=f"event {number}") for number in range(start, start + 50)))
    results = record(account, order(name="one more"), order(name="event 7"))
    assert codes(results) == ["too_many_names", ""]
    assert str(MAX_NAMES) in str(results[0].fault)


@pytest.mark.parametrize("name", ["order.placed", "Order Placed", "заказ-1", "a", "x" * 100, "signup_v2"])
def test_names_that_are_taken(name: str) -> None:
    assert clean_event_name(name) == name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "no_name"),
        (" a", "bad_name"),
        ("a.", "bad_name"),
        ("a\nb", "bad_name"),
        ("a\x00b", "bad_name"),
        ("x" * 101, "bad_name"),
        ("a'; DROP TABLE", "bad_name"),
        ("a%s", "bad_name"),
        ("Message.opened", "reserved_name"),
        ("contact.created", "reserved_name"),
        ("campaign.x", "reserved_name"),
        ("segment.entered", "reserved_name"),
    ],
)
def test_names_that_are_not(name: str, code: str) -> None:
    with pytest.raises(OwnEventFault) as caught:
        clean_event_name(name)
    assert caught.value.code == code


# ── Properties and moments ───────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("properties", "code", "field"),
    [
        ({f"p{number}": 1 for number in range(51)}, "too_many_properties", "properties"),
        ({"a": "x" * 8_192}, "too_large", "properties"),
        ({"a": {"b": {"c": {}}}}, "too_deep", "properties.a"),
        ({"a": [[[1]]]}, "too_deep", "properties.a"),
        ({"a": "nul\x00"}, "bad_text", "properties.a"),
        ({"a": {"b\x00": 1}}, "bad_property", "properties"),
        ({"": 1}, "bad_property", "properties"),
        ({"x" * 101: 1}, "bad_property", "properties"),
        ({"a": float("nan")}, "bad_number", "properties.a"),
        ({"a": Decimal("Infinity")}, "bad_number", "properties.a"),
        ({"a": Decimal("1e131071")}, "bad_number", "properties.a"),
        ({"a": 10**30}, "bad_number", "properties.a"),
        ({"a": object()}, "bad_property", "properties.a"),
        ({"a": "\ud800"}, "bad_text", "properties"),
    ],
)
def test_properties_that_are_not_taken(properties: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(OwnEventFault) as caught:
        check_properties(properties)
    assert (caught.value.code, caught.value.field) == (code, field)


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (NOW + timedelta(minutes=59), ""),
        (NOW + timedelta(minutes=61), "future"),
        (NOW - timedelta(days=390), ""),
        (NOW - timedelta(days=397), "too_old"),
        (NOW.replace(tzinfo=None), "bad_time"),
    ],
)
def test_moments(account: Account, dana: Contact, at: Any, code: str) -> None:
    assert codes(record(account, order(at=at))) == [code]


plain = st.none() | st.booleans() | st.integers() | st.decimals() | st.floats() | st.text()
nested = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(st.dictionaries(st.text(), nested))
def test_whatever_comes_is_refused_or_is_json_that_the_database_takes(properties: dict[str, Any]) -> None:
    try:
        text, types = check_properties(properties)
    except OwnEventFault:
        return
    assert "\\u0000" not in text.replace("\\\\", "")
    assert types.keys() <= properties.keys()


@pytest.mark.django_db
def test_what_passes_the_check_reads_back_from_the_database(account: Account, dana: Contact) -> None:
    told: dict[str, Any] = {
        "quotes": "\" ' \\ \\u0000 %s $1 {}",
        "lines": "a\nb\t\u2028\x1f\x7f",
        "emoji": "👋🏽",
        "null": None,
        "list": [1, "2", None, True],
        "it's %s": -0.5,
    }
    record(account, order(properties=told))
    assert kept(account)[0].properties == told
