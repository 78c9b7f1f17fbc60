"""What the account's own systems call its contacts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from dynamail.accounts.models import Account
from dynamail.contacts.editing import delete_contact
from dynamail.contacts.exporting import export_contacts
from dynamail.contacts.external_ids import (
    MOST,
    BadExternalId,
    ExternalIdTaken,
    clean_external_id,
    find_contact_by_external_id,
    link_external_id,
    link_external_ids,
    list_external_ids,
)
from dynamail.contacts.merging import merge_contacts
from dynamail.contacts.models import Contact, ContactExternalId
from dynamail.contacts.own_events import NewOwnEvent, record_own_events
from dynamail.contacts.queries import ContactFilter, filter_contacts
from dynamail.events.models import CustomEvent, Event
from tests.support.people import make_contact

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).replace(microsecond=0)
SOON = NOW + timedelta(minutes=1)


@pytest.fixture
def ann(account: Account) -> Contact:
    return make_contact(account, "ann@mail.example")


@pytest.fixture
def bob(account: Account) -> Contact:
    return make_contact(account, "bob@mail.example")


def link(contact: Contact, external_id: str) -> bool:
    return link_external_id(contact, external_id, by=None, now=NOW)


def ids_of(contact: Contact) -> list[str]:
    return list_external_ids(contact.account_id, [contact.id]).get(contact.id, [])


def test_a_contact_is_found_by_each_of_their_ids_and_case_counts(account: Account, ann: Contact) -> None:
    assert link(ann, " u1 ")
    assert link(ann, "auth0|5f7c")
    assert not link(ann, "u1")
    assert ids_of(ann) == ["auth0|5f7c", "u1"]
    assert find_contact_by_external_id(account.pk, "u1") == ann
    assert find_contact_by_external_id(account.pk, "U1") is None
    assert find_contact_by_external_id(account.pk, "u\x001") is None
    (event, _other) = Event.objects.for_account(account).filter(kind="contact.updated")
    assert event.data["fields"] == ["external_ids"]


def test_an_id_names_one_contact_until_it_is_moved(account: Account, ann: Contact, bob: Contact) -> None:
    link(ann, "u1")
    with pytest.raises(ExternalIdTaken) as taken:
        link(bob, "u1")
    assert taken.value.contact == ann
    assert link_external_ids(account.pk, {"u1": bob.id, "u2": bob.id}, by=None, now=NOW) == {"u2"}
    wanted = {"u1": bob.id, "u2": bob.id}
    assert link_external_ids(account.pk, wanted, move=True, by=None, now=NOW) == {"u1", "u2"}
    assert (ids_of(ann), ids_of(bob)) == ([], ["u1", "u2"])


def test_accounts_do_not_share_ids(account: Account, ann: Contact, other_account: Account) -> None:
    link(ann, "u1")
    stranger = make_contact(other_account, "eve@mail.example")
    assert find_contact_by_external_id(other_account.pk, "u1") is None
    assert link(stranger, "u1")
    assert find_contact_by_external_id(account.pk, "u1") == ann


def test_who_is_gone_gets_no_id(account: Account) -> None:
    assert link_external_ids(account.pk, {"u1": uuid4()}, by=None, now=NOW) == set()
    assert not ContactExternalId.objects.for_account(account).exists()


def test_a_contact_has_so_many_ids_and_no_more(account: Account, ann: Contact) -> None:
    wanted = {f"u{number:03}": ann.id for number in range(MOST + 3)}
    assert len(link_external_ids(account.pk, wanted, by=None, now=NOW)) == MOST
    with pytest.raises(BadExternalId):
        link(ann, "one more")


def test_many_ids_take_as_many_statements_as_few(
    account: Account, django_assert_max_num_queries: Any
) -> None:
    contacts = [make_contact(account, f"p{number}@mail.example") for number in range(60)]
    wanted = {f"u{number}": contact.id for number, contact in enumerate(contacts)}
    for _turn in range(2):
        with django_assert_max_num_queries(7):
            assert link_external_ids(account.pk, wanted, by=None, now=NOW) == wanted.keys()


@pytest.mark.parametrize("text", ["", "  ", "x" * 256, "a\nb", "a\x00b", "Ann@mail.example"])
def test_what_cannot_be_an_external_id_is_refused(text: str) -> None:
    with pytest.raises(BadExternalId):
        clean_external_id(text)


def test_ids_move_with_a_merge_and_go_with_the_contact(account: Account, ann: Contact, bob: Contact) -> None:
    link(ann, "u1")
    link(bob, "u2")
    kept = merge_contacts(account.pk, kept_id=ann.id, gone_id=bob.id, by=None, now=SOON)
    assert ids_of(kept) == ["u1", "u2"]
    assert find_contact_by_external_id(account.pk, "u2") == kept
    delete_contact(kept, by=None, now=SOON)
    assert not ContactExternalId.objects.for_account(account).exists()


def test_an_event_names_its_contact_by_an_external_id(account: Account, ann: Contact, bob: Contact) -> None:
    link(ann, "u1")
    events = [
        NewOwnEvent("seen", external_id="u1"),
        NewOwnEvent("seen", external_id="u2"),
        NewOwnEvent("seen", external_id="u1", email="ann@mail.example"),
        NewOwnEvent("seen", external_id="u1", contact_id=ann.id),
        NewOwnEvent("seen", external_id="u\x00"),
        NewOwnEvent("seen", email="bob@mail.example"),
    ]
    results = record_own_events(account.pk, events, source_kind="api", by=None, now=NOW)
    assert [(one.fault.field, one.fault.code) if one.fault else None for one in results] == [
        None,
        ("external_id", "unknown_contact"),
        ("email", "two_contacts"),
        ("external_id", "two_contacts"),
        ("external_id", "bad_external_id"),
        None,
    ]
    kept = CustomEvent.objects.for_account(account).values_list("contact_id", flat=True)
    assert set(kept) == {ann.id, bob.id}
    Contact.objects.for_account(account).filter(id=ann.id).update(state="restricted")
    (result,) = record_own_events(account.pk, events[:1], source_kind="api", by=None, now=NOW)
    assert result.fault is not None
    assert (result.fault.field, result.fault.code) == ("external_id", "restricted")


def test_a_file_and_a_search_know_the_ids(account: Account, ann: Contact, bob: Contact) -> None:
    link(ann, "=u1")
    link(ann, "u, 2")
    rows = "".join(export_contacts(account.pk, ContactFilter(), columns=["email", "external_ids"]))
    head, _, people = rows.partition("\r\n")
    assert head == "Email,External ids"
    assert set(people.split("\r\n")) == {'ann@mail.example,"\'=u1\nu, 2"', "bob@mail.example,", ""}
    assert list(filter_contacts(account.pk, ContactFilter(search="u, 2"))) == [ann]
