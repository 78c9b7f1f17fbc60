"""Questions to the DNS with typed answers, and three ways to fail that callers may tell apart.

`NoSuchName` and `NoRecord` are facts about the name and may be acted upon; `DnsUnavailable` says nothing about the name:
try later. Answers are kept for as long as their TTL allows, a day at most.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypeVar

import dns.asyncresolver
import dns.edns
import dns.exception
import dns.flags
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
import dns.reversename

Record = TypeVar("Record")

LONGEST_TTL = 86_400.0  # seconds that an answer is kept at most, whatever it says
UDP_PAYLOAD = 1_232  # octets; the flag day's value: no fragments
CACHED_ANSWERS = 50_000
# One answer may hold what 64 KB hold; nobody needs more than this many records of one name.
MOST_RECORDS = 500


class DnsError(Exception):
    """A question without an answer. `name` is what was asked for, `text` a sentence."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name
        self.text = text


class NoSuchName(DnsError):
    """The name does not exist (NXDOMAIN), or is none that the DNS could hold."""


class NoRecord(DnsError):
    """The name exists and has no record of this type."""


class DnsUnavailable(DnsError):
    """No server answered, or it could not find out (SERVFAIL, also for a broken DNSSEC signature): ask again later."""


class Records(tuple[Record, ...]):
    """The records of one answer, never empty. `is_validated`: DNSSEC vouches for them and for the aliases on the way.

    `name` is the name that owns them, without the last dot: another one than asked for when that was an alias.
    """

    is_validated: bool
    name: str

    @classmethod
    def of(cls, records: Sequence[Record], *, is_validated: bool, name: str) -> Records[Record]:
        made = cls(records)
        made.is_validated = is_validated
        made.name = name
        return made


@dataclass(frozen=True, slots=True)
class MxRecord:
    """`host` is lower-case without the last dot; "" is the null MX (RFC 7505)."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True)
class TlsaRecord:
    """RFC 6698 §2.1."""

    usage: int
    selector: int
    matching: int
    data: bytes


class Resolver:
    """Asks `servers`, pairs of IP address and port; without them those of /etc/resolv.conf.

    `timeout` is for one try and `lifetime` for one question with all its tries, both in seconds. The flag that says
    "validated" is believed when it comes from this machine; `trust_ad` believes it from elsewhere too, which is right only
    where nobody can stand between (RFC 7672 §2.2).
    """

    def __init__(
        self,
        servers: Sequence[tuple[str, int]] = (),
        *,
        timeout: float = 3.0,
        lifetime: float = 10.0,
        trust_ad: bool = False,
    ) -> None:
        self._servers = tuple(servers)
        self._trust_ad = trust_ad
        self._timeout, self._lifetime = timeout, lifetime
        self._stub: dns.asyncresolver.Resolver | None = None
        self._cache = _TtlCache(CACHED_ANSWERS)

    async def txt(self, name: str) -> Records[str]:
        """The texts, each joined from its strings (RFC 7208 §3.3); what is not UTF-8 is replaced. Raises DnsError."""
        return await self._ask(
            name, "TXT", lambda record: b"".join(record.strings).decode("utf-8", "replace")
        )

    async def mx(self, name: str) -> Records[MxRecord]:
        """In no particular order. Raises DnsError."""
        return await self._ask(
            name, "MX", lambda record: MxRecord(record.preference, _to_text(record.exchange))
        )

    async def addresses(self, name: str) -> Records[IPv4Address | IPv6Address]:
        """IPv6 and IPv4 addresses. When only one of the two questions finds an answer, that is enough. Raises DnsError."""
        found = await asyncio.gather(
            *(self._ask(name, kind, lambda record: ip_address(record.address)) for kind in ("AAAA", "A")),
            return_exceptions=True,
        )
        records = [answer for answer in found if not isinstance(answer, BaseException)]
        if not records:
            errors = [error for error in found if isinstance(error, BaseException)]
            raise min(errors, key=lambda error: isinstance(error, NoSuchName | NoRecord))
        return Records.of(
            [address for answer in records for address in answer],
            is_validated=all(answer.is_validated for answer in records),
            name=records[0].name,
        )

    async def cname(self, name: str) -> str:
        """The name that this one stands for. Raises DnsError: NoRecord when it is no alias."""
        return (await self._ask(name, "CNAME", lambda record: _to_text(record.target)))[0]

    async def ptr(self, address: str) -> Records[str]:
        """The names of an IP address. Raises DnsError, and ValueError when it is none."""
        name = dns.reversename.from_address(str(ip_address(address))).to_text(omit_final_dot=True)
        return await self._ask(name, "PTR", lambda record: _to_text(record.target))

    async def tlsa(self, name: str) -> Records[TlsaRecord]:
        """`name` is the whole one: `_25._tcp.mx.example.com`. Look at `is_validated` before use. Raises DnsError."""
        return await self._ask(
            name,
            "TLSA",
            lambda record: TlsaRecord(record.usage, record.selector, record.mtype, record.cert),
        )

    def forget(self) -> None:
        """Ask everything anew: for a page's "check again"."""
        self._cache.flush()

    async def _ask(self, name: str, kind: str, read: Callable[[Any], Record]) -> Records[Record]:
        question = _to_name(name)
        try:
            answer = await self._get_stub().resolve(question, kind, search=False)
        except dns.resolver.NXDOMAIN:
            raise NoSuchName(name, f"The name {name} does not exist.") from None
        except dns.resolver.NoAnswer:
            raise NoRecord(name, f"The name {name} has no {kind} record.") from None
        except (dns.exception.DNSException, OSError, EOFError, ValueError) as error:
            raise DnsUnavailable(name, f"The DNS did not tell the {kind} record of {name}.") from error
        return Records.of(
            [read(record) for record in list(answer)[:MOST_RECORDS]],
            is_validated=self._is_validated(answer),
            name=_to_text(answer.canonical_name),
        )

    def _is_validated(self, answer: dns.resolver.Answer) -> bool:
        if not answer.response.flags & dns.flags.AD:
            return False
        return self._trust_ad or (bool(answer.nameserver) and ip_address(answer.nameserver or "").is_loopback)

    def _get_stub(self) -> dns.asyncresolver.Resolver:
        """Made at the first question, so that a machine without a resolver configuration can still start."""
        if self._stub is None:
            stub = dns.asyncresolver.Resolver(configure=not self._servers)
            if self._servers:
                stub.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in self._servers]
            stub.timeout, stub.lifetime = self._timeout, self._lifetime
            stub.cache = self._cache
            stub.flags = (
                dns.flags.RD | dns.flags.AD
            )  # RFC 6840 §5.7: AD in a question asks for it in the answer
            stub.use_edns(0, dns.flags.DO, UDP_PAYLOAD)
            self._stub = stub
        return self._stub


class _TtlCache(dns.resolver.LRUCache):
    def put(self, key: Any, value: dns.resolver.Answer) -> None:
        value.expiration = min(value.expiration, time.time() + LONGEST_TTL)
        super().put(key, value)


_IDNA = dns.name.IDNA2008Codec(uts_46=True, allow_pure_ascii=True)


def to_ascii_name(name: str) -> str:
    """Lower-case, in A-labels, without the last dot. Raises NoSuchName for what the DNS could not hold."""
    return _to_text(_to_name(name))


def _to_name(name: str) -> dns.name.Name:
    try:
        if not name.strip("."):
            raise dns.name.EmptyLabel
        return dns.name.from_text(name, idna_codec=_IDNA)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise NoSuchName(name[:255], f"{name[:255]} is not a name that the DNS could hold.") from error


def _to_text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower() if len(name) > 1 else ""
