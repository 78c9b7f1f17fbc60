"""Many accounts share one worker: what is wrong with the servers of some costs the others nothing."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from dynamail.lib.clock import utc_now
from dynamail.messages.accepting import Content, accept_message
from dynamail.messages.models import SourceKind
from dynamail.protocols.smtp.next_hop import Timeouts
from tests.delivery.stage import Stage, addresses
from tests.support.fake_mx import Close, Correct, FakeMx, Stall

PATIENT = Timeouts(
    quit=1.0
)  # as in production: minutes, so a worker that waited for anybody would be found out
MANY = 20
HELLO = Content("news@acme.example", "Hello", text="Hi\n")


def dead_port(stack: ExitStack) -> int:
    """Bound and not listening: every connection is refused."""
    bound = stack.enter_context(socket.socket())
    bound.bind(("127.0.0.1", 0))
    return int(bound.getsockname()[1])


def accept(account_id: int, recipient: str) -> None:
    accept_message(account_id, source_kind=SourceKind.API, recipient=recipient, content=HELLO, now=utc_now())


def test_accounts_whose_servers_refuse_or_are_silent_cost_a_healthy_one_nothing(stage: Stage) -> None:
    """Campaigns and single messages of forty troubled accounts, then those of a healthy one."""
    with ExitStack() as stack:
        ports = [dead_port(stack) for _ in range(MANY)]
        silent = FakeMx(script={"connect": Stall()}).start()
        ports += [silent.port] * MANY
        for number, port in enumerate(ports):
            account_id = stage.account(port)
            stage.campaign(account_id, addresses(6, domain=f"t{number}.example"), chunk_size=2)
            for one in range(3):
                accept(account_id, f"s{one}@t{number}.example")
        mx = stack.enter_context(FakeMx())
        worker = stage.start(timeouts=PATIENT)
        stage.wait_until(lambda: silent.connections >= MANY)
        healthy = stage.account(mx.port)
        fine = stage.campaign(healthy, addresses(100, domain="fine.example"), chunk_size=20)
        accept(healthy, "ann@fine.example")
        stage.wait_until(lambda: stage.campaign_state(fine) == "finished")
        stage.wait_until(lambda: any(one.recipient == "ann@fine.example" for one in mx.accepted))
        silent.stop()
        worker.stop()
    assert stage.count(fine).delivered == 100
    assert stage.value("SELECT count(*) FROM message WHERE state <> 'delivered'") == 0


def test_a_backlog_that_cannot_go_today_is_not_in_the_way_of_other_mail(stage: Stage) -> None:
    """The day's limit is reached; the rows that wait come back later, and claims no longer meet them."""
    with FakeMx() as mx, FakeMx() as other:
        limited, free = stage.account(mx.port), stage.account(other.port)
        stage.change("UPDATE transport SET per_day = 3 WHERE account_id = %s", limited)
        for number in range(150):
            accept(limited, f"p{number}@example.com")
        worker = stage.start()
        due = "SELECT count(*) FROM outbox WHERE account_id = %s AND (run_at <= now() OR worker IS NOT NULL)"
        stage.wait_until(lambda: stage.value(due, limited) == 0)
        accept(free, "ann@example.com")
        stage.wait_until(lambda: other.accepted)
        worker.stop()
        assert len(mx.accepted) <= 3
        waiting = stage.value("SELECT count(*) FROM outbox WHERE account_id = %s AND attempts = 0", limited)
        assert waiting == 150 - len(mx.accepted)


def test_relays_that_refuse_once_get_their_mail_and_delay_nobody(stage: Stage) -> None:
    with ExitStack() as stack:
        relays = [stack.enter_context(FakeMx(script={"connect": [Close(), Correct()]})) for _ in range(MANY)]
        mx = stack.enter_context(FakeMx())
        campaigns = [
            stage.campaign(
                stage.account(relay.port, connections=1), addresses(4, domain=f"r{number}.example")
            )
            for number, relay in enumerate([*relays, mx])
        ]
        worker = stage.start(timeouts=PATIENT)
        for campaign in campaigns:
            stage.wait_until(lambda campaign=campaign: stage.campaign_state(campaign) == "finished")
        worker.stop()
        assert [len(relay.accepted) for relay in relays] == [4] * MANY
    assert [stage.count(campaign).delivered for campaign in campaigns] == [4] * (MANY + 1)
