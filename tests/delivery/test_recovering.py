"""What a worker that was killed left behind, put together by hand: each case of the judgment, and the fence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from dynamail.delivery import journal as journals
from dynamail.delivery.journal import Journal
from dynamail.delivery.records import BOUNCED, DEFERRED, DELIVERED, Result
from dynamail.delivery.recovering import Recovery
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from dynamail.messages.accepting import Content, accept_message
from dynamail.messages.models import SourceKind
from tests.delivery.stage import Stage, addresses
from tests.delivery.test_journal import die
from tests.support.campaign_rows import LaunchedCampaign
from tests.support.fake_mx import FakeMx

FINE = Result(DELIVERED, "", 250, "2.0.0", "queued")
LATER = Result(DEFERRED, "transient", 451, "4.3.0", "later")
GONE = Result(BOUNCED, "invalid_recipient", 550, "5.1.1", "no such user", True)


def lease_to(stage: Stage, worker_id: UUID, *, started: int, expired: bool = False) -> None:
    """The chunk as a worker had it when it died."""
    until = utc_now() + timedelta(minutes=-1 if expired else 2)
    stage.change(
        "UPDATE chunk SET state = 1, worker = %s, epoch = 1, started = %s, lease_until = %s",
        worker_id,
        started,
        until,
    )


def kill_worker(stage: Stage, write: Callable[[Journal], None]) -> UUID:
    """A worker that wrote some notes and was killed."""
    worker_id = new_id()
    stage.settings.journal_dir.mkdir(parents=True, exist_ok=True)
    journal = Journal(stage.settings.journal_dir, worker_id)
    write(journal)
    die(journal)
    return worker_id


def campaign_on(stage: Stage, mx: FakeMx, count: int = 10) -> LaunchedCampaign:
    return stage.campaign(stage.account(mx.port), addresses(count))


def test_each_declared_message_is_judged_by_its_notes(stage: Stage) -> None:
    with FakeMx() as mx:
        campaign = campaign_on(stage, mx)
        ids = [campaign.message_id(contact_id) for contact_id in campaign.contact_ids]

        def write(journal: Journal) -> None:
            for number in (0, 2, 3, 4):
                journal.note_dot(ids[number])
            journal.note_reply(ids[0], FINE)
            journal.note_reply(ids[3], GONE)
            journal.note_reply(ids[4], LATER)

        lease_to(stage, kill_worker(stage, write), started=6)
        stage.deliver()
        received = sorted(message.recipient for message in mx.accepted)
    accounting = stage.count(campaign)
    assert (accounting.delivered, accounting.unknown, accounting.bounced, accounting.deferred) == (7, 1, 1, 1)
    emails = dict(stage.rows("SELECT id, email FROM contact"))
    sent_again = [emails[campaign.contact_ids[number]] for number in (1, 5, 6, 7, 8, 9)]
    assert received == sorted(sent_again), "not started: sent; everything else: never again"
    assert stage.rows("SELECT reason FROM suppression") == [("hard_bounce",)]
    assert stage.value("SELECT sum(n) FROM rollup_hour WHERE kind = 'hard_bounced'") == 1
    assert list(stage.settings.journal_dir.iterdir()) == []


def test_a_lost_host_leaves_the_whole_window_in_doubt_and_no_more(stage: Stage) -> None:
    with FakeMx() as mx:
        campaign = campaign_on(stage, mx)
        lease_to(stage, new_id(), started=4, expired=True)
        stage.deliver()
        assert len(mx.accepted) == 6
    accounting = stage.count(campaign)
    assert (accounting.delivered, accounting.unknown) == (6, 4)


def test_work_whose_lease_still_runs_is_left_alone(stage: Stage) -> None:
    with FakeMx() as mx:
        campaign = campaign_on(stage, mx)
        lease_to(stage, new_id(), started=4)
        stage.deliver()
        assert mx.messages == []
    assert stage.count(campaign).remaining == 10


def test_work_of_a_living_worker_of_this_host_is_left_alone_even_when_its_lease_ran_out(stage: Stage) -> None:
    with FakeMx() as mx:
        campaign = campaign_on(stage, mx)
        stage.settings.journal_dir.mkdir(parents=True)
        worker_id = new_id()
        journal = Journal(stage.settings.journal_dir, worker_id)
        lease_to(stage, worker_id, started=4, expired=True)
        stage.deliver()
        assert mx.messages == []
        journal.close()
        stage.deliver()
    assert stage.count(campaign).unknown == 4, "its journal went with an orderly end, so nobody knows"


def test_a_journal_from_before_the_last_boot_proves_only_what_it_says(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeMx() as mx:
        campaign = campaign_on(stage, mx)
        ids = [campaign.message_id(contact_id) for contact_id in campaign.contact_ids]
        monkeypatch.setattr(journals, "read_boot_id", lambda: "before")
        worker_id = kill_worker(stage, lambda journal: journal.note_reply(ids[0], FINE))
        monkeypatch.setattr(journals, "read_boot_id", lambda: "after")
        lease_to(stage, worker_id, started=3)
        stage.deliver()
    accounting = stage.count(campaign)
    assert (accounting.delivered, accounting.unknown) == (8, 2)


def test_a_paused_campaigns_lost_chunk_is_settled_and_stays_paused(stage: Stage) -> None:
    with FakeMx() as mx:
        campaign = campaign_on(stage, mx)
        first = campaign.message_id(campaign.contact_ids[0])
        lease_to(stage, kill_worker(stage, lambda journal: journal.note_dot(first)), started=4)
        stage.change("UPDATE chunk SET state = 2")
        stage.change("UPDATE campaign SET state = 'paused'")
        stage.deliver()
        assert mx.messages == []
    assert stage.rows("SELECT state, done, started, worker FROM chunk") == [(2, 1, 1, None)]
    accounting = stage.count(campaign)
    assert (accounting.unknown, accounting.remaining) == (1, 9)


def test_a_worker_that_lost_its_lease_records_nothing(stage: Stage) -> None:
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port, connections=1, rate=20), addresses(60))
        worker = stage.start()
        stage.wait_until(lambda: stage.delivered(campaign))
        stage.change("UPDATE chunk SET worker = %s, epoch = epoch + 1", new_id())
        before = stage.rows("SELECT done, started FROM chunk")
        sent = len(mx.accepted)
        stage.wait_until(lambda: len(mx.accepted) > sent)
        worker.stop()
        assert stage.rows("SELECT done, started FROM chunk") == before
        stage.count(campaign)


def test_single_messages_of_a_dead_worker_are_sent_settled_or_tried_again(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        ids = [
            accept_message(
                account_id,
                source_kind=SourceKind.API,
                recipient=f"p{number}@example.com",
                content=Content("news@acme.example", "Hello", text="Hi"),
                now=utc_now(),
            )
            for number in range(3)
        ]

        def write(journal: Journal) -> None:
            journal.note_dot(ids[0])
            journal.note_reply(ids[0], FINE)
            journal.note_dot(ids[1])

        worker_id = kill_worker(stage, write)
        stage.change("UPDATE outbox SET worker = %s, lease_until = now() + interval '2 minutes'", worker_id)
        stage.deliver()
        assert [message.recipient for message in mx.accepted] == ["p2@example.com"]
    assert stage.rows("SELECT recipient, state FROM message ORDER BY recipient") == [
        ("p0@example.com", "delivered"),
        ("p2@example.com", "delivered"),
    ]
    ((recipient, _, _, in_doubt, _, worker),) = stage.outbox()
    assert (recipient, in_doubt, worker) == ("p1@example.com", True, None)


def test_a_campaign_retry_in_doubt_is_held_for_a_decision(stage: Stage) -> None:
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port), ["defer-451-4.2.1@example.com"])
        stage.deliver()
        message_id = campaign.message_id(campaign.contact_ids[0])
        worker_id = kill_worker(stage, lambda journal: journal.note_dot(message_id))
        stage.change("UPDATE outbox SET worker = %s, lease_until = now() + interval '2 minutes'", worker_id)
        stage.deliver()
    assert stage.count(campaign).unknown == 1
    assert stage.campaign_state(campaign) == "finished"


def test_what_cannot_be_settled_holds_up_nobody_else(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(self: Recovery) -> None:
        raise ValueError("an error of ours")

    monkeypatch.setattr(Recovery, "run", fail)
    with FakeMx() as mx:
        campaign = campaign_on(stage, mx)
        stage.deliver()
    assert stage.count(campaign).delivered == 10
