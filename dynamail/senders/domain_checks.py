"""Asking the DNS whether a domain's records are right. Talks to the network: no transaction is open here.

What the DNS did not tell is UNKNOWN, which never takes back what was right before (`domain_states.py`).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from django.conf import settings

from dynamail.protocols.dkim import DkimRecordError, read_public_record
from dynamail.protocols.dns import DnsUnavailable, NoRecord, NoSuchName, Resolver
from dynamail.senders.dmarc import DmarcRecord, read_dmarc
from dynamail.senders.domain_records import (
    OWNERSHIP_TAG,
    DnsRecord,
    Names,
    RecordPurpose,
    spf_mechanism,
)
from dynamail.senders.spf import add_to_record, find_spf_records, read_spf

LONGEST_CHAIN = 8  # aliases
MOST_FOUND = 5  # values of other people that are kept for the eye
LONGEST_FOUND = 600  # characters of each
PROBE_SECONDS = 10.0
PROBE_PORT = 443

Address = IPv4Address | IPv6Address
Probe = Callable[[str, Sequence[Address]], Awaitable[bool]]


class RecordState(StrEnum):
    RIGHT = "right"
    MISSING = "missing"
    DIFFERENT = "different"
    UNKNOWN = "unknown"  # not looked up yet, or the DNS did not tell


@dataclass(frozen=True, slots=True)
class Finding:
    """What stands in the DNS for one record. `code` says more about it in one word, `about` names what it is about.

    `advice` is what to publish here instead of the record's own value; `is_stale`: the DNS did not tell this time.
    """

    state: RecordState
    found: tuple[str, ...] = ()
    code: str = ""
    about: str = ""
    advice: str = ""
    is_stale: bool = False

    @property
    def is_right(self) -> bool:
        return self.state is RecordState.RIGHT


UNKNOWN = Finding(RecordState.UNKNOWN)


async def check_records(
    resolver: Resolver, name: str, records: Iterable[DnsRecord], names: Names, *, probe: Probe | None = None
) -> dict[str, Finding]:
    """The finding for each record by its key. Never raises: what cannot be found out is UNKNOWN."""
    wanted = list(records)
    check = _Check(resolver, name, names, probe or answers_over_https)
    findings = await asyncio.gather(*(check.look_at(record) for record in wanted))
    return {record.key: finding for record, finding in zip(wanted, findings, strict=True)}


class _Check:
    """The look-ups for one domain."""

    def __init__(self, resolver: Resolver, name: str, names: Names, probe: Probe) -> None:
        self._resolver, self._name, self._names, self._probe = resolver, name, names, probe

    async def look_at(self, record: DnsRecord) -> Finding:
        looks: dict[RecordPurpose, Callable[[DnsRecord], Awaitable[Finding]]] = {
            RecordPurpose.OWNERSHIP: self._check_ownership,
            RecordPurpose.DKIM: self._check_dkim,
            RecordPurpose.RETURN_PATH: self._check_return_path,
            RecordPurpose.TRACKING: self._check_tracking,
            RecordPurpose.SPF: self._check_spf,
            RecordPurpose.DMARC: self._check_dmarc,
        }
        try:
            return _clean(await looks[record.purpose](record))
        except DnsUnavailable:
            return UNKNOWN

    # ── text records ─────────────────────────────────────────────────────────────────────────────────────────────────
    async def _check_ownership(self, record: DnsRecord) -> Finding:
        texts = await self._find_texts(record.name)
        if any(_plain(text) == _plain(record.value) for text in texts):
            return Finding(RecordState.RIGHT)
        others = [text for text in texts if _plain(text).startswith(OWNERSHIP_TAG)]
        if others:
            return _different(others, "other_token")
        return await self._missing(record) if not texts else _different(texts)

    async def _check_dkim(self, record: DnsRecord) -> Finding:
        texts = await self._find_texts(record.name)
        if not texts:
            return await self._missing(record)
        if len(texts) > 1:
            return _different(texts, "several")  # RFC 6376 §3.6.2.2: what verifiers do then is undefined
        wanted = read_public_record(record.value)
        try:
            published = read_public_record(texts[0])
        except DkimRecordError as error:
            return _different(texts, "unreadable", str(error))
        if (published.algorithm, published.public_key) != (wanted.algorithm, wanted.public_key):
            return _different(texts, "other_key")
        return _different(texts, "testing") if published.is_testing else Finding(RecordState.RIGHT)

    async def _check_spf(self, record: DnsRecord) -> Finding:
        mechanism = await self._find_mechanism()
        policy = await read_spf(self._resolver, self._name)
        if policy.fault == "none":
            return Finding(RecordState.MISSING, advice=f"v=spf1 {mechanism} ~all")
        if policy.fault == "several":
            return _different(policy.records, "spf_several")
        if policy.fault:
            return _different(policy.records, f"spf_{policy.fault}", policy.about)
        if policy.covers((self._names.return_path, settings.HELO_NAME), await self._find_own_addresses()):
            return Finding(RecordState.RIGHT, found=_shorten(policy.records))
        advice = add_to_record(policy.record, mechanism)
        return Finding(RecordState.DIFFERENT, _shorten(policy.records), "spf_without_us", advice=advice)

    async def _check_dmarc(self, _record: DnsRecord) -> Finding:
        answer = await read_dmarc(self._resolver, self._name)
        if answer.fault:
            return _different(answer.found, f"dmarc_{answer.fault}")
        if answer.record is None:
            return Finding(RecordState.MISSING)
        code, about = _judge_dmarc(answer.record, self._name)
        return Finding(RecordState.RIGHT, _shorten(answer.found), code, about)

    # ── host names ───────────────────────────────────────────────────────────────────────────────────────────────────
    async def _check_return_path(self, record: DnsRecord) -> Finding:
        chain = await self._follow_aliases(record.name)
        if record.value in chain:
            return Finding(RecordState.RIGHT)
        hosts = await self._find_mx(record.name)
        ours = {*await self._find_mx(self._names.return_path), self._names.return_path}
        if hosts and hosts <= ours:  # an alias that the DNS provider flattens, or MX and TXT instead of one
            spf = await read_spf(self._resolver, record.name)
            is_covered = not spf.fault and spf.covers((self._names.return_path, settings.HELO_NAME))
            return Finding(RecordState.RIGHT, code="" if is_covered else "mx_without_spf")
        found = [*chain[:1], *(f"MX {host}" for host in sorted(hosts) if not chain)]
        return _different(found) if found else await self._missing(record)

    async def _check_tracking(self, record: DnsRecord) -> Finding:
        chain = await self._follow_aliases(record.name)
        ours = await self._find_addresses(self._names.web)
        theirs = set(await self._find_addresses(record.name))
        if record.value not in chain and not (theirs and theirs <= set(ours)):
            found = chain[:1] or sorted(map(str, theirs))
            return _different(found) if found else await self._missing(record)
        if not settings.IS_SECURE or not await self._probe(record.name, ours):
            return Finding(RecordState.DIFFERENT, tuple(chain[:1]), "no_https")
        return Finding(RecordState.RIGHT)

    # ── questions ────────────────────────────────────────────────────────────────────────────────────────────────────
    async def _missing(self, record: DnsRecord) -> Finding:
        """Many panels add the domain by themselves: who writes it as well gets it twice."""
        doubled = f"{record.name}.{self._name}"
        try:
            found = (
                await self._find_texts(doubled)
                if record.kind == "TXT"
                else await self._follow_aliases(doubled)
            )
        except DnsUnavailable:
            found = []
        if found:
            return Finding(RecordState.DIFFERENT, (), "doubled_name", doubled)
        return Finding(RecordState.MISSING)

    async def _find_texts(self, name: str) -> list[str]:
        try:
            return list(await self._resolver.txt(name))
        except (NoSuchName, NoRecord):
            return []

    async def _find_mx(self, name: str) -> set[str]:
        try:
            return {record.host for record in await self._resolver.mx(name) if record.host}
        except (NoSuchName, NoRecord):
            return set()

    async def _find_addresses(self, name: str) -> list[Address]:
        try:
            return list(await self._resolver.addresses(name))
        except (NoSuchName, NoRecord):
            return []

    async def _find_own_addresses(self) -> list[Address]:
        try:
            return await self._find_addresses(settings.HELO_NAME)
        except DnsUnavailable:
            return []

    async def _find_mechanism(self) -> str:
        """`include:` of a name without an SPF record would make the owner's record void (RFC 7208 §5.2)."""
        if await find_spf_records(self._resolver, self._names.return_path):
            return spf_mechanism(self._names)
        return f"a:{settings.HELO_NAME}"

    async def _follow_aliases(self, name: str) -> list[str]:
        """The names that this one stands for, one after the other; empty when it is no alias."""
        chain: list[str] = []
        while len(chain) < LONGEST_CHAIN:
            try:
                name = await self._resolver.cname(name)
            except (NoSuchName, NoRecord):
                break
            if name in chain:
                break
            chain.append(name)
        return chain


async def answers_over_https(host: str, addresses: Sequence[Address], *, port: int = PROBE_PORT) -> bool:
    """Does this installation answer at `host` with a certificate for that name? Links that do not would be broken.

    Only our own `addresses` are spoken to, whatever the name points at by now.
    """
    for address in addresses:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                if await _get_health(host, str(address), port):
                    return True
        except (OSError, TimeoutError, ssl.SSLError, ValueError, EOFError):
            continue
    return False


async def _get_health(host: str, address: str, port: int) -> bool:
    reader, writer = await asyncio.open_connection(
        address, port, ssl=ssl.create_default_context(), server_hostname=host
    )
    try:
        writer.write(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("ascii"))
        await writer.drain()
        status = await reader.readline()
        return status.split(b" ")[1:2] == [b"200"]
    finally:
        writer.close()


def _judge_dmarc(record: DmarcRecord, domain: str) -> tuple[str, str]:
    if record.name != domain:
        return ("dmarc_strict_above" if record.is_strict_dkim else "dmarc_above"), record.name
    if record.is_strict_dkim:
        return "dmarc_strict_dkim", record.policy
    if record.is_strict_spf:
        return "dmarc_strict_spf", record.policy
    return ("dmarc_good" if record.has_reports else "dmarc_without_reports"), record.policy


def _different(found: Iterable[str], code: str = "", about: str = "") -> Finding:
    return Finding(RecordState.DIFFERENT, _shorten(found), code, about)


def _clean(finding: Finding) -> Finding:
    """Without control characters: a TXT record may hold any octet, a row in PostgreSQL no NUL."""
    return replace(
        finding,
        found=tuple(map(_drop_controls, finding.found)),
        about=_drop_controls(finding.about),
        advice=_drop_controls(finding.advice),
    )


def _drop_controls(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _shorten(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(text[:LONGEST_FOUND] for text in list(found)[:MOST_FOUND])


def _plain(text: str) -> str:
    """Quotation marks that a panel kept, white space and case do not matter for our own token."""
    return "".join(text.replace('"', "").replace("\\", "").split()).lower()
