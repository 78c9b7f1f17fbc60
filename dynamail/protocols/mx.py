"""Which hosts take mail for a domain (RFC 5321 §5.1), and which site they form.

1. MX records, by preference; hosts of the same preference in random order. An alias at the domain is followed.
2. Without MX records the domain's own addresses (implicit MX).
3. A null MX (RFC 7505) is the domain's word that it takes no mail.
4. Our own host among them cuts off itself and everything that is not better, or mail would go in circles.
5. What strangers may publish is bounded: hosts, addresses of a host, and where these addresses may lie.

A fact about the domain is a permanent failure; a DNS server that did not answer is a temporary one.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeVar

from dynamail.lib.public_addresses import is_public_address
from dynamail.protocols.dns import (
    DnsError,
    DnsUnavailable,
    MxRecord,
    NoRecord,
    NoSuchName,
    Records,
    Resolver,
    to_ascii_name,
)
from dynamail.protocols.mx_sites import find_site

Address = IPv4Address | IPv6Address

# What is beyond these bounds is left out by name and number, not by chance: domains that share their hosts share the choice.
MOST_HOSTS = 10  # tried for one domain; RFC 5321 §5.1 asks for at least two
MOST_ADDRESSES = 8  # tried for one host
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


class AddressOrder(StrEnum):
    """IPv4 comes first unless wished otherwise: receivers ask more of IPv6 (a PTR, SPF or DKIM) than most senders have."""

    IPV4_FIRST = "ipv4 first"
    IPV6_FIRST = "ipv6 first"
    IPV4_ONLY = "ipv4 only"
    IPV6_ONLY = "ipv6 only"


class UnroutableDomain(Exception):
    """Nobody can be asked to take the mail: for good (`permanent`) or for now. `enhanced` as RFC 3463 writes it."""

    def __init__(self, *, permanent: bool, enhanced: str, text: str) -> None:
        super().__init__(f"{enhanced} {text}")
        self.permanent = permanent
        self.enhanced = enhanced
        self.text = text


@dataclass(frozen=True, slots=True)
class MailHost:
    """`is_dnssec`: DNSSEC vouches for the addresses; `canonical_name` is another name than `name` behind an alias."""

    name: str
    preference: int
    addresses: tuple[Address, ...]
    canonical_name: str = ""
    is_dnssec: bool = False


Host = TypeVar("Host", MxRecord, MailHost)


@dataclass(frozen=True, slots=True)
class MailRoute:
    """`hosts` in the order to try. `site` names the installation behind them, which many domains may share.

    `is_dnssec`: DNSSEC vouches for which hosts these are; each host says it about its own addresses.
    """

    domain: str
    hosts: tuple[MailHost, ...]
    site: str
    is_dnssec: bool


async def find_mail_hosts(
    domain: str,
    resolver: Resolver,
    *,
    own_names: Collection[str] = (),
    own_addresses: Collection[str] = (),
    order: AddressOrder = AddressOrder.IPV4_FIRST,
    allow_private_addresses: bool = False,
) -> MailRoute:
    """The hosts to try for mail to a domain. Raises UnroutableDomain.

    `own_names` and `own_addresses` are this installation's, to notice a loop. Addresses outside the internet are left out
    unless `allow_private_addresses`.
    """
    try:
        domain = to_ascii_name(domain)
        records = await _find_records(domain, resolver)
    except NoSuchName:
        raise _refuse("5.1.2", f"The domain {domain[:255]} does not exist.") from None
    except DnsUnavailable as error:
        raise _defer(error) from error
    usable = _sort_records(domain, records)
    ahead = _cut_loop(usable, lambda record: record.host in own_names)
    found = await asyncio.gather(*(_find_host(record, resolver) for record in _shuffle(ahead[:MOST_HOSTS])))
    own = frozenset(map(ip_address, own_addresses))
    hosts = _cut_loop(
        [host for host in found if isinstance(host, MailHost)],
        lambda host: not own.isdisjoint(host.addresses),
    )
    chosen = [
        replace(host, addresses=addresses)
        for host in hosts
        if (addresses := _choose_addresses(host.addresses, order, allow_private_addresses))
    ]
    if not chosen:
        raise _explain(domain, records, ahead, found, hosts)
    return MailRoute(domain, tuple(chosen), find_site(usable), records.is_validated)


async def _find_records(domain: str, resolver: Resolver) -> Records[MxRecord]:
    """The MX records, or the implicit one; DNSSEC need not vouch for that the domain is its own host."""
    try:
        return await resolver.mx(domain)
    except NoRecord:
        return Records.of([MxRecord(0, domain)], is_validated=True, name=domain)


def _sort_records(domain: str, records: Records[MxRecord]) -> list[MxRecord]:
    """Best first, equals by name. Names that are IP addresses or cannot be host names are passed over."""
    if len(records) == 1 and not records[0].host:
        raise _refuse("5.1.10", f"The domain {domain} accepts no mail (null MX).")  # RFC 7505 §4.2
    usable = [record for record in records if _HOST_NAME.fullmatch(record.host) and not _is_ip(record.host)]
    if not usable:
        raise _refuse("5.4.4", f"The MX records of {domain} name no host.")
    return sorted(usable, key=lambda record: (record.preference, record.host))


def _shuffle(records: Sequence[MxRecord]) -> list[MxRecord]:
    """Equals in random order: that is how they share their load (RFC 5321 §5.1)."""
    shuffled = random.sample(records, len(records))
    return sorted(shuffled, key=lambda record: record.preference)


async def _find_host(record: MxRecord, resolver: Resolver) -> MailHost | DnsError:
    try:
        addresses = await resolver.addresses(record.host)
    except DnsError as error:
        return error
    return MailHost(
        record.host,
        record.preference,
        tuple(addresses),
        canonical_name=addresses.name,
        is_dnssec=addresses.is_validated,
    )


def _cut_loop(hosts: Sequence[Host], is_own: Callable[[Host], bool]) -> list[Host]:
    """Only what is strictly better than ourselves."""
    own = min((host.preference for host in hosts if is_own(host)), default=None)
    return [host for host in hosts if own is None or host.preference < own]


def _choose_addresses(
    addresses: Sequence[Address], order: AddressOrder, allow_private: bool
) -> tuple[Address, ...]:
    """Both families, the preferred one first, each in random order: that is how hosts with several share their load."""
    usable = sorted(
        (address for address in addresses if allow_private or is_public_address(address)),
        key=lambda address: (address.version, address.packed),
    )
    first = 6 if order in (AddressOrder.IPV6_FIRST, AddressOrder.IPV6_ONLY) else 4
    preferred = [address for address in usable if address.version == first]
    others = [address for address in usable if address.version != first]
    if order in (AddressOrder.IPV4_ONLY, AddressOrder.IPV6_ONLY):
        others = []
    # The other family keeps a place: the preferred one may be out of reach altogether.
    kept = preferred[: MOST_ADDRESSES - bool(others)]
    rest = others[: MOST_ADDRESSES - len(kept)]
    return (*random.sample(kept, len(kept)), *random.sample(rest, len(rest)))


def _explain(
    domain: str,
    records: Sequence[MxRecord],
    ahead: Sequence[MxRecord],
    found: Sequence[MailHost | DnsError],
    hosts: Sequence[MailHost],
) -> UnroutableDomain:
    """Why no host is left."""
    for outcome in found:
        if isinstance(outcome, DnsUnavailable):
            return _defer(outcome)
    if hosts:
        return _refuse(
            "5.4.4", f"The mail servers of {domain} have no address that can be reached from here."
        )
    if not ahead or any(isinstance(outcome, MailHost) for outcome in found):
        return _refuse("5.4.6", f"The best mail server of {domain} is this one: the message would come back.")
    if records[0].host == domain:
        return _refuse("5.1.2", f"The domain {domain} has no mail server.")
    return _refuse("5.4.4", f"The mail servers of {domain} do not exist.")


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _refuse(enhanced: str, text: str) -> UnroutableDomain:
    return UnroutableDomain(permanent=True, enhanced=enhanced, text=text)


def _defer(error: DnsError) -> UnroutableDomain:
    return UnroutableDomain(permanent=False, enhanced="4.4.3", text=error.text)
