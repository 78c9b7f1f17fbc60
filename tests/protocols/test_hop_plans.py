"""From a domain to a connection that proves what the domain demands: real DNS, real SMTP, real certificates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import uvloop
from cryptography.hazmat.primitives.serialization import Encoding

from dynamail.lib.clock import utc_now
from dynamail.protocols.dane import DaneFailure, DanePolicy, read_peer_chain, verify_chain
from dynamail.protocols.dns import Resolver, TlsaRecord
from dynamail.protocols.hop_plans import HopPlan, HopSettings, plan_hops
from dynamail.protocols.mta_sts import MemoryPolicies, StoredPolicy, StsMode, StsPolicies, StsPolicy
from dynamail.protocols.mx import UnroutableDomain
from dynamail.protocols.smtp.client import SmtpConnection, open_connection
from dynamail.protocols.smtp.envelopes import Envelope, OutcomeKind
from dynamail.protocols.smtp.next_hop import Timeouts, TlsMode
from dynamail.protocols.smtp.replies import SmtpError
from tests.support.dns_server import DnsServer, Failure
from tests.support.fake_mx import FakeMx, Reply
from tests.support.tls_authority import Certificate, TlsAuthority, make_certificate

DOMAIN, HOST = "example.com", "mx.example.net"
QUICK = Timeouts(connect=20, greeting=20, ehlo=20, tls=20)
authority = TlsAuthority()


async def open_any(plan: HopPlan) -> SmtpConnection:
    """A connection to the first host of the plan that greets. Raises the SmtpError of the last one when none does."""
    for hop in plan.hops[:-1]:
        try:
            return await open_connection(hop)
        except SmtpError:
            continue
    return await open_connection(plan.hops[-1])


class Published(StsPolicies):
    """A policy that was fetched before."""

    def __init__(self, resolver: Resolver, *, mode: StsMode, mx: str = HOST) -> None:
        self._memory = MemoryPolicies()
        self._policy = StsPolicy(mode, (mx,), 1_000_000)
        super().__init__(resolver, fetcher=None, store=self._memory)  # type: ignore[arg-type]

    async def find(self, domain: str) -> StsPolicy | None:
        await self._memory.save(domain, StoredPolicy("a1", self._policy, self._now()))
        return await super().find(domain)


class Place:
    """A domain, its DNS and its mail server."""

    def __init__(self, dns: DnsServer, mx: FakeMx) -> None:
        self.dns, self.mx = dns, mx
        self.resolver = Resolver([dns.address], timeout=15, lifetime=30)
        self.settings = HopSettings(
            "sender.example",
            QUICK,
            port=mx.port,
            allow_private_addresses=True,
            tls_context=authority.client_context(),
        )

    def announce(self, *records: str, host: str = HOST) -> None:
        self.dns.publish(f"_{self.mx.port}._tcp.{host}", "TLSA", records)

    async def plan(self, *, sts: StsPolicies | None = None, **changes: object) -> HopPlan:
        settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        return await plan_hops(DOMAIN, resolver=self.resolver, sts=sts, settings=settings)

    async def send(self, *, sts: StsPolicies | None = None, **changes: object) -> bool:
        """Deliver one message. Whether it was encrypted. Raises SmtpError."""
        async with await open_any(await self.plan(sts=sts, **changes)) as connection:
            outcome = await connection.send(
                Envelope("a@sender.example", f"b@{DOMAIN}", b"Subject: x\r\n\r\n")
            )
        assert outcome.kind is OutcomeKind.DELIVERED
        return self.mx.accepted[-1].is_encrypted


@contextmanager
def running(
    certificate: Certificate | None = None, *, starttls: bool = True, **changes: object
) -> Iterator[Place]:
    records = {(DOMAIN, "MX"): f"10 {HOST}", (HOST, "A"): "127.0.0.1"}
    certificate = certificate or authority.issue(HOST)
    with (
        DnsServer(records, ttl=0) as dns,
        FakeMx(starttls=starttls, certificate=certificate, **changes) as mx,  # type: ignore[arg-type]
    ):
        dns.validated = {"example.com", "example.net"}
        yield Place(dns, mx)


# --- the plan --------------------------------------------------------------------------------------------------------


async def test_hops_come_in_the_order_to_try() -> None:
    with running() as place:
        place.dns.publish(DOMAIN, "MX", [f"20 backup.{DOMAIN}", f"10 {HOST}"])
        place.dns.publish(f"backup.{DOMAIN}", "A", "127.0.0.2")
        place.dns.publish(HOST, "AAAA", "::1")
        plan = await place.plan()
    assert [(hop.host, hop.tls_name, hop.port) for hop in plan.hops] == [
        ("127.0.0.1", HOST, place.mx.port),
        ("::1", HOST, place.mx.port),
        ("127.0.0.2", f"backup.{DOMAIN}", place.mx.port),
    ]
    assert {hop.tls for hop in plan.hops} == {TlsMode.OPPORTUNISTIC}
    assert (plan.site, plan.domain, plan.tls_policy) == ("example.net", DOMAIN, "")


async def test_a_source_address_leaves_its_own_family() -> None:
    with running() as place:
        place.dns.publish(HOST, "AAAA", "2a00:1450::1")
        for source, expected in (("127.0.0.9", "127.0.0.1"), ("::1", "2a00:1450::1")):
            [hop] = (await place.plan(source_address=source)).hops
            assert (hop.host, hop.source_address) == (expected, source)
        assert await place.send(source_address="127.0.0.9")


async def test_we_do_not_send_to_ourselves() -> None:
    with running() as place:
        for own in (
            {"helo_name": HOST.upper()},
            {"own_addresses": frozenset(["127.0.0.1"])},
            {"source_address": "127.0.0.1"},
        ):
            with pytest.raises(UnroutableDomain) as caught:
                await place.plan(**own)
            assert (caught.value.permanent, caught.value.enhanced) == (True, "5.4.6")


async def test_a_stranger_cannot_lead_us_into_our_own_network() -> None:
    with running() as place, pytest.raises(UnroutableDomain) as caught:
        await place.plan(allow_private_addresses=False)
    assert caught.value.permanent


async def test_the_next_host_is_tried_when_the_first_does_not_greet() -> None:
    with (
        running() as place,
        FakeMx(script={"connect": Reply("554 5.3.2 closed")}, host="127.0.0.2") as closed,
    ):
        plan = await place.plan()
        hop = plan.hops[0]
        refusing = replace(hop, host=closed.host, port=closed.port)
        async with await open_any(replace(plan, hops=(refusing, hop))) as connection:
            assert connection.hop is hop
        with pytest.raises(SmtpError, match="closed"):
            await open_any(replace(plan, hops=(refusing,)))


# --- opportunistic TLS -----------------------------------------------------------------------------------------------


async def test_any_certificate_will_do_without_a_policy() -> None:
    for certificate in (
        make_certificate(),
        authority.issue("other.example"),
        authority.issue(HOST, is_expired=True),
    ):
        with running(certificate) as place:
            assert await place.send()


# --- MTA-STS ---------------------------------------------------------------------------------------------------------


async def test_an_enforced_policy_is_satisfied_by_a_good_certificate() -> None:
    with running() as place:
        policy = Published(place.resolver, mode=StsMode.ENFORCE)
        assert (await place.plan(sts=policy)).tls_policy == "mta-sts"
        assert await place.send(sts=policy)


@pytest.mark.parametrize("fault", ["other name", "expired", "self-signed", "no starttls", "454", "handshake"])
async def test_an_enforced_policy_lets_nothing_through(fault: str) -> None:
    certificate = {
        "other name": authority.issue("other.example"),
        "expired": authority.issue(HOST, is_expired=True),
        "self-signed": make_certificate(),
    }.get(fault)
    script = {"454": {"starttls": Reply("454 4.7.0 not now")}, "handshake": {"starttls": Reply("220 go\n!")}}
    with running(certificate, starttls=fault != "no starttls", script=script.get(fault, {})) as place:
        if fault == "handshake":
            place.mx._certificate = None  # says go, and reads the handshake as a command
        with pytest.raises(SmtpError) as caught:
            await place.send(sts=Published(place.resolver, mode=StsMode.ENFORCE))
        assert not caught.value.permanent
        assert caught.value.command == "STARTTLS"
        assert place.mx.messages == []
        if fault != "handshake":
            # In testing mode, and without a policy, the mail goes as it always did.
            await place.send(sts=Published(place.resolver, mode=StsMode.TESTING))


async def test_only_hosts_that_the_policy_names_are_used() -> None:
    with running() as place:
        place.dns.publish(DOMAIN, "MX", [f"10 {HOST}", "5 mx.evil.example"])
        place.dns.publish("mx.evil.example", "A", "127.0.0.66")
        plan = await place.plan(sts=Published(place.resolver, mode=StsMode.ENFORCE))
        assert [hop.tls_name for hop in plan.hops] == [HOST]
        with pytest.raises(UnroutableDomain) as caught:
            await place.plan(sts=Published(place.resolver, mode=StsMode.ENFORCE, mx="*.other.example"))
        assert not caught.value.permanent
        assert (
            len((await place.plan(sts=Published(place.resolver, mode=StsMode.NONE, mx="x.example"))).hops)
            == 2
        )


# --- DANE ------------------------------------------------------------------------------------------------------------

KINDS = [(usage, selector, matching) for usage in (2, 3) for selector in (0, 1) for matching in (0, 1, 2)]


@pytest.mark.parametrize(("usage", "selector", "matching"), KINDS)
async def test_every_kind_of_record_is_verified(usage: int, selector: int, matching: int) -> None:
    certificate = authority.issue(HOST)
    with running(certificate) as place:
        index = 1 if usage == 2 else 0
        place.announce("0 0 1 " + "00" * 32, certificate.describe(usage, selector, matching, index=index))
        assert (await place.plan()).tls_policy == "dane"
        assert await place.send()
        place.announce(authority.issue(HOST).describe(usage, selector, matching, index=0))
        with pytest.raises(SmtpError, match="TLSA") as caught:
            await place.send()
        assert not caught.value.permanent
        assert len(place.mx.messages) == 1


async def test_the_root_above_the_chain_may_stand_in_the_record_alone() -> None:
    certificate = authority.issue(HOST, with_root=False)
    root = authority.issue(HOST)
    with running(certificate) as place:
        place.announce(root.describe(2, 0, 0, index=2))
        assert await place.send()
        place.announce(root.describe(2, 0, 1, index=2))  # a digest alone cannot replace the certificate
        with pytest.raises(SmtpError, match="TLSA"):
            await place.send()


async def test_dane_ee_asks_neither_for_the_name_nor_for_the_date() -> None:
    for certificate in (
        make_certificate(),
        authority.issue("other.example"),
        authority.issue(HOST, is_expired=True),
    ):
        with running(certificate) as place:
            place.announce(certificate.describe(3, 1, 1))
            assert await place.send()


async def test_dane_ta_asks_for_the_name_and_for_the_date() -> None:
    for certificate, words in (
        (authority.issue("other.example"), "another name"),
        (authority.issue(HOST, is_expired=True), "TLSA"),
    ):
        with running(certificate) as place:
            place.announce(certificate.describe(2, 0, 1, index=1))
            with pytest.raises(SmtpError, match=words):
                await place.send()
    for name in ("*.example.net", DOMAIN):
        with running(authority.issue(name)) as place:
            place.announce(authority.issue(name).describe(2, 0, 1, index=1))
            assert await place.send()


async def test_an_authority_that_did_not_sign_is_none() -> None:
    """A chain that only quotes the announced authority proves nothing."""
    good, evil = authority.issue(HOST), TlsAuthority().issue(HOST)
    pasted = replace(evil, pem=evil.pem + good.pem.partition("-----END CERTIFICATE-----\n")[2])
    with running(pasted) as place:
        place.announce(good.describe(2, 0, 1, index=1))
        with pytest.raises(SmtpError, match="TLSA"):
            await place.send()


async def test_dane_lets_nothing_through_in_the_clear() -> None:
    with running(starttls=False) as place:
        place.announce(authority.issue(HOST).describe(3, 1, 1))
        with pytest.raises(SmtpError, match="DANE") as caught:
            await place.send()
        assert not caught.value.permanent


async def test_unusable_records_demand_tls_from_whoever_answers() -> None:
    unusable = ["0 0 1 " + "00" * 32, "1 0 1 " + "00" * 32, "3 1 9 00", "3 7 1 " + "00" * 32]
    with running(make_certificate()) as place:
        place.announce(*unusable)
        assert await place.send()
    with running(starttls=False) as place:
        place.announce(*unusable)
        with pytest.raises(SmtpError, match="STARTTLS"):
            await place.send()


async def test_records_that_nobody_vouches_for_do_not_count() -> None:
    wrong = "3 1 1 " + "00" * 32
    for validated in (set(), {"example.com"}, {"example.net"}):
        with running() as place:
            place.announce(wrong)
            place.dns.validated = validated
            assert (await place.plan()).tls_policy == ""
            assert await place.send()
    with running() as place:
        place.announce(wrong)
        assert (await place.plan(dane_enabled=False)).tls_policy == ""


async def test_a_host_whose_records_cannot_be_looked_up_is_left_out() -> None:
    with running() as place:
        place.dns.fail(f"_{place.mx.port}._tcp.{HOST}", "TLSA", Failure.SERVFAIL)
        with pytest.raises(UnroutableDomain) as caught:
            await place.plan()
        assert (caught.value.permanent, caught.value.enhanced) == (False, "4.4.3")
        place.dns.publish(DOMAIN, "MX", [f"10 {HOST}", "20 mx2.example.net"])
        place.dns.publish("mx2.example.net", "A", "127.0.0.1")
        assert [hop.tls_name for hop in (await place.plan()).hops] == ["mx2.example.net"]


async def test_records_at_the_end_of_an_alias_come_first() -> None:
    certificate = make_certificate()
    with running(certificate) as place:
        place.dns.publish(DOMAIN, "MX", f"10 alias.{DOMAIN}")
        place.dns.publish(f"alias.{DOMAIN}", "CNAME", HOST)
        place.announce("3 1 1 " + "00" * 32, host=f"alias.{DOMAIN}")
        place.announce(certificate.describe(3, 1, 1))
        assert await place.send()


async def test_dane_decides_about_the_certificate_where_mta_sts_speaks_too() -> None:
    certificate = make_certificate()
    with running(certificate) as place:
        place.announce(certificate.describe(3, 1, 1))
        policy = Published(place.resolver, mode=StsMode.ENFORCE)
        assert (await place.plan(sts=policy)).tls_policy == "dane"
        assert await place.send(sts=policy)


def test_dane_works_under_uvloop() -> None:
    certificate = authority.issue(HOST)
    with running(certificate) as place:
        place.announce(certificate.describe(2, 1, 1, index=2))
        assert uvloop.run(place.send())
        place.announce("2 1 1 " + "00" * 32)
        with pytest.raises(SmtpError, match="TLSA"):
            uvloop.run(place.send())


def test_sha512_makes_sha256_not_count() -> None:
    certificate = authority.issue(HOST)
    good = TlsaRecord(3, 1, 1, bytes.fromhex(certificate.describe(3, 1, 1).split()[3]))
    bad = TlsaRecord(3, 1, 2, bytes(64))
    chain = [certificate.chain[0].public_bytes(Encoding.DER)]
    verify_chain(DanePolicy((good,), (HOST,)), chain, now=utc_now())
    with pytest.raises(DaneFailure):
        verify_chain(DanePolicy((good, bad), (HOST,)), chain, now=utc_now())


@pytest.mark.parametrize("chain", [[], [b""], [b"\x30\x03\x02\x01\x01"], [b"x" * 10_000] * 50])
def test_a_broken_chain_is_a_failure(chain: list[bytes]) -> None:
    with pytest.raises(DaneFailure):
        verify_chain(DanePolicy((TlsaRecord(3, 1, 1, bytes(32)),), (HOST,)), chain, now=utc_now())


def test_without_the_private_way_to_the_chain_the_leaf_is_read() -> None:
    class Leaf:
        def getpeercert(self, *, binary_form: bool) -> bytes:
            return b"leaf"

    assert read_peer_chain(Leaf()) == (b"leaf",)
