"""The resolver against a real DNS server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

import pytest
import uvloop

from dynamail.protocols.dns import DnsUnavailable, MxRecord, NoRecord, NoSuchName, Resolver, TlsaRecord
from tests.support.dns_server import DnsServer, Failure

RECORDS = {
    ("example.com", "MX"): ["20 MX2.example.com.", "10 mx1.example.com."],
    ("example.com", "TXT"): ["v=spf1 -all", 'a "quoted" \\ word', "ж" * 300],
    ("mx1.example.com", "A"): "192.0.2.1",
    ("mx1.example.com", "AAAA"): "2001:db8::1",
    ("mx2.example.com", "A"): ["192.0.2.2", "192.0.2.3"],
    ("alias.example.com", "CNAME"): "mx2.example.com.",
    ("1.2.0.192.in-addr.arpa", "PTR"): "mx1.example.com.",
    ("_25._tcp.mx1.example.com", "TLSA"): "3 1 1 " + "ab" * 32,
    ("null.example.com", "MX"): "0 .",
    ("мейл.example.com", "A"): "192.0.2.9",
}


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer(RECORDS) as running:
        yield running


@pytest.fixture
def resolver(server: DnsServer) -> Resolver:
    return Resolver([server.address], timeout=15, lifetime=30)


async def test_every_type_of_record_is_read(server: DnsServer, resolver: Resolver) -> None:
    assert set(await resolver.mx("Example.COM.")) == {
        MxRecord(10, "mx1.example.com"),
        MxRecord(20, "mx2.example.com"),
    }
    assert set(await resolver.txt("example.com")) == set(RECORDS["example.com", "TXT"])
    assert await resolver.addresses("mx1.example.com") == (ip_address("2001:db8::1"), ip_address("192.0.2.1"))
    aliased = await resolver.addresses("alias.example.com")
    assert sorted(map(str, aliased)) == ["192.0.2.2", "192.0.2.3"]
    assert aliased.name == "mx2.example.com"
    assert await resolver.cname("alias.example.com") == "mx2.example.com"
    assert await resolver.ptr("192.0.2.1") == ("mx1.example.com",)
    assert await resolver.tlsa("_25._tcp.mx1.example.com") == (TlsaRecord(3, 1, 1, b"\xab" * 32),)
    assert await resolver.mx("null.example.com") == (MxRecord(0, ""),)
    assert await resolver.addresses("мейл.example.com") == (ip_address("192.0.2.9"),)


async def test_nothing_there_is_a_fact(resolver: Resolver) -> None:
    with pytest.raises(NoSuchName):
        await resolver.txt("nobody.example.com")
    with pytest.raises(NoSuchName):
        await resolver.addresses("nobody.example.com")
    with pytest.raises(NoRecord):
        await resolver.txt("mx1.example.com")
    with pytest.raises(NoRecord):
        await resolver.addresses("example.com")
    with pytest.raises(NoRecord):
        await resolver.cname("example.com")
    for impossible in ("", ".", "a..b", "x" * 64 + ".com", "a." * 200, "xn--\udcff.com", "ab\u200b--.by"):
        with pytest.raises(NoSuchName):
            await resolver.mx(impossible)


@pytest.mark.parametrize("failure", [Failure.SERVFAIL, Failure.REFUSED, Failure.TIMEOUT, Failure.GARBAGE])
async def test_no_answer_is_no_fact(server: DnsServer, resolver: Resolver, failure: Failure) -> None:
    server.fail("example.com", "ANY", failure)
    with pytest.raises(DnsUnavailable):
        await Resolver([server.address], timeout=0.2, lifetime=0.5).mx("example.com")
    server.recover("example.com", "ANY")
    assert await resolver.mx("example.com")


async def test_nobody_listens(server: DnsServer) -> None:
    with pytest.raises(DnsUnavailable):
        await Resolver([("127.0.0.1", 1)], timeout=0.2, lifetime=0.5).mx("example.com")


async def test_one_family_of_addresses_is_enough(server: DnsServer, resolver: Resolver) -> None:
    server.fail("mx1.example.com", "AAAA", Failure.SERVFAIL)
    assert await resolver.addresses("mx1.example.com") == (ip_address("192.0.2.1"),)
    server.fail("mx2.example.com", "AAAA", Failure.SERVFAIL)
    server.remove("mx2.example.com", "A")
    with pytest.raises(DnsUnavailable):  # there might be an IPv6 address
        await resolver.addresses("mx2.example.com")


async def test_a_truncated_answer_is_asked_again_over_tcp(server: DnsServer, resolver: Resolver) -> None:
    server.fail("example.com", "TXT", Failure.TRUNCATED)
    assert set(await resolver.txt("example.com")) == set(RECORDS["example.com", "TXT"])
    server.publish(
        "example.com", "MX", [f"{number} {'long' * 10}.mx{number}.example.com." for number in range(40)]
    )
    assert len(await resolver.mx("example.com")) == 40


async def test_answers_are_kept_and_forgotten(server: DnsServer, resolver: Resolver) -> None:
    for _ in range(3):
        await resolver.mx("example.com")
        with pytest.raises(NoSuchName):
            await resolver.mx("nobody.example.com")
    assert server.count("example.com", "MX") == server.count("nobody.example.com", "MX") == 1
    server.publish("example.com", "MX", "5 new.example.com.")
    resolver.forget()
    assert await resolver.mx("example.com") == (MxRecord(5, "new.example.com"),)


async def test_without_a_ttl_every_question_is_asked() -> None:
    with DnsServer(RECORDS, ttl=0) as server:
        resolver = Resolver([server.address])
        await resolver.mx("example.com")
        await resolver.mx("example.com")
        assert server.count("example.com", "MX") == 2


async def test_validation_is_told(server: DnsServer, resolver: Resolver) -> None:
    assert not (await resolver.txt("example.com")).is_validated
    server.validated = {"example.com"}
    assert (await resolver.mx("example.com")).is_validated
    assert (await resolver.addresses("alias.example.com")).is_validated
    server.publish("alias.example.com", "CNAME", "mx.elsewhere.example.")
    server.publish("mx.elsewhere.example", "A", "192.0.2.7")
    resolver.forget()
    assert not (await resolver.addresses("alias.example.com")).is_validated


def test_it_works_under_uvloop(server: DnsServer, resolver: Resolver) -> None:
    assert len(uvloop.run(resolver.mx("example.com"))) == 2
