"""A walk that is given up. What a walk brings is tested with exports and bulk changes."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dynamail.accounts.models import Account
from dynamail.contacts.queries import ContactFilter
from dynamail.contacts.walking import walk_contacts
from tests.support.people import make_contact

pytestmark = pytest.mark.django_db


def count_tables() -> int:
    with connection.cursor() as cursor:
        cursor.execute(r"SELECT count(*) FROM pg_class WHERE relname LIKE 'walk\_%' AND relkind = 'r'")
        return int(cursor.fetchone()[0])


def test_a_walk_that_is_given_up_asks_nothing_of_the_database(account: Account) -> None:
    """Python collects it whenever it likes, also in the middle of a statement of the same session, which would wait for itself."""
    for number in range(3):
        make_contact(account, f"ann{number}@mail.example")
    walk = walk_contacts(account.pk, ContactFilter(), None, size=1)
    next(walk)
    with CaptureQueriesContext(connection) as queries:
        walk.close()
    assert len(queries) == 0
    assert count_tables() == 1
    assert len(list(walk_contacts(account.pk, ContactFilter(), None, size=1))) == 3
    assert count_tables() == 0
