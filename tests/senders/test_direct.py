"""The check of direct delivery, with a real DNS server and a real mail server on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from dynamail.accounts.models import Account
from dynamail.lib.clock import utc_now
from dynamail.senders.direct import find_probe_domain, try_direct
from dynamail.senders.models import Sender, Transport
from dynamail.senders.transports import CheckStep
from tests.support.dns_server import DnsServer, Failure
from tests.support.fake_mx import FakeMx, Reply

RECORDS = {
    ("mail.acme.example", "A"): "127.0.0.1",
    ("acme.example", "MX"): "10 mx.acme.example",
    ("mx.acme.example", "A"): "127.0.0.1",
}


@pytest.fixture
def names(settings: Any) -> Iterator[DnsServer]:
    with DnsServer(RECORDS) as server:
        settings.DNS_SERVERS = (server.address,)
        settings.MX_MAY_BE_PRIVATE = True
        yield server


@pytest.fixture
def direct() -> Transport:
    return Transport(kind="mx", name="Direct", source_address="127.0.0.1", helo_name="mail.acme.example")


def check(direct: Transport, *, port: int = 1, domain: str = "acme.example") -> dict[str, CheckStep]:
    return {step.name: step for step in try_direct(direct, domain, port=port)}


def test_all_is_well_and_the_server_that_was_asked_is_named(names: DnsServer, direct: Transport) -> None:
    with FakeMx() as mx:
        steps = check(direct, port=mx.port)
    assert [steps[name].ok for name in ("source", "helo", "dns", "reach")] == [True] * 4
    assert "mx.acme.example answers" in steps["reach"].text


def test_what_cannot_be_known_from_here_is_said_and_not_called_wrong(
    names: DnsServer, direct: Transport
) -> None:
    steps = check(direct, domain="")
    assert (steps["reverse"].ok, steps["reach"].ok) == (None, None)
    assert "verify a sender first" in steps["reach"].text


def test_a_closed_port_25_is_told_with_what_to_do(names: DnsServer, direct: Transport) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        steps = check(direct, port=held.getsockname()[1])
    assert steps["reach"].ok is False
    assert "ask yours to open it" in steps["reach"].text


def test_a_server_that_refuses_us_at_once_is_told_in_its_words(names: DnsServer, direct: Transport) -> None:
    with FakeMx(script={"connect": Reply("554 5.7.1 your address is listed")}) as mx:
        steps = check(direct, port=mx.port)
    assert (steps["reach"].ok, "your address is listed" in steps["reach"].text) == (False, True)


def test_an_address_of_another_machine_is_refused(names: DnsServer, direct: Transport) -> None:
    direct.source_address = "192.0.2.7"
    steps = check(direct, domain="")
    assert steps["source"].ok is False
    assert "192.0.2.7" in steps["source"].text


def test_a_helo_name_without_an_address_or_with_another_one_is_refused(
    names: DnsServer, direct: Transport
) -> None:
    direct.helo_name = "nowhere.example"
    assert check(direct, domain="")["helo"].ok is False
    names.publish("nowhere.example", "A", "192.0.2.9")
    wrong = check(direct, domain="")["helo"]
    assert (wrong.ok, "192.0.2.9" in wrong.text) == (False, True)


def test_the_reverse_name_of_a_public_address_is_looked_up(names: DnsServer, direct: Transport) -> None:
    direct.source_address = "8.8.4.4"  # public, and not of this machine
    assert "no reverse DNS name" in check(direct, domain="")["reverse"].text
    names.publish("4.4.8.8.in-addr.arpa", "PTR", "host-7.hoster.example")
    assert "host-7.hoster.example" in check(direct, domain="")["reverse"].text
    names.publish("4.4.8.8.in-addr.arpa", "PTR", "mail.acme.example")
    assert check(direct, domain="")["reverse"].ok


def test_a_dns_that_does_not_answer_is_told(names: DnsServer, direct: Transport) -> None:
    names.fail("acme.example", "MX", Failure.SERVFAIL)
    assert check(direct)["dns"].ok is False


def test_only_the_servers_of_a_verified_sender_are_asked(account: Account) -> None:
    Sender.objects.add(account, email="anna@stranger.example")
    assert find_probe_domain(account.pk) == ""
    Sender.objects.add(account, email="anna@Acme.example", verified_at=utc_now())
    assert find_probe_domain(account.pk) == "acme.example"
