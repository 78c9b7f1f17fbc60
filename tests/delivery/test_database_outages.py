"""The database goes away in the middle of a campaign and comes back: the worker survives, nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from dynamail.delivery import chunk_lane, recovering
from dynamail.delivery import worker as workers
from dynamail.lib.clock import utc_now
from dynamail.messages.accepting import Content, accept_message
from dynamail.messages.models import SourceKind
from tests.delivery.severable import SeverableWire
from tests.delivery.stage import Stage, addresses
from tests.support.fake_mx import FakeMx


@pytest.fixture
def wire(stage: Stage) -> Iterator[SeverableWire]:
    made = SeverableWire(stage.settings.conninfo)
    yield made
    made.close()


def test_a_campaign_goes_on_where_it_was_when_the_database_is_back(stage: Stage, wire: SeverableWire) -> None:
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port, rate=200), addresses(400), chunk_size=100)
        worker = stage.start(conninfo=wire.conninfo)
        for share in (60, 160, 260):
            stage.wait_until(lambda share=share: len(mx.accepted) >= share)
            wire.cut()
            stage.wait_until(lambda: worker.worker.is_database_away)
            wire.mend()
        stage.wait_until(lambda: stage.campaign_state(campaign) == "finished")
        worker.stop()
        received = [message.recipient for message in mx.accepted]
    accounting = stage.count(campaign)
    assert len(received) == len(set(received)) == 400
    assert accounting.delivered == 400


def test_a_worker_keeps_what_it_holds_though_its_leases_ran_out_meanwhile(
    stage: Stage, wire: SeverableWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (workers, chunk_lane):
        monkeypatch.setattr(module, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr(workers, "UPKEEP_SECONDS", 0.1)
    monkeypatch.setattr(recovering, "RETURN_GRACE", timedelta())
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port, connections=1, rate=40), addresses(120))
        worker = stage.start(conninfo=wire.conninfo)
        stage.wait_until(lambda: len(mx.accepted) >= 5)
        wire.cut()
        stage.wait_until(lambda: worker.worker.is_database_away)
        stage.wait_until(lambda: stage.value("SELECT lease_until < now() - interval '1 second' FROM chunk"))
        wire.mend()
        stage.wait_until(lambda: stage.campaign_state(campaign) == "finished")
        worker.stop()
        received = [message.recipient for message in mx.accepted]
    assert len(received) == len(set(received)) == 120
    assert stage.value("SELECT epoch FROM chunk") == 1


def test_sending_stops_while_nobody_can_say_who_may_be_mailed(stage: Stage, wire: SeverableWire) -> None:
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port, connections=1, rate=20), addresses(200))
        worker = stage.start(conninfo=wire.conninfo)
        stage.wait_until(lambda: len(mx.accepted) >= 5)
        wire.cut()
        stage.wait_until(lambda: worker.worker.is_database_away)
        stage.change("UPDATE subscription SET state = 'unsubscribed'")
        wire.mend()
        stage.wait_until(lambda: stage.campaign_state(campaign) == "finished")
        worker.stop()
        received = len(mx.accepted)
    accounting = stage.count(campaign)
    assert accounting.delivered == received
    assert accounting.suppressed == 200 - received
    assert received < 200


def test_a_worker_starts_before_its_database(stage: Stage, wire: SeverableWire) -> None:
    wire.cut()
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        worker = stage.start(conninfo=wire.conninfo)
        stage.wait_until(lambda: worker.worker.is_database_away)
        wire.mend()
        accept_message(
            account_id,
            source_kind=SourceKind.API,
            recipient="ann@example.com",
            content=Content("news@acme.example", "Hello", text="Hi"),
            now=utc_now(),
        )
        stage.wait_until(lambda: mx.accepted)
        stage.wait_until(lambda: stage.outbox() == [])
        worker.stop()


def test_a_worker_without_database_still_stops(stage: Stage, wire: SeverableWire) -> None:
    wire.cut()
    worker = stage.start(conninfo=wire.conninfo)
    stage.wait_until(lambda: worker.worker.is_database_away)
    worker.stop()
