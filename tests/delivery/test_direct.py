"""Direct delivery with a real DNS server and real mail servers on several addresses of loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from dynamail.lib.clock import utc_now
from dynamail.messages.accepting import Content, accept_message
from dynamail.messages.models import SourceKind
from dynamail.protocols.smtp.next_hop import Timeouts
from tests.delivery.stage import Stage, addresses
from tests.support.dns_server import DnsServer, Failure
from tests.support.fake_mx import FakeMx, Reply, Stall

SLOW = Timeouts(greeting=60.0, quit=1.0)
A, B, NOBODY = "127.0.0.1", "127.0.0.2", "127.0.0.9"


class Internet:
    """A DNS server and mail servers that share one port."""

    def __init__(self, stack: ExitStack, stage: Stage) -> None:
        self._stack, self._stage = stack, stage
        self.dns = stack.enter_context(DnsServer())
        self.port = 0

    def server(self, host: str = A, **options: Any) -> FakeMx:
        mx = self._stack.enter_context(FakeMx(host=host, port=self.port, **options))
        self.port = mx.port
        return mx

    def domain(self, name: str, *hosts: str) -> None:
        """MX records to hosts of these addresses, in this order."""
        names = [f"mx{number}.{name}" for number in range(len(hosts))]
        self.dns.publish(name, "MX", [f"{10 * number} {host}" for number, host in enumerate(names, 1)])
        for host, address in zip(names, hosts, strict=True):
            self.dns.publish(host, "A", address)

    def options(self, **more: Any) -> dict[str, Any]:
        return {
            "dns_servers": (self.dns.address,),
            "mx_port": self.port,
            "mx_may_be_private": True,
            **more,
        }

    def account(self, **values: Any) -> int:
        account_id = self._stage.account()
        self._stage.relay(account_id, kind="mx", is_default=True, **values)
        return account_id


@pytest.fixture
def internet(stage: Stage) -> Iterator[Internet]:
    with ExitStack() as stack:
        yield Internet(stack, stage)


def recipients(mx: FakeMx) -> list[str]:
    return sorted(message.recipient for message in mx.accepted)


def log(
    stage: Stage, columns: str = "recipient, state, bounce_class, enhanced_code"
) -> list[tuple[Any, ...]]:
    return stage.rows(f"SELECT {columns} FROM message ORDER BY recipient")


def test_each_domain_gets_its_mail_at_its_own_host(stage: Stage, internet: Internet) -> None:
    one, other = internet.server(A), internet.server(B)
    internet.domain("one.example", A)
    internet.dns.publish("other.example", "A", B)  # without MX the domain is its own host
    account_id = internet.account()
    campaign = stage.campaign(account_id, ["a@one.example", "b@other.example", "c@One.Example"])
    stage.deliver(**internet.options())
    assert recipients(one) == ["a@one.example", "c@one.example"]
    assert recipients(other) == ["b@other.example"]
    assert stage.count(campaign).delivered == 3
    transport_id = stage.value("SELECT id FROM transport")
    assert set(log(stage, "transport_id")) == {(transport_id,)}
    counted = stage.rows("SELECT site, delivered FROM transport_hour ORDER BY site")
    assert counted == [("one.example", 2), ("other.example", 1)]


def test_when_the_best_host_is_away_the_next_one_gets_the_mail(stage: Stage, internet: Internet) -> None:
    mx = internet.server(A)
    internet.domain("one.example", NOBODY, A)
    campaign = stage.campaign(internet.account(), addresses(5, domain="one.example"))
    stage.deliver(**internet.options())
    assert len(recipients(mx)) == 5
    assert stage.count(campaign).delivered == 5


def test_domains_with_the_same_hosts_share_a_connection(stage: Stage, internet: Internet) -> None:
    mx = internet.server(A)
    internet.dns.publish("mx.host.example", "A", A)
    for number in range(5):
        internet.dns.publish(f"d{number}.example", "MX", "10 mx.host.example")
    people = [f"p@d{number}.example" for number in range(5)]
    stage.campaign(internet.account(connections=1), people)
    stage.deliver(**internet.options())
    assert recipients(mx) == people
    assert mx.connections == 1


def test_a_domain_that_takes_no_mail_bounces_at_once_and_nothing_is_sent(
    stage: Stage, internet: Internet
) -> None:
    mx = internet.server(A)
    internet.dns.publish("null.example", "MX", "0 .")
    campaign = stage.campaign(internet.account(), ["a@null.example", "b@gone.example"])
    stage.deliver(**internet.options())
    assert mx.connections == 0
    assert log(stage) == [
        ("a@null.example", "bounced", "bad_domain", "5.1.10"),
        ("b@gone.example", "bounced", "bad_domain", "5.1.2"),
    ]
    assert stage.count(campaign).bounced == 2
    assert stage.value("SELECT count(*) FROM suppression") == 2


def test_a_dns_that_does_not_answer_defers_and_costs_the_others_nothing(
    stage: Stage, internet: Internet
) -> None:
    mx = internet.server(A)
    internet.domain("one.example", A)
    internet.dns.fail("broken.example", "ANY", Failure.SERVFAIL)
    campaign = stage.campaign(internet.account(), ["a@broken.example", *addresses(5, domain="one.example")])
    stage.deliver(**internet.options())
    assert len(recipients(mx)) == 5
    assert stage.count(campaign).deferred == 1
    ((recipient, attempts, run_at, *_),) = stage.outbox()
    assert (recipient, attempts) == ("a@broken.example", 1)
    assert run_at > utc_now() + timedelta(minutes=4)
    assert "DNS" in stage.value("SELECT last_reply FROM outbox")


def test_encryption_is_used_where_it_is_offered_and_not_demanded_elsewhere(
    stage: Stage, internet: Internet
) -> None:
    secure, plain = internet.server(A, starttls=True), internet.server(B)
    internet.domain("secure.example", A)
    internet.domain("plain.example", B)
    stage.campaign(internet.account(), ["a@secure.example", "b@plain.example"])
    stage.deliver(**internet.options())
    assert [message.is_encrypted for message in secure.accepted] == [True]
    assert [message.is_encrypted for message in plain.accepted] == [False]


def test_a_certificate_that_its_domain_did_not_announce_gets_no_mail(
    stage: Stage, internet: Internet
) -> None:
    mx = internet.server(A, starttls=True)
    internet.domain("secure.example", A)
    internet.dns.publish(f"_{internet.port}._tcp.mx0.secure.example", "TLSA", f"3 1 1 {'00' * 32}")
    internet.dns.validated = {"secure.example"}
    campaign = stage.campaign(internet.account(), ["a@secure.example"])
    worker = stage.start(**internet.options())
    stage.wait_until(lambda: stage.count(campaign).deferred)
    worker.stop()
    assert mx.messages == []
    assert "certificate" in stage.value("SELECT last_reply FROM outbox")


def test_a_destination_that_is_away_counts_an_attempt_and_holds_up_nobody(
    stage: Stage, internet: Internet
) -> None:
    mx = internet.server(A)
    internet.domain("good.example", A)
    internet.domain("away.example", NOBODY)
    people = [f"p{number}@{'away' if number % 2 else 'good'}.example" for number in range(60)]
    campaign = stage.campaign(internet.account(), people)
    worker = stage.start(**internet.options())
    stage.wait_until(lambda: stage.value("SELECT state FROM chunk") == 3)
    stage.wait_until(lambda: stage.value("SELECT max(attempts) FROM outbox") == 1)
    worker.stop()
    assert len(recipients(mx)) == 30
    accounting = stage.count(campaign)
    assert (accounting.delivered, accounting.deferred) == (30, 30)
    assert stage.value("SELECT min(run_at) > now() FROM outbox")


def test_a_destination_that_never_greets_holds_up_nobody(stage: Stage, internet: Internet) -> None:
    mx, silent = internet.server(A), internet.server(B, script={"connect": Stall()})
    internet.domain("good.example", A)
    internet.domain("silent.example", B)
    people = [f"p{number}@{'silent' if number % 2 else 'good'}.example" for number in range(60)]
    campaign = stage.campaign(internet.account(), people)
    worker = stage.start(**internet.options(timeouts=SLOW))
    stage.wait_until(lambda: stage.value("SELECT state FROM chunk") == 3)
    assert silent.connections
    worker.stop()
    assert len(recipients(mx)) == 30
    accounting = stage.count(campaign)
    assert (accounting.delivered, accounting.deferred) == (30, 30)


def test_a_slow_greeting_is_waited_for(stage: Stage, internet: Internet, monkeypatch: Any) -> None:
    """The server greets only after the worker has given up hope for the campaign's chunk."""
    monkeypatch.setattr("dynamail.delivery.connections.STALL_SECONDS", 0.0)
    mx = internet.server(A)
    internet.domain("slow.example", A)
    campaign = stage.campaign(internet.account(), addresses(10, domain="slow.example"))
    worker = stage.start(**internet.options())
    stage.wait_until(lambda: stage.campaign_state(campaign) == "finished")
    worker.stop()
    assert len(recipients(mx)) == 10


def test_a_throttled_destination_lets_the_others_pass_and_its_mail_comes_back_in_turn(
    stage: Stage, internet: Internet
) -> None:
    slow, free = internet.server(A), internet.server(B)
    internet.domain("slow.example", A)
    internet.domain("free.example", B)
    account_id = internet.account()
    stage.change(
        "INSERT INTO destination_rule (uid, created_at, account_id, site, per_minute)"
        " VALUES (gen_random_uuid(), now(), %s, 'slow.example', 2)",
        account_id,
    )
    people = [f"p{number}@{'slow' if number % 2 else 'free'}.example" for number in range(100)]
    campaign = stage.campaign(account_id, people)
    worker = stage.start(**internet.options())
    stage.wait_until(lambda: stage.value("SELECT state FROM chunk") == 3)
    worker.stop()
    assert len(recipients(free)) == 50
    sent = len(recipients(slow))
    assert 1 <= sent <= 4
    accounting = stage.count(campaign)
    assert (accounting.delivered, accounting.deferred) == (50 + sent, 50 - sent)
    waits = [run_at - utc_now() for _, _, run_at, *_ in stage.outbox()]
    assert {attempts for _, attempts, *_ in stage.outbox()} == {0}
    assert max(waits) - min(waits) > timedelta(minutes=10), "at two a minute"
    assert max(waits) < timedelta(hours=3)


def test_a_destination_that_asks_for_less_is_closed_and_the_others_go_on(
    stage: Stage, internet: Internet
) -> None:
    words = "421 4.7.0 Too many connections from your IP, try again later"
    strict, free = internet.server(A, script={"connect": Reply(words)}), internet.server(B)
    internet.domain("strict.example", A)
    internet.domain("free.example", B)
    people = [f"p{number}@{'strict' if number % 2 else 'free'}.example" for number in range(40)]
    campaign = stage.campaign(internet.account(), people)
    worker = stage.start(**internet.options())
    stage.wait_until(lambda: stage.value("SELECT state FROM chunk") == 3)
    worker.stop()
    assert len(recipients(free)) == 20
    assert strict.accepted == []
    assert stage.count(campaign).deferred == 20


def test_a_single_message_overtakes_a_campaign_to_the_same_destination(
    stage: Stage, internet: Internet
) -> None:
    mx = internet.server(A)
    internet.domain("one.example", A)
    account_id = internet.account(connections=1, rate=40)
    stage.campaign(account_id, addresses(150, domain="one.example"))
    worker = stage.start(**internet.options())
    stage.wait_until(lambda: mx.accepted)
    content = Content("news@acme.example", "Hello", text="Hi\n")
    accept_message(
        account_id, source_kind=SourceKind.API, recipient="ann@one.example", content=content, now=utc_now()
    )
    stage.wait_until(lambda: any(one.recipient == "ann@one.example" for one in mx.accepted))
    before = [message.recipient for message in mx.accepted].index("ann@one.example")
    worker.stop()
    assert before < 145


def test_a_relay_stands_in_for_direct_mail_that_cannot_be_delivered(stage: Stage, internet: Internet) -> None:
    mx = internet.server(A)
    internet.domain("good.example", A)
    internet.domain("away.example", NOBODY)
    with FakeMx() as relay:
        account_id = stage.account()
        direct, standby = stage.relay(account_id, kind="mx"), stage.relay(account_id, relay.port)
        stage.rule(account_id, pool=stage.pool(account_id, {direct: 1, standby: 0}))
        campaign = stage.campaign(account_id, ["a@good.example", "b@away.example"])
        worker = stage.start(**internet.options())
        stage.wait_until(lambda: stage.campaign_state(campaign) == "finished")
        worker.stop()
        assert (recipients(mx), recipients(relay)) == (["a@good.example"], ["b@away.example"])


def test_when_direct_mail_has_used_up_its_day_the_pools_relay_takes_the_rest(
    stage: Stage, internet: Internet
) -> None:
    mx = internet.server(A)
    internet.domain("one.example", A)
    with FakeMx() as relay:
        account_id = stage.account()
        direct, standby = stage.relay(account_id, kind="mx"), stage.relay(account_id, relay.port)
        stage.change("UPDATE transport SET per_day = 4 WHERE id = %s", direct)
        stage.rule(account_id, pool=stage.pool(account_id, {direct: 1, standby: 0}))
        campaign = stage.campaign(account_id, addresses(30, domain="one.example"))
        worker = stage.start(**internet.options())
        stage.wait_until(lambda: stage.campaign_state(campaign) == "finished")
        worker.stop()
        assert len(recipients(mx)) <= 4
        assert len(recipients(mx)) + len(recipients(relay)) == 30
    assert stage.count(campaign).delivered == 30


def test_a_direct_transport_that_is_switched_off_says_so(stage: Stage, internet: Internet) -> None:
    mx = internet.server(A)
    internet.domain("one.example", A)
    account_id = internet.account()
    stage.change("UPDATE transport SET is_enabled = false")
    campaign = stage.campaign(account_id, addresses(3, domain="one.example"))
    worker = stage.start(**internet.options())
    shown = "SELECT stats -> 'ways' -> 0 ->> 'problem' FROM deliver_worker"
    stage.wait_until(lambda: [row for row in stage.rows(shown) if row[0]])
    worker.stop()
    assert mx.connections == 0
    assert stage.count(campaign).remaining == 3
