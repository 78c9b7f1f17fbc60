from __future__ import annotations

import asyncio

import pytest

from dynamail.protocols.dns import DnsUnavailable, Resolver
from dynamail.senders.dmarc import DmarcAnswer, list_ancestors, read_dmarc, read_dmarc_record
from tests.support.dns_server import DnsServer, Failure


def read(server: DnsServer, domain: str) -> DmarcAnswer:
    return asyncio.run(read_dmarc(Resolver([server.address], timeout=0.3, lifetime=0.5), domain))


def test_the_record_of_the_domain_itself_comes_first_then_the_organization_above() -> None:
    records = {
        (
            "_dmarc.acme.example",
            "TXT",
        ): "v=DMARC1; p=reject; sp=quarantine; adkim=s; rua=mailto:x@acme.example",
        ("_dmarc.own.acme.example", "TXT"): "v=DMARC1; p=none",
        ("_dmarc.example", "TXT"): "v=DMARC1; p=none; psd=y",
    }
    with DnsServer(records) as server:
        own, above = read(server, "own.acme.example").record, read(server, "deep.shop.acme.example").record
        registry = read(server, "other.example").record
    assert own is not None
    assert (own.name, own.policy, own.has_reports) == ("own.acme.example", "none", False)
    assert above is not None
    assert (above.name, above.policy) == ("acme.example", "quarantine")
    assert above.is_strict_dkim
    assert registry is not None
    assert registry.name == "example"


def test_a_record_with_psd_no_ends_the_walk() -> None:
    records = {
        ("_dmarc.b.c.example", "TXT"): "v=DMARC1; p=quarantine; psd=n",
        ("_dmarc.c.example", "TXT"): "v=DMARC1; p=reject",
    }
    with DnsServer(records) as server:
        found = read(server, "a.b.c.example").record
    assert found is not None
    assert found.name == "b.c.example"


def test_a_long_name_is_asked_about_seven_ancestors_at_most() -> None:
    ancestors = list_ancestors("a.b.c.d.e.f.g.h.i.j.example")
    assert ancestors[0] == "e.f.g.h.i.j.example"
    assert len(ancestors) <= 7


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("v=DMARC1; p=none", "none"),
        ("v=DMARC1;p=REJECT;", "reject"),
        ("v=DMARC1; rua=mailto:a@b.example", "none"),
        ("v=DMARC1; p=nonsense; rua=mailto:a@b.example", "none"),
        ("v=DMARC1; p=nonsense", None),
        ("v=DMARC1", None),
        ("v=DMARC1; nonsense", None),
    ],
)
def test_a_record_is_read_as_receivers_do(text: str, policy: str | None) -> None:
    record = read_dmarc_record("acme.example", text)
    assert (record.policy if record else None) == policy


def test_faults_and_silence() -> None:
    with DnsServer({("_dmarc.two.example", "TXT"): ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}) as server:
        server.publish("_dmarc.bad.example", "TXT", "v=DMARC1; p=soon")
        assert read(server, "two.example").fault == "several"
        assert read(server, "bad.example").fault == "unreadable"
        assert read(server, "none.example") == DmarcAnswer()
        server.fail("_dmarc.silent.example", "TXT", Failure.SERVFAIL)
        with pytest.raises(DnsUnavailable):
            read(server, "silent.example")
