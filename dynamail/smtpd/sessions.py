"""Clients of a listener, and how many there may be at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from ipaddress import ip_address, ip_network
from typing import Any

from aiosmtpd.smtp import SMTP

TOO_MANY = b"421 4.7.0 Too many connections; try again later\r\n"


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


class Places:
    """How many clients may be connected: in all, and from one network."""

    def __init__(self, most: int, *, most_of_one: int = 0) -> None:
        self.most, self.most_of_one = most, most_of_one or most
        self.open = 0
        self._of: Counter[str] = Counter()

    def take(self, network: str) -> bool:
        if self.open >= self.most or self._of[network] >= self.most_of_one:
            return False
        self.open += 1
        self._of[network] += 1
        return True

    def leave(self, network: str) -> None:
        self.open -= 1
        self._of[network] -= 1
        if not self._of[network]:
            del self._of[network]


class BoundedSession(SMTP):
    """One client. Each may make us hold a whole message, so there are only so many at once."""

    def __init__(self, handler: Any, *, places: Places, **options: Any) -> None:
        super().__init__(handler, **options)
        self.places = places
        self.ip = ""
        self._network: str | None = None  # none: it holds no place

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._original_transport is not None:  # the same client, now with TLS
            super().connection_made(transport)
            return
        peer = transport.get_extra_info("peername")
        self.ip = str(peer[0]) if peer else ""
        network = name_network(self.ip)
        if not self.places.take(network):
            if isinstance(transport, asyncio.WriteTransport):
                transport.write(TOO_MANY)
                transport.close()
            return
        self._network = network
        super().connection_made(transport)

    def eof_received(self) -> bool | None:
        return super().eof_received() if self.transport is not None else None

    def connection_lost(self, error: Exception | None) -> None:
        if self._network is not None:
            self.places.leave(self._network)
            self._network = None
        if self.transport is not None:
            super().connection_lost(error)
