from __future__ import annotations

import asyncio
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from dynamail.accounts.models import Account
from dynamail.cli.doctor_dns import DirectWay, check_direct_mail, check_ways, find_facing_addresses
from dynamail.cli.findings import Finding
from dynamail.protocols.dns import Resolver
from dynamail.senders.models import Transport
from tests.support.dns_server import DnsServer, Failure

HELO, ADDRESS = "mail.host.example", "192.0.2.9"
WAY = DirectWay(ip_address(ADDRESS), HELO)
PTR = "9.2.0.192.in-addr.arpa"


@pytest.fixture
def server() -> Iterator[DnsServer]:
    """A machine whose operator did everything right."""
    records = {
        (HELO, "A"): ADDRESS,
        (PTR, "PTR"): f"{HELO}.",
        ("bounces.host.example", "MX"): f"10 {HELO}.",
        ("bounces.host.example", "TXT"): f"v=spf1 ip4:{ADDRESS} -all",
    }
    with DnsServer(records) as server:
        yield server


def check(server: DnsServer, way: DirectWay = WAY) -> list[Finding]:
    resolver = Resolver([server.address], timeout=0.3, lifetime=0.5)
    return asyncio.run(check_ways(resolver, [way], "bounces.host.example"))


def tell(server: DnsServer) -> str:
    (found,) = check(server)
    return f"{found.level}: {found.sentence} {found.hint}"


def test_a_machine_that_is_called_what_it_says_is_right(server: DnsServer) -> None:
    assert check(server) == []


def test_an_address_without_a_name_is_an_error(server: DnsServer) -> None:
    server.remove(PTR)
    said = tell(server)
    assert said.startswith(f"error: {ADDRESS} has no PTR record")
    assert HELO in said


def test_a_name_that_does_not_lead_back_is_an_error(server: DnsServer) -> None:
    server.publish(PTR, "PTR", "liar.example.")
    server.publish("liar.example", "A", "203.0.113.1")
    assert "is called liar.example, which does not lead back to it" in tell(server)


def test_another_name_than_the_one_said_is_a_warning(server: DnsServer) -> None:
    server.publish(PTR, "PTR", "host7.provider.example.")
    server.publish("host7.provider.example", "A", ADDRESS)
    said = tell(server)
    assert said.startswith("warning")
    assert "DYNAMAIL_HELO_NAME=host7.provider.example" in said


def test_a_helo_name_without_an_address_or_with_another_one_is_told(server: DnsServer) -> None:
    server.publish(HELO, "A", "203.0.113.7")
    server.publish("bounces.host.example", "MX", "10 here.example.")
    server.publish("here.example", "A", ADDRESS)
    sentences = [found.sentence for found in check(server)]
    assert f"{HELO} leads to 203.0.113.7, but mail leaves from {ADDRESS}." in sentences
    server.remove(HELO)
    hints = [found.hint for found in check(server)]
    assert any(f"Publish {HELO} A {ADDRESS}" in hint for hint in hints)


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ("other", "has no SPF record"),
        ("v=spf1 ip4:203.0.113.1 -all", "does not let 192.0.2.9 send"),
        ("v=spf1 include:nobody.example -all", "cannot use the SPF record"),
    ],
)
def test_the_spf_record_of_the_return_path_must_let_the_address_send(
    server: DnsServer, record: str, sentence: str
) -> None:
    server.publish("bounces.host.example", "TXT", record)
    said = tell(server)
    assert sentence in said
    assert "v=spf1 ip4:192.0.2.9 -all" in said


def test_bounces_that_go_elsewhere_are_a_warning(server: DnsServer) -> None:
    server.publish("bounces.host.example", "MX", "10 elsewhere.example.")
    assert "do not come to this server" in tell(server)


def test_a_silent_dns_is_said_and_blames_nobody(server: DnsServer) -> None:
    for name in (HELO, "bounces.host.example"):
        server.fail(name, "ANY", Failure.SERVFAIL)
    assert {found.level for found in check(server)} == {"warning"}


def test_behind_a_translated_address_the_operator_checks_the_public_one(server: DnsServer) -> None:
    (found,) = check(server, DirectWay(ip_address("192.168.1.5"), HELO))
    assert "not the address that receivers see" in found.sentence


def test_only_an_enabled_direct_transport_asks_for_any_of_it(
    account: Account, server: DnsServer, settings: object
) -> None:
    settings.DNS_SERVERS = (server.address,)  # type: ignore[attr-defined]
    settings.RETURN_PATH_DOMAIN = "bounces.host.example"  # type: ignore[attr-defined]
    settings.REPORTS_PORT = 25  # type: ignore[attr-defined]
    direct = Transport.objects.add(
        account, name="Direct", kind="mx", source_address=ADDRESS, helo_name=HELO, is_enabled=False
    )
    Transport.objects.add(account, name="Relay", host="relay.example")
    assert list(check_direct_mail()) == []
    Transport.objects.for_account(account).filter(pk=direct.pk).update(is_enabled=True)
    assert list(check_direct_mail()) == []
    assert server.count(PTR, "PTR") == 1
    settings.REPORTS_PORT = 0  # type: ignore[attr-defined]
    (found,) = check_direct_mail()
    assert "No listener" in found.sentence


def test_finding_the_own_address_sends_nothing_and_never_fails() -> None:
    assert all(not address.is_loopback for address in find_facing_addresses())
