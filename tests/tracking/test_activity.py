from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from dynamail.accounts.models import Account
from dynamail.campaigns.models import Campaign
from dynamail.consent.models import Topic
from dynamail.contacts.editing import delete_contact
from dynamail.contacts.models import Contact
from dynamail.events.kinds import EventKind
from dynamail.events.log import record_event
from dynamail.events.models import Activity
from dynamail.tracking.hits import MACHINE, OPENED
from dynamail.tracking.tokens import NOBODY
from tests.support.people import make_contact, subscribe
from tests.support.personas import NOW
from tests.tracking.shipped import MOMENT, hit_of, ship

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = 60_000


@pytest.fixture(autouse=True)
def empty_activity(transactional_db: None) -> Iterator[None]:
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE activity, event")


@pytest.fixture
def reader(account: Account, topic: Topic) -> Contact:
    contact = make_contact(account)
    subscribe(contact, topic)
    return contact


def facts(account: Account) -> list[tuple[str, int, int, int]]:
    """(kind, minutes after NOW, link, n) in order."""
    rows = Activity.objects.for_account(account).order_by("kind", "at", "link_number")
    return [(row.kind, round((row.at - NOW) / timedelta(minutes=1)), row.link_number, row.n) for row in rows]


def test_what_a_person_did_adds_up_in_quarters_of_an_hour(
    account: Account, campaign: Campaign, reader: Contact, hits_dir: Path
) -> None:
    ship(
        hits_dir,
        hit_of(reader, campaign, OPENED),
        hit_of(reader, campaign),
        hit_of(reader, campaign, link_number=1, at_ms=MOMENT + 14 * MINUTE),
    )
    ship(hits_dir, hit_of(reader, campaign, OPENED, at_ms=MOMENT + 14 * MINUTE + 59_999))
    ship(hits_dir, hit_of(reader, campaign, OPENED, at_ms=MOMENT + 15 * MINUTE), hit_of(reader, campaign))
    assert facts(account) == [
        ("clicked", 0, 1, 1),
        ("clicked", 0, 2, 2),
        ("opened", 0, -1, 2),
        ("opened", 15, -1, 1),
    ]
    row = Activity.objects.for_account(account).first()
    assert row is not None
    assert (row.contact_id, row.source_id) == (reader.id, campaign.uid)


def test_machines_and_nobody_leave_no_activity(
    account: Account, campaign: Campaign, reader: Contact, hits_dir: Path
) -> None:
    stranger = make_contact(account, "nobody@mail.example")
    ship(
        hits_dir,
        hit_of(reader, campaign, flags=MACHINE),
        hit_of(reader, campaign, OPENED, contact=NOBODY.bytes),
        hit_of(stranger, campaign, OPENED),
        hit_of(reader, campaign, OPENED, contact=uuid4().bytes),
    )
    assert facts(account) == []


@pytest.mark.promise("P8.4")
def test_a_topic_that_only_counts_leaves_no_activity(
    account: Account, topic: Topic, campaign: Campaign, reader: Contact, hits_dir: Path
) -> None:
    Topic.objects.for_account(account).filter(pk=topic.pk).update(tracking="aggregate")
    ship(hits_dir, hit_of(reader, campaign), hit_of(reader, campaign, OPENED))
    assert facts(account) == []


def test_activity_comes_with_its_segment_or_not_at_all(
    account: Account, campaign: Campaign, reader: Contact, hits_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dynamail.tracking import shipping

    async def fail(connection: psycopg.AsyncConnection[object]) -> None:
        await settle(connection)
        raise psycopg.OperationalError("the server went away before the commit")

    settle = shipping._settle
    with monkeypatch.context() as patch:
        patch.setattr(shipping, "_settle", fail)
        with pytest.raises(psycopg.OperationalError):
            ship(hits_dir, hit_of(reader, campaign))
    assert facts(account) == []
    ship(hits_dir, hit_of(reader, campaign, OPENED))
    assert facts(account) == [("clicked", 0, 2, 1), ("opened", 0, -1, 1)]


@pytest.mark.promise("P8.1")
def test_deleting_a_contact_removes_what_they_did(
    account: Account, campaign: Campaign, reader: Contact, hits_dir: Path
) -> None:
    ship(hits_dir, hit_of(reader, campaign))
    delete_contact(reader, by=None, now=NOW)
    assert facts(account) == []


def test_what_was_logged_before_the_table_existed_is_counted_once(
    account: Account, campaign: Campaign, reader: Contact, hits_dir: Path
) -> None:
    def log(kind: str, minutes: int, contact: Contact = reader, **data: object) -> None:
        at = NOW + timedelta(minutes=minutes)
        record_event(
            account.pk,
            kind,
            contact_id=contact.id,
            source_kind="campaign",
            source_id=campaign.uid,
            data=data,
            now=at,
        )

    ship(hits_dir, hit_of(reader, campaign, OPENED, at_ms=MOMENT - 90 * MINUTE))  # the new code ran already
    gone = make_contact(account, "gone@mail.example")
    log(EventKind.MESSAGE_OPENED, 1)
    log(EventKind.MESSAGE_OPENED, 14)
    log(EventKind.MESSAGE_OPENED, 16)
    log(EventKind.MESSAGE_OPENED, 2, machine=True)
    log(EventKind.MESSAGE_CLICKED, 3, link=4)
    log(EventKind.MESSAGE_CLICKED, 3, link=4, machine=True)
    log(EventKind.MESSAGE_BOUNCED, 3)
    log(EventKind.MESSAGE_OPENED, 3, contact=gone)
    delete_contact(gone, by=None, now=NOW)
    fill = import_module("dynamail.events.migrations.0004_activity_from_the_log").FILL
    for _twice in range(2):
        with connection.cursor() as cursor:
            cursor.execute(fill)
        assert facts(account) == [
            ("clicked", 0, 4, 1),
            ("opened", -90, -1, 1),
            ("opened", 0, -1, 2),
            ("opened", 15, -1, 1),
        ]
