from __future__ import annotations

import csv

from hypothesis import given
from hypothesis import strategies as st

from dynamail.accounts.models import Account, User
from dynamail.consent.models import Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import give_consent
from dynamail.contacts.editing import Profile, add_contact
from dynamail.contacts.exporting import export_contacts, guard_formula, strip_formula_guard
from dynamail.contacts.queries import ContactFilter
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
