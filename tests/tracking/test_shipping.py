from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from dynamail.accounts.models import Account
from dynamail.campaigns.models import Campaign
from dynamail.consent.models import Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import choose_tracking, withdraw_consent
from dynamail.contacts.merging import merge_contacts
from dynamail.contacts.models import Contact
from dynamail.events.models import Engagement, Event, IngestSegment, Interaction
from dynamail.tracking.hits import CLICKED, MACHINE, OPENED, Hit, pack_hit
from dynamail.tracking.segments import SegmentWriter, find_closed
from dynamail.tracking.shipping import run_shipping, ship_directory, ship_file
from dynamail.tracking.tasks import forget_segments
from dynamail.tracking.tokens import NOBODY
from tests.support.people import make_contact, subscribe
from tests.support.personas import NOW
from tests.tracking.conftest import counters, with_pool
from tests.tracking.shipped import MOMENT, hit_of, ship

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = Proof(method="page")


@pytest.fixture
def reader(account: Account, topic: Topic) -> Contact:
    """Somebody who gets the campaign and allowed tracking."""
    contact = make_contact(account, lane=5)
    subscribe(contact, topic)
    return contact


def is_nothing_recorded(account: Account) -> bool:
    tables = (Event, Interaction, Engagement)
    kinds = {"message.opened", "message.clicked"}
    events = Event.objects.for_account(account).filter(kind__in=kinds)
    return not events.exists() and not any(
        table.objects.for_account(account).exists() for table in tables[1:]
    )


def test_a_click_is_in_the_log_the_counters_and_the_person_s_facts(
    account: Account, campaign: Campaign, reader: Contact, hits_dir: Path
) -> None:
    ship(hits_dir, hit_of(reader, campaign), hit_of(reader, campaign, OPENED))
    clicked = Event.objects.for_account(account).get(kind="message.clicked")
    assert (clicked.contact_id, clicked.source_id, clicked.at, clicked.data) == (
        reader.id,
        campaign.uid,
        NOW,
        {"link": 2},
    )
    assert counters(account) == {"clicked": 1, "unique_clicked": 1, "opened": 1, "unique_opened": 1}
    facts = Engagement.objects.for_account(account).get(contact_id=reader.id)
    assert (facts.clicked, facts.opened, facts.last_clicked_at) == (1, 1, NOW)
    assert find_closed(hits_dir) == []


def test_a_person_counts_once_however_often_they_click(
    account: Account, campaign: Campaign, reader: Contact, hits_dir: Path
) -> None:
    ship(hits_dir, hit_of(reader, campaign, link_number=1), hit_of(reader, campaign, link_number=2))
    ship(hits_dir, hit_of(reader, campaign, link_number=2, at_ms=MOMENT + 5_000))
    assert counters(account) == {"clicked": 3, "unique_clicked": 1}
    rows = (
        Interaction.objects.for_account(account).order_by("link_number").values_list("link_number", "times")
    )
    assert list(rows) == [(-1, 3), (1, 1), (2, 2)]


def test_machines_are_kept_and_not_counted(
    account: Account, campaign: Campaign, reader: Contact, hits_dir: Path
) -> None:
    ship(hits_dir, hit_of(reader, campaign, flags=MACHINE), hit_of(reader, campaign, OPENED, flags=MACHINE))
    assert counters(account) == {"machine_clicked": 1, "machine_opened": 1}
    assert Event.objects.for_account(account).filter(data__machine=True).count() == 2
    assert not Interaction.objects.for_account(account).exists()
    assert not Engagement.objects.for_account(account).exists()


def test_a_segment_is_shipped_once_though_the_process_dies_before_deleting_it(
    account: Account, campaign: Campaign, reader: Contact, hits_dir: Path
) -> None:
    writer = SegmentWriter(hits_dir)
    writer.append(pack_hit(hit_of(reader, campaign)))
    writer.close()
    (path,) = find_closed(hits_dir)

    def die() -> None:
        raise KeyboardInterrupt

    async def ship_and_die(pool: AsyncConnectionPool) -> None:
        async with pool.connection() as connection:
            with pytest.raises(KeyboardInterrupt):
                await ship_file(connection, path, now=NOW, after_commit=die)
        assert path.exists()
        await ship_directory(pool, hits_dir, now=NOW)

    with_pool(ship_and_die)
    assert counters(account)["clicked"] == 1
    assert not path.exists()


def test_two_processes_that_ship_one_file_write_it_once(
    account: Account, campaign: Campaign, reader: Contact, hits_dir: Path
) -> None:
    writer = SegmentWriter(hits_dir)
    for link in range(200):
        writer.append(pack_hit(hit_of(reader, campaign, link_number=link, at_ms=MOMENT + link * 9_000)))
    writer.close()
    (path,) = find_closed(hits_dir)

    async def ship_one(pool: AsyncConnectionPool) -> None:
        async with pool.connection() as connection:
            await ship_file(connection, path, now=NOW)

    async def ship_twice(pool: AsyncConnectionPool) -> None:
        await asyncio.gather(ship_one(pool), ship_one(pool))

    with_pool(ship_twice)
    assert counters(account) == {"clicked": 200, "unique_clicked": 1}


@pytest.mark.promise("P8.4")
@pytest.mark.parametrize(
    "change",
    [
        lambda contact, topic: withdraw_consent(
            contact.account_id, contact.id, topic.pk, proof=PAGE, now=NOW
        ),
        lambda contact, topic: choose_tracking(
            contact.account_id, contact.id, allowed=False, proof=PAGE, now=NOW
        ),
        lambda contact, topic: (
            Contact.objects.for_account(contact.account_id).filter(id=contact.id).update(state="restricted")
        ),
        lambda contact, topic: Contact.objects.for_account(contact.account_id).filter(id=contact.id).delete(),
        lambda contact, topic: Topic.objects.for_account(contact.account_id).update(tracking="none"),
    ],
    ids=["unsubscribed", "refused tracking", "restricted", "erased", "topic tracks nothing"],
)
def test_old_pixels_and_links_of_a_person_who_withdrew_write_nothing(
    account: Account,
    campaign: Campaign,
    topic: Topic,
    reader: Contact,
    hits_dir: Path,
    change: Callable[[Contact, Topic], object],
) -> None:
    change(reader, topic)
    ship(hits_dir, hit_of(reader, campaign), hit_of(reader, campaign, OPENED))
    assert is_nothing_recorded(account)
    assert counters(account) == {}


def test_an_old_link_of_a_merged_person_counts_for_the_one_who_stays(
    account: Account, campaign: Campaign, topic: Topic, reader: Contact, hits_dir: Path
) -> None:
    kept = make_contact(account, "kept@mail.example")
    subscribe(kept, topic)
    merge_contacts(account.pk, kept_id=kept.id, gone_id=reader.id, by=None, now=NOW)
    ship(hits_dir, hit_of(reader, campaign))
    assert Engagement.objects.for_account(account).get().contact_id == kept.id
    assert Event.objects.for_account(account).get(kind="message.clicked").contact_id == kept.id


def test_a_person_who_was_never_asked_counts_only_for_the_campaign(
    account: Account, campaign: Campaign, topic: Topic, hits_dir: Path
) -> None:
    contact = make_contact(account, "never@asked.example")
    subscribe(contact, topic, allow_tracking=None)
    ship(hits_dir, hit_of(contact, campaign))
    assert counters(account) == {"clicked": 1}
    assert Event.objects.for_account(account).get(kind="message.clicked").contact_id is None
    assert set(Interaction.objects.for_account(account).values_list("contact_id", flat=True)) == {NOBODY}
    assert not Engagement.objects.for_account(account).exists()


def test_a_topic_that_went_back_to_totals_forgets_the_person_in_old_links(
    account: Account, campaign: Campaign, topic: Topic, reader: Contact, hits_dir: Path
) -> None:
    Topic.objects.for_account(account).update(tracking="aggregate")
    ship(hits_dir, hit_of(reader, campaign), hit_of(reader, campaign, OPENED, contact=NOBODY.bytes))
    assert counters(account) == {"clicked": 1, "opened": 1}
    assert (
        not Event.objects.for_account(account).filter(source_id=campaign.uid, contact_id=reader.id).exists()
    )


def test_a_hit_for_an_account_that_is_gone_is_dropped(hits_dir: Path) -> None:
    hit = Hit(4_000_000, MOMENT, uuid4().bytes, uuid4().bytes, 1, CLICKED)
    assert ship(hits_dir, hit) == 1
    assert find_closed(hits_dir) == []


def test_another_account_s_person_is_nobody_here(
    account: Account, other_account: Account, campaign: Campaign, reader: Contact, hits_dir: Path
) -> None:
    ship(hits_dir, Hit(other_account.pk, MOMENT, campaign.uid.bytes, reader.id.bytes, 1, CLICKED))
    assert is_nothing_recorded(account)
    assert is_nothing_recorded(other_account)


def test_a_file_that_the_database_never_takes_is_set_aside_and_the_next_goes_on(
    account: Account, campaign: Campaign, reader: Contact, hits_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    years_ago = MOMENT - int(timedelta(days=4000).total_seconds() * 1000)
    ship(hits_dir, hit_of(reader, campaign, at_ms=years_ago))  # no partition holds it
    assert [path.suffix for path in hits_dir.iterdir()] == [".refused"]
    assert "could not be recorded" in caplog.text
    ship(hits_dir, hit_of(reader, campaign))
    assert counters(account)["clicked"] == 1


def test_stopping_ships_what_is_left(
    account: Account, campaign: Campaign, reader: Contact, hits_dir: Path
) -> None:
    writer = SegmentWriter(hits_dir)

    async def run(pool: AsyncConnectionPool) -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(run_shipping(pool, writer, stop=stop))
        await asyncio.sleep(0)
        writer.append(pack_hit(hit_of(reader, campaign)))
        stop.set()
        await task

    with_pool(run)
    assert counters(account)["clicked"] == 1
    assert list(hits_dir.iterdir()) == []


def test_hits_wait_while_the_database_is_away(campaign: Campaign, reader: Contact, hits_dir: Path) -> None:
    writer = SegmentWriter(hits_dir)
    writer.append(pack_hit(hit_of(reader, campaign)))

    class Away:
        def connection(self) -> None:
            raise psycopg.OperationalError("the server is down")

    async def run() -> None:
        stop = asyncio.Event()
        stop.set()
        await run_shipping(Away(), writer, stop=stop)

    asyncio.run(run())
    assert len(find_closed(hits_dir)) == 1


def test_ids_of_old_segments_are_forgotten(db: None) -> None:
    for days in (0, 40):
        IngestSegment.objects.create(id=UUID(int=days), rows=1, at=NOW - timedelta(days=days))
    forget_segments()
    assert UUID(int=40) not in set(IngestSegment.objects.values_list("id", flat=True))
