"""What a domain's SPF record lets send, as far as a domain check needs it (RFC 7208).

The whole tree of `include:` and `redirect=` is walked with the limits that receivers keep: beyond ten questions to the DNS a
record is void for them (§4.6.4), so it is a fault here. Macros depend on a message and are counted, not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from dynamail.protocols.dns import DnsUnavailable, NoRecord, NoSuchName, Resolver

MOST_LOOKUPS = 10  # RFC 7208 §4.6.4
LONGEST_RECORD = 4_000  # characters that we look at

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_TERM = re.compile(r"([+?~-]?)([a-z][a-z0-9_.-]*)(?::([^/\s]+))?((?:/\d{1,3})?(?://\d{1,3})?)", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.IGNORECASE)
_MECHANISMS = frozenset(("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"))


@dataclass
class SpfPolicy:
    """What the walk found. `fault` is a code, empty when receivers can use the record; `about` is what the fault is about."""

    record: str = ""
    records: tuple[str, ...] = ()  # every SPF record at the name: two are a fault
    fault: str = ""
    about: str = ""
    lookups: int = 0
    names: set[str] = field(default_factory=set)  # whose records or hosts are let in
    networks: list[Network] = field(default_factory=list)
    lets_all: bool = False  # "+all": anyone

    def covers(self, names: Iterable[str], addresses: Iterable[Address] = ()) -> bool:
        """Does it let one of these names, or all of these addresses, send?"""
        wanted = list(addresses)
        return (
            self.lets_all
            or any(name.lower().rstrip(".") in self.names for name in names)
            or (bool(wanted) and all(self._covers_address(address) for address in wanted))
        )

    def _covers_address(self, address: Address) -> bool:
        return any(network.version == address.version and address in network for network in self.networks)


async def read_spf(resolver: Resolver, domain: str) -> SpfPolicy:
    """Raises DnsUnavailable when the DNS does not tell; a missing record is the fault "none"."""
    policy = SpfPolicy()
    policy.records = await find_spf_records(resolver, domain)
    if not policy.records:
        policy.fault = "none"
    elif len(policy.records) > 1:
        policy.fault = "several"  # §4.5: permerror
    else:
        policy.record = policy.records[0]
        await _walk(resolver, domain, policy.record, policy, seen={domain})
    return policy


async def find_spf_records(resolver: Resolver, domain: str) -> tuple[str, ...]:
    """The TXT records at this very name that are SPF (§4.5). Raises DnsUnavailable."""
    try:
        texts = await resolver.txt(domain)
    except (NoSuchName, NoRecord):
        return ()
    return tuple(text for text in texts if is_spf(text))


def is_spf(text: str) -> bool:
    return text.strip().lower().split(" ", 1)[0] == "v=spf1"


def add_to_record(record: str, mechanism: str) -> str:
    """The record with a mechanism more, in front of `all` or `redirect=`: what comes after is never looked at (§5.1)."""
    terms = record.split()
    last = next((index for index, term in enumerate(terms) if _is_last(term)), len(terms))
    return " ".join([*terms[:last], mechanism, *terms[last:]])


def _is_last(term: str) -> bool:
    return term.lstrip("+?~-").lower() == "all" or term.lower().startswith("redirect=")


async def _walk(resolver: Resolver, domain: str, record: str, policy: SpfPolicy, *, seen: set[str]) -> None:
    redirect = ""
    for text in record[:LONGEST_RECORD].split()[1:]:
        if modifier := _MODIFIER.fullmatch(text):  # those that are not known are passed over (§6)
            redirect = modifier[2].rstrip(".").lower() if modifier[1].lower() == "redirect" else redirect
            continue
        term = _read_term(text)
        if term is None:
            return _fail(policy, "syntax", text)
        if term.name == "all":
            policy.lets_all |= term.lets_pass
            return None  # what follows is not looked at, `redirect=` neither (§5.1, §6.1)
        await _read_mechanism(resolver, domain, term, policy, seen)
        if policy.fault:
            return None
    if redirect:
        _count_lookup(policy, f"redirect={redirect}")
        if not policy.fault:
            await _follow(resolver, redirect, policy, seen)
    return None


@dataclass(frozen=True, slots=True)
class _Mechanism:
    qualifier: str
    name: str
    value: str
    lengths: str
    text: str

    @property
    def lets_pass(self) -> bool:
        return self.qualifier in ("", "+")


def _read_term(text: str) -> _Mechanism | None:
    match = _TERM.fullmatch(text)
    if match is None or match[2].lower() not in _MECHANISMS:
        return None
    return _Mechanism(match[1], match[2].lower(), (match[3] or "").rstrip(".").lower(), match[4], text)


async def _read_mechanism(
    resolver: Resolver, domain: str, term: _Mechanism, policy: SpfPolicy, seen: set[str]
) -> None:
    if term.name in ("ip4", "ip6"):
        return _add_network(term, policy)
    _count_lookup(policy, term.text)
    if policy.fault or not term.lets_pass or "%" in term.value:
        return None
    if term.name == "include":
        return await _follow(resolver, term.value, policy, seen)
    if term.name in ("a", "mx"):
        await _add_hosts(resolver, term, term.value or domain, policy)
    return None


async def _follow(resolver: Resolver, name: str, policy: SpfPolicy, seen: set[str]) -> None:
    """Walk the record of another name. One that is missing there makes the whole record void (§5.2)."""
    if "%" in name:
        return
    if name in seen:
        return _fail(policy, "loop", name)
    records = await find_spf_records(resolver, name) if name else ()
    if len(records) != 1:
        return _fail(policy, "broken_include", name)
    policy.names.add(name)
    await _walk(resolver, name, records[0], policy, seen=seen | {name})


def _add_network(term: _Mechanism, policy: SpfPolicy) -> None:
    try:
        network = ip_network(f"{term.value}{term.lengths}", strict=False)
    except ValueError:
        return _fail(policy, "syntax", term.text)
    if network.version != (4 if term.name == "ip4" else 6):
        return _fail(policy, "syntax", term.text)
    if term.lets_pass:
        policy.networks.append(network)
    return None


async def _add_hosts(resolver: Resolver, term: _Mechanism, name: str, policy: SpfPolicy) -> None:
    policy.names.add(name)
    try:
        hosts = [name] if term.name == "a" else [mx.host for mx in await resolver.mx(name) if mx.host][:10]
        for host in hosts:
            policy.networks += [
                _to_network(address, term.lengths) for address in await resolver.addresses(host)
            ]
    except (NoSuchName, NoRecord):
        return
    except DnsUnavailable:
        return  # the name itself is known to be let in
    except ValueError:
        _fail(policy, "syntax", term.text)  # a length such as /99


def _to_network(address: Address, lengths: str) -> Network:
    """`/24//64`: the first length is for IPv4, the second for IPv6 (§5.6)."""
    v4, _slashes, v6 = lengths.partition("//")
    length = v4.strip("/") if address.version == 4 else v6
    return ip_network(f"{address}/{length}" if length else str(address), strict=False)


def _count_lookup(policy: SpfPolicy, term: str) -> None:
    policy.lookups += 1
    if policy.lookups > MOST_LOOKUPS:
        _fail(policy, "too_many_lookups", term)


def _fail(policy: SpfPolicy, code: str, about: str) -> None:
    policy.fault, policy.about = code, about[:100]
