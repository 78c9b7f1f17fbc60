"""Rules and pools, with real relays: each message takes the way that was meant for it, and another one when that fails."""

from __future__ import annotations

import socket
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from dynamail.delivery import ways
from dynamail.delivery.outlets import Member, Target
from dynamail.delivery.routing import find_domain, find_stream
from dynamail.lib.clock import utc_now
from dynamail.messages.accepting import Content, accept_message
from dynamail.messages.models import SourceKind
from tests.delivery.stage import Stage, addresses
from tests.support.dns_server import DnsServer
from tests.support.fake_mx import FakeMx, Stall

HELLO = Content("news@acme.example", "Hello", text="Hi\n")


@dataclass(eq=False)
class Exit:
    """As much of a way out as a pool looks at."""

    is_closed: bool = False
    is_full: bool = False


def pool_of(*weights: int) -> tuple[Target, list[Exit]]:
    exits = [Exit() for _ in weights]
    members = [Member(way, weight) for way, weight in zip(exits, weights, strict=True)]  # type: ignore[arg-type]
    return Target(members), exits


def choices(target: Target, exits: list[Any], count: int) -> list[int | None]:
    chosen = [target.choose() for _ in range(count)]
    return [exits.index(way) if way is not None else None for way in chosen]


def test_members_of_a_pool_take_turns_by_weight_and_mixed() -> None:
    target, exits = pool_of(5, 1, 1)
    assert choices(target, exits, 7) == [0, 0, 1, 0, 2, 0, 0]
    assert Counter(choices(target, exits, 700)) == {0: 500, 1: 100, 2: 100}


def test_a_member_without_weight_works_only_while_no_other_can() -> None:
    target, exits = pool_of(1, 0)
    assert choices(target, exits, 3) == [0, 0, 0]
    exits[0].is_closed = True
    assert choices(target, exits, 3) == [1, 1, 1]
    exits[0].is_closed = False
    assert choices(target, exits, 1) == [0]


def test_a_member_that_has_no_room_is_passed_over_but_better_than_none() -> None:
    target, exits = pool_of(1, 1)
    exits[0].is_full = True
    assert choices(target, exits, 3) == [1, 1, 1]
    exits[1].is_closed = True
    assert choices(target, exits, 2) == [0, 0]


def test_a_pool_of_which_nobody_works_chooses_nobody() -> None:
    target, exits = pool_of(1, 0)
    for way in exits:
        way.is_closed = True
    assert choices(target, exits, 1) == [None]
    assert target.is_closed


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("ann@Example.COM", "example.com"),
        ("анна@почта.бел", "xn--80a1acny.xn--90ais"),
        ("no address", "no address"),
        ("ann@б..", "б.."),
    ],
)
def test_domains_are_compared_in_one_form(email: str, domain: str) -> None:
    assert find_domain(email) == domain


def test_a_test_of_a_campaign_takes_the_campaigns_way() -> None:
    streams = {kind: find_stream(kind) for kind in ("campaign", "test", "scenario", "api", "smtp", "system")}
    assert [kind for kind, stream in streams.items() if stream == "transactional"] == [
        "api",
        "smtp",
        "system",
    ]


def recipients(mx: FakeMx) -> list[str]:
    return sorted(message.recipient for message in mx.accepted)


def carried(stage: Stage) -> dict[int | None, int]:
    """Delivered messages by the transport in the log."""
    rows = stage.rows("SELECT transport_id, count(*) FROM message WHERE state = 'delivered' GROUP BY 1")
    return dict(rows)


def test_a_pool_shares_the_work_by_weight_and_the_log_says_who_did_it(stage: Stage) -> None:
    with FakeMx() as large, FakeMx() as small:
        account_id = stage.account()
        one, other = stage.relay(account_id, large.port), stage.relay(account_id, small.port)
        stage.rule(account_id, pool=stage.pool(account_id, {one: 3, other: 1}))
        campaign = stage.campaign(account_id, addresses(80))
        stage.deliver()
        assert carried(stage) == {one: len(large.accepted), other: len(small.accepted)}
    assert stage.count(campaign).delivered == 80
    assert carried(stage) == {one: 60, other: 20}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("is_silent", [False, True])
def test_another_member_stands_in_for_one_that_cannot_be_reached(stage: Stage, is_silent: bool) -> None:
    """Nobody listens there, or somebody who never greets."""
    with FakeMx(script={"connect": Stall()}) as silent, FakeMx() as mx:
        account_id = stage.account()
        dead = stage.relay(account_id, silent.port if is_silent else free_port())
        good = stage.relay(account_id, mx.port)
        stage.rule(account_id, pool=stage.pool(account_id, {dead: 5, good: 1}))
        campaign = stage.campaign(account_id, addresses(60))
        worker = stage.start()
        stage.wait_until(lambda: stage.campaign_state(campaign) == "finished")
        worker.stop()
        received = recipients(mx)
    assert len(received) == len(set(received)) == 60
    assert stage.count(campaign).delivered == 60
    assert carried(stage) == {good: 60}


def test_a_member_that_comes_back_gets_its_share_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "ROUTE_SECONDS", 0.1)
    port = free_port()
    with FakeMx() as other:
        account_id = stage.account()
        lost, good = stage.relay(account_id, port), stage.relay(account_id, other.port)
        stage.rule(account_id, pool=stage.pool(account_id, {lost: 1, good: 1}))
        first = stage.campaign(account_id, addresses(20))
        worker = stage.start()
        stage.wait_until(lambda: stage.campaign_state(first) == "finished")
        with FakeMx(port=port) as back:
            stage.wait_until(lambda: not any(way.is_closed for way in worker.worker.ways))
            stage.change("DELETE FROM attribute")  # each campaign makes them anew
            again = stage.campaign(account_id, addresses(200, domain="again.example"))
            stage.wait_until(lambda: stage.campaign_state(again) == "finished")
            assert back.accepted
            stage.change("DELETE FROM attribute")
            more = stage.campaign(account_id, addresses(60, domain="more.example"))
            stage.wait_until(lambda: stage.campaign_state(more) == "finished")
            worker.stop()
            assert len([one for one in recipients(back) if one.endswith("more.example")]) >= 20
        assert len(recipients(other)) + len(recipients(back)) == 280


def test_rules_choose_by_stream_sender_and_recipient(stage: Stage) -> None:
    with FakeMx() as marketing, FakeMx() as own, FakeMx() as special, FakeMx() as rest:
        account_id = stage.account(rest.port)
        stage.rule(account_id, transport=stage.relay(account_id, special.port), recipient="special.example")
        stage.rule(account_id, transport=stage.relay(account_id, own.port), sender="acme.example")
        stage.rule(account_id, transport=stage.relay(account_id, marketing.port), stream="marketing")
        people = ["ann@special.example", "bob@deep.special.example", "cyd@other.example"]
        campaign = stage.campaign(account_id, people)
        for number, sender in enumerate(["news@acme.example", "news@news.acme.example", "x@else.example"]):
            accept_message(
                account_id,
                source_kind=SourceKind.API,
                recipient=f"p{number}@third.example",
                content=Content(sender, "Hello", text="Hi"),
                now=utc_now(),
            )
        with DnsServer() as dns:
            stage.deliver(dns_servers=(dns.address,))
        assert recipients(special) == ["ann@special.example", "bob@deep.special.example"]
        assert recipients(marketing) == ["cyd@other.example"]
        assert recipients(own) == ["p0@third.example", "p1@third.example"]
        assert recipients(rest) == ["p2@third.example"]
    assert stage.count(campaign).delivered == 3


def test_a_rule_for_a_site_holds_for_the_domains_whose_mail_is_there(stage: Stage) -> None:
    records = {
        ("company.example", "MX"): "10 mx.big-provider.example",
        ("mx.big-provider.example", "A"): "192.0.2.1",
        ("own.example", "A"): "192.0.2.2",
    }
    with FakeMx() as provider, FakeMx() as rest, DnsServer(records) as dns:
        account_id = stage.account(rest.port)
        relay = stage.relay(account_id, provider.port)
        stage.rule(account_id, transport=relay, recipient="big-provider.example")
        stage.campaign(account_id, ["a@company.example", "b@own.example", "c@unknown.example"])
        stage.deliver(dns_servers=(dns.address,), mx_may_be_private=True)
        assert recipients(provider) == ["a@company.example"]
        assert recipients(rest) == ["b@own.example", "c@unknown.example"]


def test_a_rule_whose_relay_is_gone_postpones_its_own_mail_only(stage: Stage) -> None:
    with FakeMx() as mx, DnsServer() as dns:
        account_id = stage.account(mx.port)
        dead = stage.relay(account_id, free_port())
        stage.rule(account_id, transport=dead, recipient="dead.example")
        people = [f"p{n}@{'dead' if n % 2 else 'good'}.example" for n in range(60)]
        campaign = stage.campaign(account_id, people)
        worker = stage.start(dns_servers=(dns.address,))
        stage.wait_until(lambda: stage.delivered(campaign) == 30)
        stage.wait_until(lambda: stage.value("SELECT state FROM chunk") == 3)
        worker.stop()
        assert {one.partition("@")[2] for one in recipients(mx)} == {"good.example"}
    accounting = stage.count(campaign)
    assert (accounting.delivered, accounting.deferred) == (30, 30)
    assert {attempts for _, attempts, *_ in stage.outbox()} == {0}


def test_a_stream_whose_way_is_closed_waits_in_its_chunks_while_the_other_goes_on(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        dead = stage.relay(account_id, free_port())
        stage.rule(account_id, transport=dead, stream="marketing")
        campaign = stage.campaign(account_id, addresses(100), chunk_size=25)
        worker = stage.start()
        stage.wait_until(lambda: stage.rows("SELECT 1 FROM chunk WHERE run_at > now()"))
        accept_message(
            account_id,
            source_kind=SourceKind.API,
            recipient="ann@example.com",
            content=HELLO,
            now=utc_now(),
        )
        stage.wait_until(lambda: mx.accepted)
        worker.stop()
    accounting = stage.count(campaign)
    assert accounting.remaining + accounting.deferred == 100
    assert accounting.remaining >= 50, "a campaign does not turn into retries"


def test_a_transport_that_is_switched_off_keeps_its_mail_waiting_and_says_so(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        stage.change("UPDATE transport SET is_enabled = false")
        campaign = stage.campaign(account_id, addresses(5))
        worker = stage.start()
        problem = "SELECT stats -> 'ways' -> 0 ->> 'problem' FROM deliver_worker"
        stage.wait_until(lambda: [row for row in stage.rows(problem) if row[0]])
        worker.stop()
        assert mx.connections == 0
    assert stage.count(campaign).remaining == 5


def test_what_each_way_did_is_counted_by_the_hour(stage: Stage) -> None:
    with FakeMx() as mx:
        account_id = stage.account(mx.port)
        people = ["bounce-550-5.1.1@a.example", "defer-451-4.2.1@b.example", *addresses(5)]
        stage.campaign(account_id, people)
        stage.deliver()
    transport_id = stage.value("SELECT id FROM transport")
    rows = stage.rows(
        "SELECT account_id, transport_id, site, delivered, deferred, bounced, failed FROM transport_hour"
    )
    assert rows == [(account_id, transport_id, "", 5, 1, 1, 0)]
