from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dynamail.accounts.models import Account
from dynamail.contacts.editing import delete_contacts
from dynamail.contacts.models import Contact
from dynamail.events.kinds import EventKind
from dynamail.events.models import Event
from dynamail.lib.ids import new_id
from tests.support.people import make_contact
from tests.support.personas import NOW

pytestmark = pytest.mark.django_db


def list_deleted(account: Account) -> list[Event]:
    return list(Event.objects.for_account(account).filter(kind=EventKind.CONTACT_DELETED).order_by("id"))


def test_the_log_says_that_somebody_was_deleted_and_nothing_about_them(account: Account) -> None:
    ann = make_contact(account, "ann@mail.example", name="Ann Novak", attributes={"1": "Minsk"})
    delete_contacts(account.pk, [ann.id], by=None, now=NOW)
    (event,) = list_deleted(account)
    assert (event.contact_id, event.message_id, event.source_id, event.data) == (ann.id, None, None, {})


def test_only_who_was_there_is_told_of(account: Account, other_account: Account) -> None:
    ann = make_contact(account, "ann@mail.example")
    stranger = make_contact(other_account, "bea@mail.example")
    assert delete_contacts(account.pk, [ann.id, stranger.id, new_id(NOW)], by=None, now=NOW) == 1
    assert delete_contacts(account.pk, [ann.id], by=None, now=NOW) == 0
    assert [event.contact_id for event in list_deleted(account)] == [ann.id]
    assert list_deleted(other_account) == []
    assert Contact.objects.for_account(other_account).count() == 1


def test_many_are_deleted_in_as_many_statements_as_one(account: Account) -> None:
    people = [make_contact(account, f"p{n}@mail.example") for n in range(31)]
    with CaptureQueriesContext(connection) as one:
        delete_contacts(account.pk, [people[0].id], by=None, now=NOW)
    with CaptureQueriesContext(connection) as many:
        delete_contacts(account.pk, [person.id for person in people[1:]], by=None, now=NOW)
    assert len(many) == len(one)
    assert len(list_deleted(account)) == 31
