from __future__ import annotations

import csv

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from dynamail.accounts.models import Account, User
from dynamail.consent.models import Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import give_consent
from dynamail.contacts import exporting
from dynamail.contacts.editing import Profile, add_contact
from dynamail.contacts.exporting import export_contacts, guard_formula, start_export, strip_formula_guard
from dynamail.contacts.models import Contact
from dynamail.contacts.patience import TooSlow
from dynamail.contacts.queries import ContactFilter
from dynamail.lib.sql import SqlFragment
from tests.contacts.files import contacts_of, take_in
from tests.support.personas import NOW


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_a_guarded_cell_is_no_formula_and_comes_back_as_it_was(text: str) -> None:
    guarded = guard_formula(text)
    assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert strip_formula_guard(guarded) == text


def test_topics_stand_in_columns_of_their_own(account: Account, bob: User) -> None:
    ann = add_contact(account.pk, Profile("ann@example.com"), by=bob, now=NOW)
    add_contact(account.pk, Profile("zoe@example.com"), by=bob, now=NOW)
    topic = Topic.objects.add(account, name="News")
    give_consent(account.pk, ann.id, topic.pk, proof=Proof(method="page"), now=NOW)
    text = "".join(export_contacts(account.pk, ContactFilter(), columns=["email", f"topic:{topic.pk}"]))
    header, *rows = csv.reader(text.splitlines())
    assert header == ["Email", "News"]
    assert sorted(rows) == [["ann@example.com", "subscribed"], ["zoe@example.com", ""]]


def test_an_export_can_be_taken_in_again(
    account: Account, other_account: Account, bob: User, charlie: User
) -> None:
    names = ["=1+1", "'quoted'", "Анна, Ковалёва", 'say "hi"', "@home", "-5", "'=x"]
    for number, name in enumerate(names):
        add_contact(account.pk, Profile(f"+p{number}@example.com", name), by=bob, now=NOW)
    text = "".join(export_contacts(account.pk, ContactFilter(), columns=["email", "name"], bom=True))
    take_in(other_account, charlie, text.encode())
    assert [
        contacts_of(other_account)[f"+p{number}@example.com"].name for number in range(len(names))
    ] == names


def test_a_condition_is_asked_once_however_many_match(
    account: Account, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "BLOCK", 2)
    people = [add_contact(account.pk, Profile(f"p{one}@example.com"), by=bob, now=NOW) for one in range(7)]
    Contact.objects.for_account(account).filter(id=people[2].id).update(state="restricted")
    narrowing = SqlFragment("contact.email_key <> %s", ("p1@example.com",))
    with CaptureQueriesContext(connection) as asked:
        text = "".join(export_contacts(account.pk, ContactFilter(), narrowing=narrowing, columns=["email"]))
    assert sorted(text.splitlines()) == ["Email", *(f"p{one}@example.com" for one in (0, 3, 4, 5, 6))]
    assert sum("p1@example.com" in query["sql"] for query in asked) == 1
    text = "".join(
        export_contacts(account.pk, ContactFilter(), columns=["email"], ids=[one.id for one in people[:4]])
    )
    assert sorted(text.splitlines()) == ["Email", *(f"p{one}@example.com" for one in (0, 1, 3))]


def test_an_export_that_takes_too_long_says_so_before_anything_is_sent(
    account: Account, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "FINDING_SECONDS", 0.05)
    add_contact(account.pk, Profile("ann@example.com"), by=bob, now=NOW)
    forever = SqlFragment("(SELECT count(pg_sleep(10)) FROM generate_series(1, 9)) > 0")
    with pytest.raises(TooSlow):
        start_export(export_contacts(account.pk, ContactFilter(), narrowing=forever, columns=["email"]))
    started = start_export(export_contacts(account.pk, ContactFilter(), columns=["email"]))
    assert list(started) == ["Email\r\n", "ann@example.com\r\n"]
