"""Which IP addresses lie on the internet: a name that strangers publish must not lead us into our own network. Which are one client's."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

_GLOBAL_UNICAST = IPv6Network("2000::/3")
# Inside of it, and still a way to an IPv4 address of one's choice or to nobody.
_TUNNELS = (IPv6Network("2002::/16"), IPv6Network("2001::/23"), IPv6Network("2001:db8::/32"))


def is_public_address(address: Address | str) -> bool:
    """Whether a connection to it leaves our own networks: not loopback, private, link-local, multicast, reserved or
    wrapped (6to4, Teredo, IPv4-mapped). Raises ValueError when the text is no IP address."""
    ip = ip_address(address) if isinstance(address, str) else address
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast and not ip.is_reserved
    return ip in _GLOBAL_UNICAST and not any(ip in tunnel for tunnel in _TUNNELS) and ip.is_global


def name_network(ip: str) -> str:
    """One client, as far as an address tells: an IPv4 address, or the /64 that an IPv6 host has to itself."""
    try:
        address = ip_address(ip.partition("%")[0])
    except ValueError:
        return ip
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return str(mapped)
    return str(ip_network(f"{address}/64", strict=False)) if address.version == 6 else str(address)
