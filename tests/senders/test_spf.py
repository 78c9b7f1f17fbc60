from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.protocols.dns import DnsUnavailable, Resolver
from dynamail.senders.spf import SpfPolicy, add_to_record, read_spf
from tests.support.dns_server import DnsServer, Failure


def read(server: DnsServer, domain: str = "acme.example") -> SpfPolicy:
    return asyncio.run(read_spf(Resolver([server.address], timeout=0.3, lifetime=0.5), domain))


def test_an_included_name_is_found_at_any_depth() -> None:
    records = {
        ("acme.example", "TXT"): ["other", "v=spf1 include:a.example -all"],
        ("a.example", "TXT"): "v=spf1 ip4:192.0.2.0/24 redirect=b.example",
        ("b.example", "TXT"): "v=spf1 include:OURS.example. ~all",
        ("ours.example", "TXT"): "v=spf1 ip4:198.51.100.7 ip6:2001:db8::/32 -all",
    }
    with DnsServer(records) as server:
        policy = read(server)
    assert (policy.fault, policy.lookups) == ("", 3)
    assert policy.covers(["ours.example"])
    assert policy.covers([], [ip_address("192.0.2.9"), ip_address("2001:db8::5")])
    assert not policy.covers(["theirs.example"], [ip_address("203.0.113.1")])


def test_hosts_are_let_in_by_name_and_by_address() -> None:
    records = {
        ("acme.example", "TXT"): "v=spf1 a:out.example/24//64 mx ?ip4:203.0.113.9 exists:%{i}.x.example -all",
        ("out.example", "A"): "192.0.2.1",
        ("acme.example", "MX"): "10 mx.acme.example",
        ("mx.acme.example", "A"): "198.51.100.1",
    }
    with DnsServer(records) as server:
        policy = read(server)
    assert policy.fault == ""
    assert policy.covers(["out.example"])
    assert policy.covers([], [ip_address("192.0.2.77"), ip_address("198.51.100.1")])
    assert not policy.covers([], [ip_address("203.0.113.9")]), "a neutral result is not a pass"


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ("v=spf1 include:missing.example -all", "broken_include"),
        ("v=spf1 include:acme.example -all", "loop"),
        ("v=spf1 ip4:300.1.1.1 -all", "syntax"),
        ("v=spf1 ip4:2001:db8::1 -all", "syntax"),
        ("v=spf1 ipv4:192.0.2.1 -all", "syntax"),
        ("v=spf1 a/99 -all", "syntax"),
        ("v=spf1 " + " ".join(f"a:h{number}.example" for number in range(11)) + " -all", "too_many_lookups"),
        ("v=spf1 moo=cow/grass exp=why.example ip4:192.0.2.1 -all", ""),
    ],
)
def test_what_receivers_would_not_take_is_a_fault(record: str, fault: str) -> None:
    with DnsServer({("acme.example", "TXT"): record, ("acme.example", "A"): "192.0.2.1"}) as server:
        assert read(server).fault == fault


def test_no_record_and_two_records_are_told_apart_from_a_dns_that_is_silent() -> None:
    with DnsServer({("two.example", "TXT"): ["v=spf1 -all", "V=SPF1 ~all", "v=spf10"]}) as server:
        assert read(server, "none.example").fault == "none"
        two = read(server, "two.example")
        assert (two.fault, len(two.records)) == ("several", 2)
        server.fail("acme.example", "TXT", Failure.SERVFAIL)
        with pytest.raises(DnsUnavailable):
            read(server)


def test_a_mechanism_is_added_in_front_of_what_ends_the_record() -> None:
    assert add_to_record("v=spf1 mx -all", "include:x.example") == "v=spf1 mx include:x.example -all"
    assert add_to_record("v=spf1 redirect=y.example", "a:x") == "v=spf1 a:x redirect=y.example"
    assert add_to_record("v=spf1", "a:x") == "v=spf1 a:x"


TERMS = st.sampled_from(
    [
        "all",
        "a",
        "mx",
        "ip4:1.2.3.4",
        "ip6:::1",
        "include:acme.example",
        "redirect=x",
        "%{i}",
        "a//",
        "=",
        ":",
    ]
)


@given(st.lists(st.one_of(TERMS, st.text(max_size=12)), max_size=8))
def test_any_record_is_read(terms: list[str]) -> None:
    asyncio.run(read_spf(_Answers("v=spf1 " + " ".join(terms)), "acme.example"))  # type: ignore[arg-type]


class _Answers:
    """A resolver in memory, for thousands of records a second."""

    def __init__(self, record: str) -> None:
        self.record = record

    async def txt(self, name: str) -> list[str]:
        return [self.record]

    async def mx(self, name: str) -> list[object]:
        return []

    async def addresses(self, name: str) -> list[object]:
        return [ip_address("192.0.2.1"), ip_address("2001:db8::1")]
