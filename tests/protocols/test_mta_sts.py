"""MTA-STS policies: reading them, fetching them from a real HTTPS server, and keeping them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dynamail.protocols import mta_sts
from dynamail.protocols.dns import Resolver
from dynamail.protocols.mta_sts import (
    BadPolicy,
    FetchFailed,
    HttpsFetcher,
    MemoryPolicies,
    StoredPolicy,
    StsMode,
    StsPolicies,
    StsPolicy,
    parse_policy,
    parse_record,
)
from tests.support.dns_server import DnsServer, Failure
from tests.support.policy_server import PolicyServer
from tests.support.tls_authority import TlsAuthority

DOMAIN = "example.com"
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n"
authority = TlsAuthority()


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_policy_is_read() -> None:
    policy = parse_policy(POLICY + "mode: none\nunknown: field\n\n")
    assert policy == StsPolicy(StsMode.ENFORCE, ("mail.example.com", "*.example.net"), 604800)
    assert parse_policy(POLICY.replace("604800", "9999999999")).max_age == mta_sts.LONGEST_MAX_AGE
    assert parse_policy("version:STSv1\nmode:none\nmax_age:1").mode is StsMode.NONE


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("mail.example.com", True),
        ("mx.example.net", True),
        ("example.net", False),
        ("a.b.example.net", False),
        (".example.net", False),
        ("mail.example.com.evil.example", False),
        ("xmail.example.com", False),
    ],
)
def test_a_star_stands_for_one_label(host: str, is_allowed: bool) -> None:
    assert parse_policy(POLICY).allows(host) is is_allowed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>404</html>",
        POLICY.replace("STSv1", "STSv2"),
        POLICY.replace("enforce", "maybe"),
        POLICY.replace("604800", "-1"),
        POLICY.replace("max_age", "min_age"),
        "version: STSv1\nmode: enforce\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmx: 'or 1=1'\nmax_age: 1",
        POLICY + "nonsense\n",
    ],
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(BadPolicy):
        parse_policy(text)


@given(st.text() | st.text(alphabet="version: STSv1\nmode:enforce\rmx*.max_age0123456789"))
@example(POLICY + "mx: " + "a." * 5000)
def test_any_text_is_a_policy_or_refused(text: str) -> None:
    try:
        policy = parse_policy(text)
    except BadPolicy:
        return
    assert policy.max_age >= 0


@pytest.mark.parametrize(
    ("texts", "record_id"),
    [
        (("v=STSv1; id=20160831085700Z;",), "20160831085700Z"),
        (("v=spf1 -all", "v=STSv1;id=a1"), "a1"),
        (("v=STSv1; ext=1; id=a1; more=2",), "a1"),
        (("v=STSv1; id=a1", "v=STSv1; id=a2"), None),
        (("v=STSv1",), None),
        (("v=STSv1; id=" + "a" * 33,), None),
        (("v=STSv10; id=a",), None),
        ((" v=STSv1; id=a",), None),
        ((), None),
    ],
)
def test_the_record_in_the_dns(texts: tuple[str, ...], record_id: str | None) -> None:
    assert parse_record(texts) == record_id


# --- fetching --------------------------------------------------------------------------------------------------------


@dataclass
class Place:
    """A domain with its DNS and its policy's server."""

    dns: DnsServer
    https: PolicyServer
    clock: list[float] = field(default_factory=lambda: [1_000_000.0])

    @property
    def resolver(self) -> Resolver:
        return Resolver([self.dns.address], timeout=15, lifetime=30)

    def fetcher(self, **changes: object) -> HttpsFetcher:
        options: dict[str, object] = {
            "context": authority.client_context(),
            "port": self.https.port,
            "allow_private_addresses": True,
            **changes,
        }
        return HttpsFetcher(self.resolver, **options)  # type: ignore[arg-type]

    def policies(self, **changes: object) -> StsPolicies:
        return StsPolicies(self.resolver, self.fetcher(**changes), now=lambda: self.clock[0])

    def publish(self, record_id: str) -> None:
        self.dns.publish(f"_mta-sts.{DOMAIN}", "TXT", f"v=STSv1; id={record_id};")


@pytest.fixture(scope="module")
def https() -> Iterator[PolicyServer]:
    with PolicyServer(authority.issue(f"mta-sts.{DOMAIN}")) as server:
        yield server


@pytest.fixture
def place(https: PolicyServer) -> Iterator[Place]:
    https.status, https.content_type, https.headers, https.body = 200, "text/plain", {}, POLICY.encode()
    https.requests.clear()
    with DnsServer({(f"mta-sts.{DOMAIN}", "A"): https.host}, ttl=0) as dns:
        place = Place(dns, https)
        place.publish("a1")
        yield place


async def test_a_published_policy_is_fetched_over_https(place: Place) -> None:
    policy = await place.policies().find(DOMAIN)
    assert policy == parse_policy(POLICY)
    assert place.https.requests == [(f"mta-sts.{DOMAIN}", "/.well-known/mta-sts.txt")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": 404}, "404"),
        ({"status": 301, "headers": {"Location": "https://mta-sts.example.com/elsewhere"}}, "301"),
        ({"content_type": "text/html"}, "text/html"),
        ({"content_type": ""}, "something"),
        ({"body": b"x" * 70_000}, "too large"),
    ],
)
async def test_a_strange_answer_is_no_policy(place: Place, changes: dict[str, object], words: str) -> None:
    for name, value in changes.items():
        setattr(place.https, name, value)
    with pytest.raises(FetchFailed, match=words):
        await place.fetcher().fetch(DOMAIN)
    assert await place.policies().find(DOMAIN) is None
    assert {path for _, path in place.https.requests} == {"/.well-known/mta-sts.txt"}


async def test_a_certificate_that_is_not_good_is_no_policy(place: Place) -> None:
    place.dns.publish("mta-sts.other.example", "A", place.https.host)
    with pytest.raises(FetchFailed, match="mismatch"):
        await place.fetcher().fetch("other.example")
    with pytest.raises(FetchFailed, match="verify failed"):
        await place.fetcher(context=None).fetch(DOMAIN)
    assert place.https.requests == []


async def test_an_expired_certificate_is_no_policy(place: Place) -> None:
    certificate = authority.issue(f"mta-sts.{DOMAIN}", is_expired=True)
    with PolicyServer(certificate) as expired, pytest.raises(FetchFailed, match="expired"):
        await place.fetcher(port=expired.port).fetch(DOMAIN)


async def test_a_policy_is_never_fetched_from_our_own_network(place: Place) -> None:
    with pytest.raises(FetchFailed, match="no public address"):
        await place.fetcher(allow_private_addresses=False).fetch(DOMAIN)
    assert place.https.requests == []


async def test_a_silent_server_costs_a_bounded_time(place: Place) -> None:
    place.https.silence.clear()
    try:
        with pytest.raises(FetchFailed, match="within"):
            await place.fetcher(seconds=0.2).fetch(DOMAIN)
    finally:
        place.https.silence.set()


# --- keeping ---------------------------------------------------------------------------------------------------------


async def test_a_policy_is_fetched_once_per_id_and_again_for_a_new_one(place: Place) -> None:
    policies = place.policies()
    for _ in range(3):
        await policies.find(DOMAIN)
    assert len(place.https.requests) == 1
    place.https.body = POLICY.replace("enforce", "testing").encode()
    place.publish("a2")
    policy = await policies.find(DOMAIN)
    assert policy is not None
    assert policy.mode is StsMode.TESTING
    assert len(place.https.requests) == 2


async def test_many_who_ask_at_once_cause_one_fetch(place: Place) -> None:
    policies = place.policies()
    found = await asyncio.gather(*(policies.find(DOMAIN) for _ in range(20)))
    assert found == [parse_policy(POLICY)] * 20
    assert len(place.https.requests) == 1


@pytest.mark.parametrize("loss", ["record removed", "dns down", "https down"])
async def test_a_known_policy_holds_until_its_end_whatever_an_attacker_takes_away(
    place: Place, loss: str
) -> None:
    policies = place.policies()
    assert await policies.find(DOMAIN) is not None
    if loss == "record removed":
        place.dns.remove(f"_mta-sts.{DOMAIN}")
    elif loss == "dns down":
        place.dns.fail(f"_mta-sts.{DOMAIN}", "TXT", Failure.SERVFAIL)
    else:
        place.https.status = 500
        place.publish("a2")
    place.clock[0] += 604_000
    assert await policies.find(DOMAIN) == parse_policy(POLICY)
    place.clock[0] += 1_000
    assert await policies.find(DOMAIN) is None


async def test_a_failed_fetch_is_not_tried_again_at_once(place: Place) -> None:
    policies = place.policies()
    place.https.status = 500
    for _ in range(3):
        assert await policies.find(DOMAIN) is None
    assert len(place.https.requests) == 1
    place.https.status = 200
    place.clock[0] += mta_sts.FETCH_AGAIN_AFTER
    assert await policies.find(DOMAIN) is not None


async def test_an_unchanged_policy_is_renewed_before_it_ends(place: Place) -> None:
    policies = place.policies()
    for _ in range(20):
        assert await policies.find(DOMAIN) is not None
        place.clock[0] += mta_sts.RENEW_AFTER / 2 + 1
    assert len(place.https.requests) == 10


async def test_a_domain_without_a_record_is_not_asked_over_https(place: Place) -> None:
    assert await place.policies().find("nobody.example") is None
    assert place.https.requests == []


async def test_the_memory_is_bounded() -> None:
    memory = MemoryPolicies(most=3)
    for number in range(5):
        await memory.save(f"{number}.example", StoredPolicy(str(number)))
        await memory.load("0.example")
    assert [bool(await memory.load(f"{number}.example")) for number in range(5)] == [
        True,
        False,
        False,
        True,
        True,
    ]
