"""Finding mail hosts by a real DNS server on loopback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from dynamail.lib.public_addresses import is_public_address
from dynamail.protocols.dns import MxRecord, Resolver
from dynamail.protocols.mx import (
    MOST_ADDRESSES,
    MOST_HOSTS,
    AddressOrder,
    MailRoute,
    UnroutableDomain,
    find_mail_hosts,
)
from dynamail.protocols.mx_sites import find_site, find_site_of_host
from tests.support.dns_server import DnsServer, Failure, Value

HOSTS = {
    ("mx1.example.net", "A"): "198.51.100.1",
    ("mx2.example.net", "A"): "198.51.100.2",
    ("mx2.example.net", "AAAA"): "2a00:1450::2",
    ("mx3.example.net", "A"): "198.51.100.3",
    ("self.example.net", "A"): "198.51.100.9",
}


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer(HOSTS) as running:
        yield running


async def find(
    server: DnsServer,
    records: Mapping[tuple[str, str], Value] = {},
    domain: str = "example.com",
    **options: object,
) -> MailRoute:
    for (name, kind), value in records.items():
        server.publish(name, kind, value)
    # A busy machine may take long to answer; only a server that is silent on purpose is not waited for.
    patience = 1.0 if Failure.TIMEOUT in server.failures else 30.0
    resolver = Resolver([server.address], timeout=patience / 2, lifetime=patience)
    options.setdefault("allow_private_addresses", True)  # the addresses for documentation are not public
    return await find_mail_hosts(domain, resolver, **options)  # type: ignore[arg-type]


async def refuse(server: DnsServer, *arguments: object, **options: object) -> UnroutableDomain:
    with pytest.raises(UnroutableDomain) as caught:
        await find(server, *arguments, **options)  # type: ignore[arg-type]
    return caught.value


def names(route: MailRoute) -> list[str]:
    return [host.name for host in route.hosts]


async def test_hosts_come_by_preference_and_equals_in_random_order(server: DnsServer) -> None:
    records = {("example.com", "MX"): ["20 mx1.example.net", "10 mx2.example.net", "10 mx3.example.net"]}
    orders = {tuple(names(await find(server, records))) for _ in range(40)}
    assert orders == {
        ("mx2.example.net", "mx3.example.net", "mx1.example.net"),
        ("mx3.example.net", "mx2.example.net", "mx1.example.net"),
    }


async def test_without_mx_the_domain_itself_is_the_host(server: DnsServer) -> None:
    route = await find(server, {("example.com", "A"): "198.51.100.7"})
    assert names(route) == ["example.com"]
    assert route.site == "example.com"


async def test_null_mx_is_a_refusal_for_good(server: DnsServer) -> None:
    error = await refuse(server, {("example.com", "MX"): "0 .", ("example.com", "A"): "198.51.100.7"})
    assert (error.permanent, error.enhanced) == (True, "5.1.10")


async def test_a_null_mx_among_others_is_passed_over(server: DnsServer) -> None:
    assert names(await find(server, {("example.com", "MX"): ["0 .", "10 mx1.example.net"]})) == [
        "mx1.example.net"
    ]


async def test_aliases_are_followed_at_the_domain_and_at_the_host(server: DnsServer) -> None:
    records = {
        ("alias.example.com", "CNAME"): "example.com",
        ("example.com", "MX"): "10 mail.example.com",
        ("mail.example.com", "CNAME"): "mx1.example.net",
    }
    [host] = (await find(server, records, "alias.example.com")).hosts
    assert (host.name, host.canonical_name) == ("mail.example.com", "mx1.example.net")
    assert [str(address) for address in host.addresses] == ["198.51.100.1"]


async def test_an_ip_address_as_mx_is_passed_over(server: DnsServer) -> None:
    records = {("example.com", "MX"): ["5 198.51.100.1", r"6 b\032ad.example.com", "10 mx2.example.net"]}
    assert names(await find(server, records)) == ["mx2.example.net"]
    error = await refuse(server, {("example.com", "MX"): "5 198.51.100.1"})
    assert (error.permanent, error.enhanced) == (True, "5.4.4")


@pytest.mark.parametrize(
    "own", [{"own_names": ["self.example.net"]}, {"own_addresses": ["198.51.100.9"]}], ids=["name", "address"]
)
async def test_our_own_host_cuts_off_itself_and_everything_not_better(server: DnsServer, own: dict) -> None:
    records = {
        ("example.com", "MX"): [
            "10 mx1.example.net",
            "20 self.example.net",
            "20 mx2.example.net",
            "30 mx3.example.net",
        ]
    }
    assert names(await find(server, records, **own)) == ["mx1.example.net"]
    error = await refuse(
        server, {("example.com", "MX"): ["20 mx1.example.net", "10 self.example.net"]}, **own
    )
    assert (error.permanent, error.enhanced) == (True, "5.4.6")


async def test_an_international_domain_is_asked_in_a_labels(server: DnsServer) -> None:
    route = await find(server, {("пример.бел", "MX"): "10 mx1.example.net"}, "Пример.бел")
    assert route.domain == "xn--e1afmkfd.xn--90ais"
    assert names(route) == ["mx1.example.net"]


async def test_what_does_not_exist_is_refused_for_good(server: DnsServer) -> None:
    for domain in ("nobody.example", "a..b", "x" * 70 + ".com"):
        error = await refuse(server, domain=domain)
        assert (error.permanent, error.enhanced) == (True, "5.1.2")
    error = await refuse(server, {("example.com", "TXT"): "here"})
    assert (error.permanent, error.enhanced) == (True, "5.1.2")
    error = await refuse(server, {("example.com", "MX"): "10 gone.example.net"})
    assert (error.permanent, error.enhanced) == (True, "5.4.4")


async def test_an_unavailable_dns_defers(server: DnsServer) -> None:
    server.fail("example.com", "MX", Failure.SERVFAIL)
    error = await refuse(server)
    assert (error.permanent, error.enhanced) == (False, "4.4.3")
    server.recover("example.com", "MX")
    server.fail("mx1.example.net", "ANY", Failure.TIMEOUT)
    error = await refuse(server, {("example.com", "MX"): ["10 mx1.example.net", "20 gone.example.net"]})
    assert (error.permanent, error.enhanced) == (False, "4.4.3")
    route = await find(server, {("example.com", "MX"): ["10 mx1.example.net", "20 mx2.example.net"]})
    assert names(route) == ["mx2.example.net"]


async def test_hosts_and_addresses_are_bounded(server: DnsServer) -> None:
    many = {("example.com", "MX"): [f"{n} mx{n}.many.example" for n in range(300)]}
    many |= {(f"mx{n}.many.example", "A"): [f"198.51.100.{m}" for m in range(100)] for n in range(300)}  # type: ignore[misc]
    many |= {("mx0.many.example", "AAAA"): "2a00:1450::2"}
    route = await find(server, many)
    assert names(route) == [f"mx{n}.many.example" for n in range(MOST_HOSTS)]
    assert {len(host.addresses) for host in route.hosts} == {MOST_ADDRESSES}
    assert {address.version for address in route.hosts[0].addresses} == {4, 6}
    again = await find(server)
    assert [set(host.addresses) for host in again.hosts] == [set(host.addresses) for host in route.hosts]


@pytest.mark.parametrize(
    ("order", "versions"),
    [
        (AddressOrder.IPV4_FIRST, [4, 6]),
        (AddressOrder.IPV6_FIRST, [6, 4]),
        (AddressOrder.IPV4_ONLY, [4]),
        (AddressOrder.IPV6_ONLY, [6]),
    ],
)
async def test_the_order_of_families(server: DnsServer, order: AddressOrder, versions: list[int]) -> None:
    route = await find(server, {("example.com", "MX"): "1 mx2.example.net"}, order=order)
    assert [address.version for address in route.hosts[0].addresses] == versions


PRIVATE = """
127.0.0.1 0.0.0.0 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.1 255.255.255.255 192.0.2.1
::1 :: fe80::1 fc00::1 ff02::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 2002:7f00:1::1 2001:0:1::1 64:ff9b::7f00:1 2001:db8::1
"""


@pytest.mark.parametrize("address", PRIVATE.split())
async def test_addresses_inside_our_own_networks_are_refused(server: DnsServer, address: str) -> None:
    assert not is_public_address(address)
    server.publish("evil.example", "AAAA" if ":" in address else "A", address)
    records = {("example.com", "MX"): ["10 evil.example"]}
    error = await refuse(server, records, allow_private_addresses=False)
    assert (error.permanent, error.enhanced) == (True, "5.4.4")


def test_public_addresses_are_public() -> None:
    assert all(
        map(is_public_address, ("8.8.8.8", "93.125.99.1", "2a00:1450:4010:c0e::1a", "2620:119:35::35"))
    )


async def test_dnssec_is_told_for_the_route_and_for_each_host(server: DnsServer) -> None:
    server.validated = {"example.com", "mx1.example.net"}
    route = await find(server, {("example.com", "MX"): ["10 mx1.example.net", "20 mx2.example.net"]})
    assert route.is_dnssec
    assert [host.is_dnssec for host in route.hosts] == [True, False]
    server.validated = {"example.net"}
    route = await find(server)
    assert (route.is_dnssec, route.hosts[0].is_dnssec) == (False, True)


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("gmail-smtp-in.l.google.com", "google.com"),
        ("alt4.aspmx.l.google.com", "google.com"),
        ("aspmx2.googlemail.com", "google.com"),
        ("smtp.google.com", "google.com"),
        ("contoso-com.mail.protection.outlook.com", "outlook.com"),
        ("hotmail-com.olc.protection.outlook.com", "outlook.com"),
        ("contoso-com.a-v1.mx.microsoft", "outlook.com"),
        ("mta7.am0.yahoodns.net", "yahoodns.net"),
        ("mx-eu.mail.am0.yahoodns.net", "yahoodns.net"),
        ("mxs.mail.ru", "mail.ru"),
        ("emx.mail.ru", "mail.ru"),
        ("mx.yandex.ru", "yandex.ru"),
        ("mx.yandex.net", "yandex.ru"),
        ("inmx.rambler.ru", "rambler.ru"),
        ("mx01.mail.icloud.com", "icloud.com"),
        ("mx.firm.co.uk", "firm.co.uk"),
        ("mail.firm.com.by", "firm.com.by"),
        ("mx.hoster.by", "hoster.by"),
        ("co.uk", "co.uk"),
        ("ec2-3-1-1-1.eu-west-1.compute.amazonaws.com", "ec2-3-1-1-1.eu-west-1.compute.amazonaws.com"),
        ("localhost", "localhost"),
    ],
)
def test_the_site_of_a_host(host: str, site: str) -> None:
    assert find_site_of_host(host) == site


def test_the_best_host_names_the_site() -> None:
    records = [MxRecord(10, "b.two.example"), MxRecord(5, "z.one.example"), MxRecord(5, "a.three.example")]
    assert find_site(records) == find_site(reversed(records)) == "three.example"
