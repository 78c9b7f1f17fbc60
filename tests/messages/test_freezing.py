from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connections

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.consent.models import SuppressionReason
from dynamail.consent.suppressing import suppress_address
from dynamail.lib.ids import new_id
from dynamail.lib.sql import SqlFragment
from dynamail.messages.accounting import Whereabouts, count_outcomes, list_recipients
from dynamail.messages.freezing import (
    FrozenSender,
    FrozenSettings,
    FrozenSource,
    cancel_chunks,
    count_audience,
    freeze_audience,
    freeze_content,
    has_open_chunks,
    pause_chunks,
    resume_chunks,
)
from dynamail.messages.models import Chunk, QueueClock
from tests.messages.audience import Audience, make_addresses, make_audience, set_contact
from tests.support.personas import NOW


def freeze(audience: Audience, **values: object) -> int:
    parameters = {"source_id": new_id(NOW), "topic_id": audience.topic.pk, "launched_at": NOW} | values
    return freeze_audience(audience.account_id, **parameters)


def chunks_of(account: Account) -> list[Chunk]:
    return list(Chunk.objects.for_account(account).order_by("tag"))


def test_everybody_subscribed_stands_in_exactly_one_chunk(account: Account) -> None:
    audience = make_audience(account, make_addresses(1201))
    assert freeze(audience) == 1201
    chunks = chunks_of(account)
    assert [chunk.size for chunk in chunks] == [500, 500, 201]
    assert sorted(i for chunk in chunks for i in chunk.contact_ids) == audience.contact_ids


def test_chunks_hold_one_mailbox_provider_each(account: Account) -> None:
    audience = make_audience(account, make_addresses(6))
    for contact_id in audience.contact_ids[::2]:
        set_contact(account, contact_id, "lane", 1)
    freeze(audience)
    assert sorted((chunk.lane, chunk.size) for chunk in chunks_of(account)) == [(0, 3), (1, 3)]


def test_the_count_and_the_launch_agree(account: Account) -> None:
    audience = make_audience(account, make_addresses(10))
    ids = audience.contact_ids
    set_contact(account, ids[0], "state", "suppressed")
    set_contact(account, ids[1], "state", "restricted")
    suppress_address(
        account.pk, "person3@example.com", reason=SuppressionReason.MANUAL, scope="marketing", now=NOW
    )
    set_contact(account, ids[4], "tags", [7])
    set_contact(account, ids[5], "tags", [7, 8])
    everybody = {"topic_id": audience.topic.pk, "now": NOW}
    assert count_audience(account.pk, **everybody) == 7
    assert count_audience(account.pk, include_tags=[7, 9], **everybody) == 2
    assert count_audience(account.pk, include_tags=[7], exclude_tags=[8], **everybody) == 1
    assert count_audience(account.pk, exclude_tags=[7], **everybody) == 5
    assert freeze(audience, include_tags=[7], exclude_tags=[8]) == 1


def test_a_condition_narrows_the_count_and_the_launch_alike(account: Account) -> None:
    audience = make_audience(account, make_addresses(10))
    set_contact(account, audience.contact_ids[2], "state", "restricted")
    narrowing = SqlFragment("contact.email_key LIKE %s AND contact.name <> '100%%'", ("person1%",))
    wanted = {"topic_id": audience.topic.pk, "narrowing": narrowing}
    assert count_audience(account.pk, now=NOW, **wanted) == 1
    assert freeze(audience, narrowing=narrowing) == 1
    everybody = SqlFragment("contact.id IS NOT NULL OR contact.state = %s", ("restricted",))
    assert count_audience(account.pk, topic_id=audience.topic.pk, narrowing=everybody, now=NOW) == 9


def test_unsubscribed_and_pending_contacts_are_not_frozen(account: Account) -> None:
    audience = make_audience(account, make_addresses(3))
    with connections["default"].cursor() as cursor:
        for contact_id, state in zip(audience.contact_ids, ("unsubscribed", "pending"), strict=False):
            cursor.execute(
                "UPDATE subscription SET state = %s WHERE account_id = %s AND contact_id = %s",
                [state, account.pk, contact_id],
            )
    assert freeze(audience) == 1


def test_freezing_twice_writes_one_set_of_chunks(account: Account) -> None:
    audience, source = make_audience(account, make_addresses(3)), new_id(NOW)
    assert freeze(audience, source_id=source) == 3
    make_audience(account, ["late@example.com"])
    assert freeze(audience, source_id=source) == 3
    assert len(chunks_of(account)) == 1


def test_nobody_is_frozen_for_an_empty_audience(account: Account) -> None:
    audience = make_audience(account, [])
    assert freeze(audience) == 0
    assert chunks_of(account) == []


def test_only_contacts_of_the_account_are_frozen(account: Account, other_account: Account) -> None:
    audience = make_audience(account, make_addresses(2))
    make_audience(other_account, make_addresses(2))
    with account_scope(account):
        assert freeze(audience) == 2
        assert count_audience(other_account.pk, topic_id=audience.topic.pk, now=NOW) == 0


def test_a_small_campaign_does_not_wait_behind_a_large_one(account: Account, other_account: Account) -> None:
    whale = make_audience(account, make_addresses(2000))
    freeze(whale)
    QueueClock.objects.filter(id=1).update(tag=500)  # a worker has claimed the whale's first two chunks
    shrimp = make_audience(other_account, make_addresses(10))
    freeze(shrimp)
    tags = [
        (chunk.tag, chunk.account_id)
        for chunk in Chunk.objects.across_accounts(reason="the queue").order_by("tag")
    ]
    assert [tag for tag, owner in tags if owner == other_account.pk] == [500]
    assert [tag for tag, owner in tags if owner == account.pk] == [0, 500, 1000, 1500]


def test_an_accounts_second_campaign_lines_up_behind_its_first(account: Account) -> None:
    audience = make_audience(account, make_addresses(700))
    freeze(audience)
    freeze(audience)
    assert [chunk.tag for chunk in chunks_of(account)] == [0, 500, 700, 1200]


def test_pausing_and_resuming_keeps_everybody(account: Account) -> None:
    audience, source = make_audience(account, make_addresses(5)), new_id(NOW)
    freeze(audience, source_id=source)
    assert pause_chunks(account.pk, source_id=source) == 5
    assert chunks_of(account)[0].state == Chunk.State.PAUSED
    assert resume_chunks(account.pk, source_id=source) == 5
    assert chunks_of(account)[0].state == Chunk.State.READY


def test_resuming_gives_a_chunk_back_to_the_worker_that_still_holds_it(account: Account) -> None:
    audience, source = make_audience(account, make_addresses(5)), new_id(NOW)
    freeze(audience, source_id=source)
    Chunk.objects.for_account(account).update(
        state=Chunk.State.LEASED, worker=new_id(), lease_until=NOW + timedelta(minutes=2)
    )
    pause_chunks(account.pk, source_id=source)
    resume_chunks(account.pk, source_id=source)
    assert chunks_of(account)[0].state == Chunk.State.LEASED


def test_a_canceled_campaign_counts_and_names_those_whom_nobody_tried(account: Account) -> None:
    audience, source = make_audience(account, make_addresses(5)), new_id(NOW)
    freeze(audience, source_id=source)
    assert has_open_chunks(account.pk, source_id=source)
    assert cancel_chunks(account.pk, source_id=source, now=NOW) == 5
    assert not has_open_chunks(account.pk, source_id=source)
    accounting = count_outcomes(account.pk, source)
    assert (accounting.frozen, accounting.canceled, accounting.remaining) == (5, 5, 0)
    assert accounting.adds_up
    first = list_recipients(account.pk, source, Whereabouts.CANCELED, size=3)
    rest = list_recipients(account.pk, source, Whereabouts.CANCELED, after=first[-1].key, size=3)
    assert [line.contact_id for line in first + rest] == audience.contact_ids


def test_those_who_are_still_to_come_are_listed_page_by_page(account: Account) -> None:
    audience, source = make_audience(account, make_addresses(5)), new_id(NOW)
    freeze(audience, source_id=source)
    Chunk.objects.for_account(account).update(done=2)
    lines = list_recipients(account.pk, source, Whereabouts.REMAINING, size=2)
    more = list_recipients(account.pk, source, Whereabouts.REMAINING, after=lines[-1].key, size=2)
    assert [line.contact_id for line in lines + more] == audience.contact_ids[2:]


def test_content_is_frozen_once(account: Account) -> None:
    source_id = new_id(NOW)
    values = {
        "source_id": source_id,
        "sender": FrozenSender("news@acme.example"),
        "settings": FrozenSettings(1, "News", "November", "Acme"),
        "launched_at": NOW,
    }
    freeze_content(account.pk, source=FrozenSource("text", "First", "Body"), **values)
    row = freeze_content(account.pk, source=FrozenSource("text", "Second", "Body"), **values)
    assert row.source["subject"] == "First"
    assert row.created_at == NOW


@pytest.mark.parametrize("statement", ["count_audience", "freeze_audience"])
def test_the_audience_is_written_in_one_place_only(statement: str) -> None:
    from dynamail.lib.sql import load_sql

    assert "/* select_audience */" in load_sql("messages", statement)
