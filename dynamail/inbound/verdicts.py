"""Is a message from whom it says? SPF (RFC 7208), DKIM (RFC 6376) and their alignment with From (DMARC, RFC 9989)."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import dkim
import dns.exception
import dns.nameserver
import dns.resolver
from django.conf import settings

from dynamail.inbound.models import ReceivedMessage
from dynamail.protocols.dns import DnsError, Resolver
from dynamail.senders.dmarc import read_dmarc

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its source has escapes that Python warns of when it is first compiled
    import spf

QUESTION_SECONDS = 5.0
MOST_SIGNATURES = 3  # of one message
Verdict = ReceivedMessage.Verdict
_SPF = {
    "pass": Verdict.PASS,
    "fail": Verdict.FAIL,
    "softfail": Verdict.FAIL,
    "neutral": Verdict.NEUTRAL,
    "none": Verdict.NONE,
    "permerror": Verdict.FAIL,
    "temperror": Verdict.UNKNOWN,
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Client:
    """Who handed a message over."""

    ip: str = ""
    helo: str = ""


@dataclass(frozen=True, slots=True)
class Verdicts:
    spf: str = Verdict.UNKNOWN
    dkim: str = Verdict.UNKNOWN
    dmarc: str = Verdict.UNKNOWN


def judge_message(raw: bytes, *, client: Client, envelope_from: str, from_domain: str) -> Verdicts:
    """Asks the DNS: call it outside of any transaction. Never fails; what cannot be found out is unknown."""
    spf_verdict, spf_domain = _judge_spf(client, envelope_from)
    dkim_verdict, signers = _judge_dkim(raw)
    vouching = [*signers, *([spf_domain] if spf_verdict == Verdict.PASS else [])]
    return Verdicts(spf_verdict, dkim_verdict, _judge_dmarc(from_domain, vouching))


def _judge_spf(client: Client, envelope_from: str) -> tuple[str, str]:
    sender = envelope_from if "@" in envelope_from else f"postmaster@{client.helo}"
    domain = sender.rpartition("@")[2].lower()
    if not client.ip or not domain:
        return Verdict.UNKNOWN, domain
    try:
        result, _explanation = spf.check2(
            i=client.ip, s=sender, h=client.helo, timeout=QUESTION_SECONDS, querytime=QUESTION_SECONDS
        )
    except Exception:
        log.info("SPF of %s could not be judged", domain, exc_info=True)
        return Verdict.UNKNOWN, domain
    return _SPF.get(result, Verdict.UNKNOWN), domain


def _judge_dkim(raw: bytes) -> tuple[str, list[str]]:
    """The verdict, and the domains whose signatures are right."""
    try:
        message = dkim.DKIM(raw, timeout=QUESTION_SECONDS)
        count = sum(1 for name, _value in message.headers if name.lower() == b"dkim-signature")
    except Exception:
        return Verdict.FAIL, []
    signers: list[str] = []
    is_unknown = False
    for place in range(min(count, MOST_SIGNATURES)):
        try:
            if message.verify(idx=place, dnsfunc=_find_key):
                signers.append(message.domain.decode("ascii", "replace").lower())
        except (dkim.DnsTimeoutError, dns.exception.DNSException):
            is_unknown = True
        except Exception:
            log.debug("a signature could not be read", exc_info=True)
    if signers:
        return Verdict.PASS, signers
    if not count:
        return Verdict.NONE, []
    return (Verdict.UNKNOWN if is_unknown else Verdict.FAIL), []


def _judge_dmarc(from_domain: str, vouching: Sequence[str]) -> str:
    if not from_domain:
        return Verdict.FAIL
    try:
        answer = asyncio.run(
            read_dmarc(Resolver(settings.DNS_SERVERS, lifetime=QUESTION_SECONDS), from_domain)
        )
    except (DnsError, ValueError):
        return Verdict.UNKNOWN
    if answer.record is None:
        return Verdict.NONE
    return Verdict.PASS if any(_is_aligned(from_domain, one) for one in vouching) else Verdict.FAIL


def _is_aligned(from_domain: str, domain: str) -> bool:
    """Relaxed: one of them is the other, or stands below it."""
    pairs = ((from_domain, domain), (domain, from_domain))
    return "." in domain and any(one == other or one.endswith(f".{other}") for one, other in pairs)


# ── The DNS, as this installation asks it ────────────────────────────────────────────────────────────────────────────
@cache
def _make_stub() -> dns.resolver.Resolver:
    stub = dns.resolver.Resolver(configure=not settings.DNS_SERVERS)
    if settings.DNS_SERVERS:
        stub.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in settings.DNS_SERVERS]
    stub.timeout = stub.lifetime = QUESTION_SECONDS
    return stub


def _find_key(name: bytes, timeout: float = QUESTION_SECONDS) -> bytes | None:
    try:
        answer = _make_stub().resolve(name.decode("ascii", "replace"), "TXT", search=False, lifetime=timeout)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
    return b"".join(next(iter(answer)).strings)


def _look_up(name: str, kind: str, tcpfallback: bool = True, timeout: float = QUESTION_SECONDS) -> list[Any]:
    """In the shape that pyspf asks for."""
    try:
        answer = _make_stub().resolve(name, kind, search=False, lifetime=timeout)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, ValueError):
        return []
    except dns.exception.DNSException as error:
        raise spf.TempError(f"DNS {error}") from error
    return [((name, kind), _READERS[kind](record)) for record in answer if kind in _READERS]


_READERS: dict[str, Any] = {
    "A": lambda record: record.address,
    "AAAA": lambda record: record.address,
    "MX": lambda record: (record.preference, record.exchange),
    "PTR": lambda record: record.target.to_text(True),
    "TXT": lambda record: record.strings,
    "SPF": lambda record: record.strings,
}
spf.DNSLookup = _look_up
