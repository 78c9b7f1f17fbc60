"""What other servers learn from the DNS about mail that leaves this machine directly: its name, its address and back again.

Receivers refuse or distrust a client whose address has no name, or whose name does not lead back to the address (RFC 5321
§4.1.4, RFC 8499 "forward-confirmed"); Gmail and Microsoft demand both. Nothing of it matters while only relays are used.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from dynamail.cli.findings import Finding
from dynamail.protocols.dns import DnsUnavailable, NoRecord, NoSuchName, Resolver
from dynamail.senders.spf import read_spf

Address = IPv4Address | IPv6Address

# Never what others see (RFC 1918, RFC 6598, RFC 4193): somebody translates them on the way.
PRIVATE = tuple(
    ip_network(text)
    for text in [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    ]
)
# Addresses of nobody (RFC 5737, RFC 3849): a route to them is the route to everybody. Nothing is sent there.
ANYWHERE = ((socket.AF_INET, "198.51.100.1"), (socket.AF_INET6, "2001:db8::1"))


@dataclass(frozen=True, slots=True)
class DirectWay:
    """An address that direct mail leaves from, and the name that is said there."""

    address: Address
    helo_name: str


def check_direct_mail() -> Iterator[Finding]:
    """Nothing without an enabled transport that delivers directly."""
    from django.conf import settings

    transports = _load_direct_transports()
    if not transports:
        return
    ways = _list_ways(transports, settings.HELO_NAME)
    yield from asyncio.run(check_ways(Resolver(settings.DNS_SERVERS), ways, settings.RETURN_PATH_DOMAIN))
    if not settings.REPORTS_PORT:
        yield Finding(
            "warning",
            "No listener takes the bounces that come back later.",
            "Set DYNAMAIL_REPORTS_PORT=25 and DYNAMAIL_REPORTS_HOST, or let your mail server hand them on.",
        )


async def check_ways(resolver: Resolver, ways: Sequence[DirectWay], return_path: str) -> list[Finding]:
    """What the DNS says about each address and its name, and about the domain that takes bounces."""
    found: list[Finding] = []
    public = [way for way in ways if not _is_private(way.address)]
    found += [_behind_nat(way) for way in ways if _is_private(way.address)]
    for way in public:
        found += [finding async for finding in _check_way(resolver, way)]
    addresses = [way.address for way in public]
    if addresses:
        found += [finding async for finding in _check_return_path(resolver, return_path, addresses)]
    return found


def find_facing_addresses() -> list[Address]:
    """The addresses that this machine would use towards the internet. Connecting a datagram socket sends nothing."""
    found = []
    for family, somewhere in ANYWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((somewhere, 25))
                found.append(ip_address(probe.getsockname()[0].partition("%")[0]))
        except OSError:
            continue
    return [address for address in found if not address.is_loopback]


async def _check_way(resolver: Resolver, way: DirectWay) -> AsyncIterator[Finding]:
    try:
        for finding in [*await _check_helo(resolver, way), *await _check_ptr(resolver, way)]:
            yield finding
    except DnsUnavailable as error:
        yield Finding("warning", f"{error.text}", "Ask again later, or check DYNAMAIL_DNS_SERVERS.")


async def _check_helo(resolver: Resolver, way: DirectWay) -> list[Finding]:
    addresses = await _find_addresses(resolver, way.helo_name)
    if not addresses:
        return [
            Finding(
                "error",
                f"The name {way.helo_name}, which this server calls itself, has no address in the DNS.",
                f"Publish {_address_record(way)}, or set DYNAMAIL_HELO_NAME to a name that has one.",
            )
        ]
    if way.address not in addresses:
        return [
            Finding(
                "warning",
                f"{way.helo_name} leads to {_join(addresses)}, but mail leaves from {way.address}.",
                f"Publish {_address_record(way)} as well.",
            )
        ]
    return []


async def _check_ptr(resolver: Resolver, way: DirectWay) -> list[Finding]:
    hint = f"Ask who gave you the address to set its PTR record (reverse DNS) to {way.helo_name}."
    try:
        names = list(await resolver.ptr(str(way.address)))
    except (NoSuchName, NoRecord):
        sentence = (
            f"{way.address} has no PTR record; Gmail, Outlook and others refuse mail from such addresses."
        )
        return [Finding("error", sentence, hint)]
    confirmed = [name for name in names if way.address in await _find_addresses(resolver, name)]
    if not confirmed:
        return [
            Finding("error", f"{way.address} is called {_join(names)}, which does not lead back to it.", hint)
        ]
    if way.helo_name.lower() not in confirmed:
        sentence = f"{way.address} is called {_join(confirmed)}, but this server says {way.helo_name}."
        return [Finding("warning", sentence, f"Set DYNAMAIL_HELO_NAME={confirmed[0]}, or: {hint}")]
    return []


async def _check_return_path(
    resolver: Resolver, return_path: str, ours: Sequence[Address]
) -> AsyncIterator[Finding]:
    try:
        policy = await read_spf(resolver, return_path)
        if policy.fault == "none":
            yield Finding(
                "error", f"{return_path} has no SPF record.", f"Publish at {return_path}: {_spf(ours)}"
            )
        elif policy.fault:
            yield Finding(
                "error",
                f"Receivers cannot use the SPF record of {return_path} ({policy.fault}).",
                f"Publish: {_spf(ours)}",
            )
        elif not policy.covers((), ours):
            yield Finding(
                "error",
                f"The SPF record of {return_path} does not let {_join(ours)} send.",
                f"Publish: {_spf(ours)}",
            )
        if not set(await _find_mail_hosts(resolver, return_path)) & set(ours):
            yield Finding(
                "warning",
                f"Bounces to {return_path} do not come to this server.",
                f"Publish an MX record at {return_path} that leads here, unless another server hands them on.",
            )
    except DnsUnavailable as error:
        yield Finding("warning", error.text, "Ask again later, or check DYNAMAIL_DNS_SERVERS.")


async def _find_mail_hosts(resolver: Resolver, domain: str) -> list[Address]:
    """Where mail for a domain goes; without MX records to the domain itself (RFC 5321 §5.1)."""
    try:
        hosts = [record.host for record in await resolver.mx(domain) if record.host]
    except NoRecord:
        hosts = [domain]
    except NoSuchName:
        hosts = []
    return [address for host in hosts for address in await _find_addresses(resolver, host)]


async def _find_addresses(resolver: Resolver, name: str) -> list[Address]:
    try:
        return list(await resolver.addresses(name))
    except (NoSuchName, NoRecord):
        return []


def _load_direct_transports() -> list[tuple[str | None, str]]:
    """Source address and HELO name of each enabled one, of all accounts, with the rights of a worker."""
    from django.db import connection, transaction

    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE dynamail_work")
            cursor.execute(
                "SELECT DISTINCT host(source_address), helo_name FROM transport WHERE kind = 'mx' AND is_enabled"
            )
            return [(row[0], row[1]) for row in cursor.fetchall()]
    except Exception:
        return []  # the database checks have said why


def _list_ways(transports: Sequence[tuple[str | None, str]], helo_name: str) -> list[DirectWay]:
    ways = [
        DirectWay(address, own_name or helo_name)
        for source, own_name in transports
        for address in ([ip_address(source)] if source else find_facing_addresses())
    ]
    return list(dict.fromkeys(ways))


def _behind_nat(way: DirectWay) -> Finding:
    return Finding(
        "warning",
        f"Direct mail leaves from {way.address}, which is not the address that receivers see.",
        f"Check yourself that the public address has a PTR record, best {way.helo_name}, which leads back to it.",
    )


def _is_private(address: Address) -> bool:
    return any(address.version == network.version and address in network for network in PRIVATE)


def _address_record(way: DirectWay) -> str:
    return f"{way.helo_name} {'A' if way.address.version == 4 else 'AAAA'} {way.address}"


def _spf(addresses: Sequence[Address]) -> str:
    return f"v=spf1 {' '.join(f'ip{address.version}:{address}' for address in addresses)} -all"


def _join(names: Sequence[object]) -> str:
    return ", ".join(map(str, names))
