from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.events.counters import count_for_source, read_totals
from dynamail.events.kinds import EventKind
from dynamail.events.log import NewEvent, record_event, record_events
from dynamail.events.models import Event
from dynamail.events.timeline import find_contact_events, find_source_events
from dynamail.lib.ids import id_time, new_id
from tests.support.personas import NOW

pytestmark = pytest.mark.django_db


def test_a_fact_is_kept_as_it_was_told(account: Account) -> None:
    contact, source = new_id(NOW), new_id(NOW)
    event_id = record_event(
        account.pk,
        EventKind.CONTACT_TAGGED,
        contact_id=contact,
        source_kind="campaign",
        source_id=source,
        data={"tag": "Ünïcode", "count": 3},
        now=NOW,
    )
    event = Event.objects.for_account(account).get(id=event_id)
    assert (event.kind, event.contact_id, event.source_id, event.at) == (
        "contact.tagged",
        contact,
        source,
        NOW,
    )
    assert event.data == {"tag": "Ünïcode", "count": 3}
    assert id_time(event_id) == NOW


def test_many_facts_keep_their_own_times_and_order(account: Account) -> None:
    times = [NOW - timedelta(minutes=n) for n in range(7)]
    ids = record_events(account.pk, (NewEvent("contact.updated", at=at) for at in times), now=NOW)
    assert [Event.objects.for_account(account).get(id=event_id).at for event_id in ids] == times


def test_recording_nothing_is_no_statement(account: Account) -> None:
    assert record_events(account.pk, [], now=NOW) == []


def test_the_fact_goes_with_the_transaction_that_told_it(account: Account) -> None:
    with suppress(ZeroDivisionError), account_scope(account):
        record_event(account.pk, EventKind.CONTACT_CREATED, now=NOW)
        1 / 0
    assert not Event.objects.for_account(account).exists()


def test_a_timeline_is_read_page_by_page(account: Account, other_account: Account) -> None:
    contact = new_id(NOW)
    for owner in (account, other_account):
        for minute in range(5):
            record_event(
                owner.pk,
                EventKind.CONTACT_UPDATED,
                contact_id=contact,
                source_id=contact,
                data={"minute": minute},
                now=NOW + timedelta(minutes=minute),
            )
    first = find_contact_events(account.pk, contact, limit=3)
    rest = find_contact_events(account.pk, contact, limit=3, before=first[-1].id)
    assert [event.data["minute"] for event in (*first, *rest)] == [4, 3, 2, 1, 0]
    assert len(find_source_events(account.pk, contact, kinds=("contact.updated",))) == 5
    assert find_source_events(account.pk, contact, kinds=("contact.tagged",)) == []


def test_counters_add_up_over_hours(account: Account, other_account: Account) -> None:
    source = new_id(NOW)
    for hours in (0, 0, 1):
        count_for_source(account.pk, source, "unsubscribed", now=NOW + timedelta(hours=hours))
    count_for_source(other_account.pk, source, "unsubscribed", now=NOW, n=9)
    assert read_totals(account.pk, source) == {"unsubscribed": 3}


def test_a_page_of_a_timeline_uses_the_index(account: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT * FROM event WHERE account_id = 1 AND contact_id = %s ORDER BY id DESC LIMIT 50",
            [new_id(NOW)],
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Seq Scan" not in plan
