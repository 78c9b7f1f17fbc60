"""A relay that refuses, drops or stalls at every stage: nothing is lost, nothing is doubled, the rest goes on, and it shows."""

from __future__ import annotations

import socket

import pytest

from dynamail.delivery import ways
from dynamail.lib.clock import utc_now
from dynamail.messages.accepting import Content, accept_message
from dynamail.messages.models import SourceKind
from dynamail.protocols.smtp.next_hop import Timeouts
from tests.delivery.stage import Stage, addresses
from tests.support.fake_mx import Close, Correct, FakeMx, Reply, Stall, garbage


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def shown_problem(stage: Stage) -> str:
    rows = stage.rows("SELECT stats -> 'ways' -> 0 ->> 'problem' FROM deliver_worker")
    return rows[0][0] if rows and rows[0][0] else ""


@pytest.mark.parametrize("stage_name", ["connect", "ehlo", "mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize(
    "act",
    [Reply("421 4.3.2 going down"), Reply("451 4.3.0 later"), Close(), Stall(), garbage()],
    ids=["421", "451", "close", "stall", "garbage"],
)
def test_a_relay_that_fails_once_at_a_stage_costs_nobody_the_message(
    stage: Stage, stage_name: str, act: object
) -> None:
    script = {stage_name: [act, Correct()]}
    with FakeMx(script=script) as mx:  # type: ignore[arg-type]
        campaign = stage.campaign(stage.account(mx.port, connections=1), addresses(4))
        worker = stage.start()
        stage.wait_until(lambda: stage.delivered(campaign) >= 3)
        stage.change("UPDATE outbox SET run_at = now()")
        stage.wait_until(lambda: stage.campaign_state(campaign) == "finished")
        worker.stop()
        received = [message.recipient for message in mx.accepted]
    accounting = stage.count(campaign)
    assert len(received) == len(set(received)) == accounting.delivered
    assert accounting.delivered + accounting.unknown == 4
    in_doubt = stage_name == "dot" and not (isinstance(act, Reply))
    assert accounting.unknown == int(in_doubt)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ({"connect": Reply("554 5.7.1 go away")}, "go away"),
        ({"ehlo": Reply("451 4.3.0 not now")}, "not now"),
        ({"connect": Close()}, "closed"),
        ({"mail": Close()}, "closed"),
    ],
)
def test_a_relay_that_never_works_keeps_everybody_waiting_and_says_why(
    stage: Stage, script: dict[str, object], words: str
) -> None:
    with FakeMx(script=script) as mx:  # type: ignore[arg-type]
        campaign = stage.campaign(stage.account(mx.port), addresses(60))
        worker = stage.start()
        problem = stage.wait_until(lambda: shown_problem(stage))
        worker.stop()
        assert mx.accepted == []
    assert words in problem
    accounting = stage.count(campaign)
    assert accounting.remaining + accounting.deferred == 60
    assert accounting.deferred <= 8, "at most those on the wire wait in the outbox"
    assert stage.campaign_state(campaign) == "running"


def test_a_relay_that_comes_back_gets_everything(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "ROUTE_SECONDS", 0.1)
    port = free_port()
    campaign = stage.campaign(stage.account(port), addresses(60))
    worker = stage.start()
    assert "refused" in stage.wait_until(lambda: shown_problem(stage))
    with FakeMx() as mx:
        stage.change("UPDATE transport SET port = %s", mx.port)
        stage.change("UPDATE chunk SET run_at = now()")
        stage.wait_until(lambda: stage.campaign_state(campaign) == "finished")
        worker.stop()
        assert len(mx.accepted) == 60
    assert stage.count(campaign).delivered == 60


def test_a_relay_that_defers_everything_does_not_turn_a_campaign_into_retries(stage: Stage) -> None:
    with FakeMx(script={"rcpt": Reply("451 4.7.1 come back later")}) as mx:
        campaign = stage.campaign(stage.account(mx.port), addresses(200), chunk_size=50)
        worker = stage.start()
        stage.wait_until(lambda: "come back later" in shown_problem(stage))
        worker.stop()
    accounting = stage.count(campaign)
    assert accounting.deferred < 80
    assert accounting.remaining == 200 - accounting.deferred


@pytest.mark.parametrize("connections", [1, 4])
def test_recipients_at_whom_the_server_hangs_up_do_not_hold_up_those_behind_them(
    stage: Stage, connections: int
) -> None:
    bad = ["defer-421@a.example", "defer-421@b.example", "defer-421@c.example"]
    with FakeMx() as mx:
        account_id = stage.account(mx.port, connections=connections)
        campaign = stage.campaign(account_id, [*bad, *addresses(10)])
        worker = stage.start()
        stage.wait_until(lambda: stage.delivered(campaign) == 10)
        worker.stop()
    assert stage.count(campaign).deferred == 3


def test_one_accounts_dead_relay_does_not_hold_up_another(stage: Stage) -> None:
    stuck = stage.campaign(stage.account(free_port()), addresses(100, domain="stuck.example"), chunk_size=5)
    with FakeMx() as mx:
        fine = stage.campaign(stage.account(mx.port), addresses(100, domain="fine.example"))
        worker = stage.start()
        stage.wait_until(lambda: stage.campaign_state(fine) == "finished")
        worker.stop()
    assert stage.count(fine).delivered == 100
    assert stage.count(stuck).remaining + stage.count(stuck).deferred == 100


def test_a_wrong_password_sends_nothing_and_says_so(stage: Stage) -> None:
    with FakeMx(users={"ann": "right"}) as mx:
        account_id = stage.account(mx.port)
        stage.change("UPDATE transport SET username = 'ann'")
        campaign = stage.campaign(account_id, addresses(10))
        worker = stage.start()
        assert "535" in stage.wait_until(lambda: shown_problem(stage))
        worker.stop()
    assert stage.count(campaign).remaining == 10


def test_a_password_that_cannot_be_opened_stops_the_way_out_with_a_sentence(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        stage.change("UPDATE transport SET username = 'ann', password_sealed = '\\x00'")
        campaign = stage.campaign(account_id, addresses(10))
        worker = stage.start()
        assert "cannot be opened" in stage.wait_until(lambda: shown_problem(stage))
        worker.stop()
        assert mx.connections == 0
    assert stage.count(campaign).remaining == 10


def test_single_messages_for_a_silent_relay_do_not_hold_up_another(stage: Stage) -> None:
    """More rows than the lane holds wait for a server that never greets; then one for a good server is accepted."""
    silent = FakeMx(script={"connect": Stall()}).start()
    with FakeMx() as mx:
        stuck, fine = stage.account(silent.port), stage.account(mx.port)
        content = Content("news@acme.example", "Hello", text="Hi")
        for number in range(230):
            accept_message(
                stuck,
                source_kind=SourceKind.API,
                recipient=f"p{number}@example.com",
                content=content,
                now=utc_now(),
            )
        worker = stage.start(timeouts=Timeouts())
        stage.wait_until(lambda: silent.connections)
        accept_message(
            fine, source_kind=SourceKind.API, recipient="ann@example.com", content=content, now=utc_now()
        )
        stage.wait_until(lambda: mx.accepted)
        silent.stop()
        worker.stop()
