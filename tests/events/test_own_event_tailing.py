from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.db import connection, transaction

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.own_events import NewOwnEvent, record_own_events
from dynamail.events.models import EventName
from dynamail.events.tailing import TakenOwnEvent, skip_to_end, take_custom_events
from tests.support.people import make_contact
from tests.support.personas import NOW

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_SECONDS = 180


@pytest.fixture(autouse=True)
def empty_log(transactional_db: None) -> Iterator[None]:
    """The log is no managed table: the flush between tests leaves it alone."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE event, custom_event")


def settle() -> None:
    """Wait until no transaction is open that began before the log's last row: other tests' hold the horizon back as well."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT tx < pg_snapshot_xmin(pg_current_snapshot()) FROM custom_event ORDER BY tx DESC LIMIT 1"
            )
            if cursor.fetchone() in (None, (True,)):
                return
        time.sleep(0.05)
    raise AssertionError("another transaction stayed open")


def take(limit: int = 100) -> list[TakenOwnEvent]:
    settle()
    with transaction.atomic():
        return take_custom_events("test", limit=limit, now=NOW)


def record(account: Account, *totals: object) -> None:
    events = [NewOwnEvent("order.placed", "dana@mail.example", properties={"total": one}) for one in totals]
    with account_scope(account.pk):
        record_own_events(account.pk, events, source_kind="api", by=None, now=NOW)


def test_a_reader_gets_each_own_event_once_with_exact_numbers(account: Account) -> None:
    contact = make_contact(account)
    skip_to_end("test", now=NOW)
    record(account, Decimal("0.10"), 7)
    first, second = sorted(take(), key=lambda event: event.properties["total"])
    name = EventName.objects.for_account(account).get()
    assert (first.account_id, first.contact_id, first.name_id) == (account.pk, contact.id, name.pk)
    assert (first.at, first.source_kind, first.properties) == (NOW, "api", {"total": Decimal("0.10")})
    assert second.properties == {"total": 7}
    record(account, 8)
    assert [event.properties["total"] for event in take()] == [8]
    assert take() == []


def test_a_limit_leaves_the_rest_for_the_next_time(account: Account) -> None:
    make_contact(account)
    skip_to_end("test", now=NOW)
    record(account, *range(5))
    taken = [take(2), take(2), take(2)]
    assert [len(one) for one in taken] == [2, 2, 1]
    assert {event.properties["total"] for one in taken for event in one} == set(range(5))


def test_a_reader_outside_of_a_transaction_is_refused(account: Account) -> None:
    with pytest.raises(RuntimeError, match="open a transaction"):
        take_custom_events("test", limit=1, now=NOW)
