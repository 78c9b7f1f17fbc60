"""From a recipient's domain to the servers to try, in order, each with what the domain demands of the connection.

1. `mx` finds the hosts and their site.
2. An MTA-STS policy in force (`mta_sts`) leaves only the hosts that it names, and demands TLS with a certificate for the
   host's name from the system's authorities.
3. TLSA records that DNSSEC vouches for (`dane`) demand TLS with the certificate that they describe; where both speak, DANE
   decides about the certificate (RFC 8461 §2) and a host whose records cannot be looked up is left out.
4. Everybody else gets TLS when it works.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, replace
from ipaddress import ip_address

from dynamail.protocols.dane import DanePolicy, find_dane_policy
from dynamail.protocols.dns import DnsUnavailable, Resolver
from dynamail.protocols.mta_sts import StsMode, StsPolicies
from dynamail.protocols.mx import AddressOrder, MailHost, MailRoute, UnroutableDomain, find_mail_hosts
from dynamail.protocols.smtp.next_hop import NextHop, Timeouts, TlsMode


@dataclass(frozen=True, slots=True)
class HopSettings:
    """What is the same for all domains.

    `helo_name` and `source_address` count as our own in the search for loops, besides `own_names` and `own_addresses`. A
    source address leaves only the addresses of its own family. `tls_context` verifies for MTA-STS; without it the
    system's authorities do. Tests allow private addresses; nobody else should.
    """

    helo_name: str
    timeouts: Timeouts
    source_address: str = ""
    port: int = 25
    dane_enabled: bool = True
    own_names: frozenset[str] = frozenset()
    own_addresses: frozenset[str] = frozenset()
    order: AddressOrder = AddressOrder.IPV4_FIRST
    allow_private_addresses: bool = False
    tls_context: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class HopPlan:
    """`hops` (at least one) in the order to try; `site` names the installation behind them, for shared limits.

    `tls_policy` is "dane", "mta-sts" or "" as it holds for the first of them.
    """

    domain: str
    site: str
    hops: tuple[NextHop, ...]
    tls_policy: str = ""


@dataclass(frozen=True, slots=True)
class _Demand:
    """What the domain demands of one host."""

    host: MailHost
    dane: DanePolicy | None = None
    is_enforced: bool = False  # by MTA-STS


async def plan_hops(
    domain: str, *, resolver: Resolver, sts: StsPolicies | None, settings: HopSettings
) -> HopPlan:
    """The plan for mail to a domain; it may be kept for some minutes. Raises UnroutableDomain."""
    route = await find_mail_hosts(
        domain,
        resolver,
        own_names={settings.helo_name.lower(), *settings.own_names},
        own_addresses={*settings.own_addresses, *filter(None, [settings.source_address])},
        order=_order_for(settings),
        allow_private_addresses=settings.allow_private_addresses,
    )
    policy = await sts.find(route.domain) if sts is not None else None
    if policy is None or policy.mode is not StsMode.ENFORCE:
        demands = [_Demand(host) for host in route.hosts]
    else:
        demands = [_Demand(host, is_enforced=True) for host in route.hosts if policy.allows(host.name)]
        if not demands:
            text = f"The MTA-STS policy of {route.domain} names none of its mail servers."
            raise UnroutableDomain(permanent=False, enhanced="4.4.4", text=text)
    if settings.dane_enabled and route.is_dnssec:
        demands = await _add_dane(route, demands, resolver, settings.port)
    hops = tuple(
        replace(_make_hop(settings, demand), host=str(address))
        for demand in demands
        for address in demand.host.addresses
    )
    return HopPlan(route.domain, route.site, hops, hops[0].tls_demanded_by.lower())


def _order_for(settings: HopSettings) -> AddressOrder:
    if not settings.source_address:
        return settings.order
    is_old = ip_address(settings.source_address).version == 4
    return AddressOrder.IPV4_ONLY if is_old else AddressOrder.IPV6_ONLY


async def _add_dane(route: MailRoute, demands: list[_Demand], resolver: Resolver, port: int) -> list[_Demand]:
    """Hosts whose TLSA records cannot be looked up are left out (RFC 7672 §2.1.2)."""

    async def add(demand: _Demand) -> _Demand | DnsUnavailable:
        host = demand.host
        if not host.is_dnssec:
            return demand
        try:
            dane = await find_dane_policy(
                host.name, resolver, canonical_name=host.canonical_name, domain=route.domain, port=port
            )
        except DnsUnavailable as error:
            return error
        return replace(demand, dane=dane)

    found = await asyncio.gather(*map(add, demands))
    usable = [demand for demand in found if isinstance(demand, _Demand)]
    if not usable:
        text = f"The TLSA records of the mail servers of {route.domain} cannot be looked up."
        raise UnroutableDomain(permanent=False, enhanced="4.4.3", text=text)
    return usable


def _make_hop(settings: HopSettings, demand: _Demand) -> NextHop:
    hop = NextHop(
        host="",
        port=settings.port,
        helo_name=settings.helo_name,
        tls_name=demand.host.name,
        source_address=settings.source_address,
        timeouts=settings.timeouts,
    )
    if demand.dane is not None:
        return replace(hop, tls=TlsMode.STARTTLS, tls_demanded_by="DANE", dane=demand.dane)
    if demand.is_enforced:
        return replace(
            hop,
            tls=TlsMode.STARTTLS,
            tls_demanded_by="MTA-STS",
            verify_tls=True,
            tls_context=settings.tls_context,
        )
    return hop
