from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from dynamail.accounts.background import queue_work, request_cancel
from dynamail.accounts.models import Account, User
from dynamail.consent.models import Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import give_consent, withdraw_consent
from dynamail.contacts import bulk, queries
from dynamail.contacts.bulk import BulkAct, run_act
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.editing import Profile, add_contact
from dynamail.contacts.exporting import export_contacts
from dynamail.contacts.models import Contact
from dynamail.contacts.queries import (
    ContactFilter,
    count_contacts,
    estimate_contacts,
    filter_contacts,
    list_page,
)
from dynamail.contacts.tags import create_tag
from dynamail.events.models import Engagement
from dynamail.lib.sql import SqlFragment
from tests.support.personas import NOW


def make_people(account: Account, bob: User, count: int) -> list[Contact]:
    return [
        add_contact(account.pk, Profile(f"p{number:03}@example.com", f"Person {number}"), by=bob, now=NOW)
        for number in range(count)
    ]


def test_topic_filters_tell_asked_from_never_asked(account: Account, bob: User) -> None:
    yes, no, never = make_people(account, bob, 3)
    topic = Topic.objects.add(account, name="News")
    give_consent(account.pk, yes.id, topic.pk, proof=Proof(method="page"), now=NOW)
    withdraw_consent(account.pk, no.id, topic.pk, proof=Proof(method="page"), now=NOW)
    for state, expected in (("subscribed", yes), ("unsubscribed", no), ("none", never)):
        wanted = ContactFilter(topic_id=topic.pk, topic_state=state)
        assert list(filter_contacts(account.pk, wanted)) == [expected]


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", '"', "\x00", "a%b", "Пан_"])
def test_a_search_is_taken_literally(account: Account, bob: User, text: str) -> None:
    make_people(account, bob, 2)
    assert not list(filter_contacts(account.pk, ContactFilter(search=text))) or text == "\x00"


def test_a_filter_survives_the_way_into_a_task() -> None:
    wanted = ContactFilter(search="x", tag_id=3, attribute_number=5, attribute_value=["a"])
    assert ContactFilter.from_json(wanted.to_json()) == wanted
    assert ContactFilter().is_empty
    assert not wanted.is_empty


def test_a_compiled_condition_narrows_pages_counts_and_files(account: Account, bob: User) -> None:
    people = make_people(account, bob, 5)
    narrowing = SqlFragment(
        "contact.name = ANY(%s) AND contact.email LIKE '%%@example.com'", (["Person 1", "Person 3"],)
    )
    everybody = ContactFilter()
    expected = [people[1], people[3]]
    assert list(list_page(account.pk, everybody, narrowing=narrowing, sort="email").contacts) == expected
    assert count_contacts(account.pk, everybody, narrowing=narrowing).number == 2
    assert not count_contacts(account.pk, everybody, narrowing=narrowing, limit=1).exact
    text = "".join(export_contacts(account.pk, everybody, narrowing=narrowing, columns=["name"]))
    assert sorted(text.splitlines()) == ["Name", "Person 1", "Person 3"]


def test_beyond_the_limit_the_count_is_an_estimate(account: Account, bob: User) -> None:
    make_people(account, bob, 12)
    assert count_contacts(account.pk, ContactFilter()).exact
    estimate = count_contacts(account.pk, ContactFilter(), limit=10)
    assert not estimate.exact
    assert estimate.number >= 10


@pytest.mark.parametrize("cursor", ["", "nonsense", "W10", "WyJ4IiwgMV0", "💥"])
def test_a_broken_cursor_is_the_first_page(account: Account, bob: User, cursor: str) -> None:
    make_people(account, bob, 3)
    assert len(list_page(account.pk, ContactFilter(), after=cursor).contacts) == 3


def test_a_page_is_read_by_one_range_of_the_index(account: Account, bob: User) -> None:
    make_people(account, bob, 8)
    page = list_page(account.pk, ContactFilter(), size=3)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(
            "EXPLAIN SELECT * FROM contact WHERE account_id = %s AND (created_at, id) < (%s, %s) "
            "ORDER BY created_at DESC, id DESC LIMIT 3",
            [account.pk, page.contacts[-1].created_at, page.contacts[-1].id],
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "contact_newest" in plan
    assert "ROW(created_at, id) <" in plan


def test_a_bulk_act_walks_through_all_even_when_it_changes_what_matches(
    account: Account, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BLOCK", 4)
    tag = create_tag(account.pk, "fair", by=bob, now=NOW)
    people = make_people(account, bob, 11)
    bulk.apply_act(account.pk, [one.id for one in people], BulkAct("add_tag", tag.pk), by=bob, now=NOW)
    work = queue_work(account.pk, kind="contacts.bulk", title="Remove", by=bob)
    run_act(work, ContactFilter(tag_id=tag.pk), BulkAct("remove_tag", tag.pk), now=NOW)
    work.refresh_from_db()
    assert work.result == {"changed": 11}
    assert not list(filter_contacts(account.pk, ContactFilter(tag_id=tag.pk)))


def test_a_canceled_bulk_act_stops_and_says_how_far_it_came(
    account: Account, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BLOCK", 4)
    make_people(account, bob, 9)
    work = queue_work(account.pk, kind="contacts.bulk", title="Delete", by=bob)
    real = bulk.report_progress

    def cancel_first(*arguments: object, **options: object) -> None:
        request_cancel(work, now=NOW)
        real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(bulk, "report_progress", cancel_first)
    run_act(work, ContactFilter(), BulkAct("delete"), now=NOW)
    work.refresh_from_db()
    assert (work.state, work.result) == ("canceled", {"changed": 4})
    assert Contact.objects.for_account(account).count() == 5


def test_nobody_of_another_account_is_listed_counted_or_changed(
    account: Account, other_account: Account, bob: User
) -> None:
    people = make_people(account, bob, 2)
    assert not list_page(other_account.pk, ContactFilter()).contacts
    assert count_contacts(other_account.pk, ContactFilter()).number == 0
    ids = [one.id for one in people]
    assert bulk.apply_act(other_account.pk, ids, BulkAct("delete"), by=None, now=NOW) == 0
    assert Contact.objects.for_account(account).count() == 2


def test_a_search_looks_into_the_values_of_attributes_but_not_their_keys(account: Account, bob: User) -> None:
    city = create_attribute(account.pk, label="City", by=bob, now=NOW)
    colors = create_attribute(account.pk, label="Colors", type="list", by=bob, now=NOW)
    values = {city.number: 'Nowhere "20" Минск', colors.number: ["red", "dark blue"]}
    found = add_contact(account.pk, Profile("a@example.com", attributes=values), by=bob, now=NOW)
    add_contact(account.pk, Profile("b@example.com", attributes={city.number: "Brest"}), by=bob, now=NOW)
    for text in ("nowhere", '"20"', "МИНСК", "Dark Blue", "red"):
        assert list(filter_contacts(account.pk, ContactFilter(search=text))) == [found], text
    assert not list(filter_contacts(account.pk, ContactFilter(search=f'"{city.number}"')))


def test_those_who_did_something_last_come_first_and_the_pages_follow_each_other(
    account: Account, bob: User
) -> None:
    people = make_people(account, bob, 7)
    for number, one in enumerate(people[:4]):
        moment = NOW + timedelta(hours=number)
        Engagement.objects.add(
            account, contact_id=one.id, **({"last_clicked_at" if number % 2 else "last_opened_at": moment})
        )
    seen, after = list[str](), ""
    while True:
        page = list_page(account.pk, ContactFilter(), sort="active", after=after, size=3)
        seen += [row.name for row in page.contacts]
        if not (after := page.after):
            break
    assert seen[:4] == ["Person 3", "Person 2", "Person 1", "Person 0"]
    assert len(set(seen)) == 7


@pytest.mark.parametrize("latest", [2, 4, 5, 100])
def test_pages_by_activity_are_the_same_forward_and_back_however_few_are_looked_among_first(
    account: Account, bob: User, monkeypatch: pytest.MonkeyPatch, latest: int
) -> None:
    monkeypatch.setattr(queries, "LATEST", latest)
    people = make_people(account, bob, 11)
    for number, one in enumerate(people[:8]):  # two of them at one moment
        Engagement.objects.add(account, contact_id=one.id, last_opened_at=NOW + timedelta(hours=number // 2))
    wanted = ContactFilter(search="Person")
    pages, after = list[list[str]](), ""
    while True:
        page = list_page(account.pk, wanted, sort="active", after=after, size=3)
        pages.append([row.name for row in page.contacts])
        if not (after := page.after):
            break
    order = sorted(people[:8], key=lambda one: (people.index(one) // 2, one.id), reverse=True)
    order += sorted(people[8:], key=lambda one: one.id, reverse=True)
    assert [name for names in pages for name in names] == [one.name for one in order]
    back = [pages[-1]]
    while page.before:
        page = list_page(account.pk, wanted, sort="active", before=page.before, size=3)
        back.append([row.name for row in page.contacts])
    assert back[::-1] == pages


def test_a_small_account_is_counted_at_once_and_a_large_one_from_a_share(
    account: Account, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_people(account, bob, 40)
    assert estimate_contacts(account.pk, ContactFilter(search="person 1")).exact
    for number, row in enumerate(Contact.objects.for_account(account).order_by("id")):
        Contact.objects.for_account(account).filter(id=row.id).update(sample=number * 25)
    monkeypatch.setattr(queries, "find_share", lambda account_id: 250)
    estimate = estimate_contacts(account.pk, ContactFilter())
    assert (estimate.number, estimate.exact) == (40, False)
    assert count_contacts(account.pk, ContactFilter(), limit=None).number == 40
