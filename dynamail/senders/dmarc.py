"""A domain's DMARC policy: found by walking up the tree, read, and judged for mail that DynaMail signs (RFC 9989)."""

from __future__ import annotations

from dataclasses import dataclass, field

from dynamail.protocols.dns import NoRecord, NoSuchName, Resolver

MOST_LABELS = 8  # RFC 9989 §4.10: longer names are cut to seven labels after the first question
POLICIES = ("none", "quarantine", "reject")
LONGEST_RECORD = 4_000  # characters that we look at


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """A readable record. `policy` is none, quarantine or reject, already the one that holds for the asked domain."""

    name: str  # where it stands, without _dmarc.
    text: str
    policy: str
    is_strict_dkim: bool = False  # adkim=s: the signature must name the very domain in From
    is_strict_spf: bool = False  # aspf=s
    has_reports: bool = False  # rua=
    psd: str = "u"
    tags: dict[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class DmarcAnswer:
    """`record` is the one in force. `fault` is a code: several records, or one that no receiver can read."""

    record: DmarcRecord | None = None
    fault: str = ""
    found: tuple[str, ...] = ()


async def read_dmarc(resolver: Resolver, domain: str) -> DmarcAnswer:
    """Raises DnsUnavailable when the DNS does not tell."""
    own = await _find_records(resolver, domain)
    if own:
        return _read_own(domain, own)
    above: list[DmarcRecord] = []
    for name in list_ancestors(domain):
        records = [record for text in await _find_records(resolver, name) if (record := _read(name, text))]
        if len(records) != 1:
            continue
        above.append(records[0])
        if records[0].psd == "n":
            break
    organizational = _choose(above)
    if organizational is None:
        return DmarcAnswer()
    return DmarcAnswer(_for_subdomain(organizational), found=(organizational.text,))


def list_ancestors(domain: str) -> list[str]:
    """The names above a domain that the walk asks, nearest first (RFC 9989 §4.10): at most seven."""
    labels = domain.split(".")[1:]
    if len(labels) >= MOST_LABELS:
        labels = labels[-(MOST_LABELS - 1) :]
    return [".".join(labels[start:]) for start in range(len(labels))]


def read_dmarc_record(name: str, text: str) -> DmarcRecord | None:
    """None when receivers would pass it over (RFC 9989 §4.7)."""
    return _read(name, text)


def _read_own(domain: str, texts: tuple[str, ...]) -> DmarcAnswer:
    if len(texts) > 1:
        return DmarcAnswer(fault="several", found=texts)
    record = _read(domain, texts[0])
    return DmarcAnswer(record, "" if record else "unreadable", texts)


async def _find_records(resolver: Resolver, domain: str) -> tuple[str, ...]:
    try:
        texts = await resolver.txt(f"_dmarc.{domain}")
    except (NoSuchName, NoRecord):
        return ()
    return tuple(text for text in texts if text.strip().lower().replace(" ", "").startswith("v=dmarc1"))


def _read(name: str, text: str) -> DmarcRecord | None:
    tags: dict[str, str] = {}
    for part in text[:LONGEST_RECORD].split(";"):
        key, sign, value = part.partition("=")
        if sign:
            tags.setdefault(key.strip().lower(), value.strip())
        elif part.strip():
            return None
    policy = tags.get("p", "").lower()
    if policy not in POLICIES:
        if "rua" not in tags:  # with reports asked for, receivers take it as p=none (RFC 9989 §4.7)
            return None
        policy = "none"
    return DmarcRecord(
        name,
        text,
        policy,
        is_strict_dkim=tags.get("adkim", "r").lower() == "s",
        is_strict_spf=tags.get("aspf", "r").lower() == "s",
        has_reports="rua" in tags,
        psd=tags.get("psd", "u").lower(),
        tags=tags,
    )


def _choose(above: list[DmarcRecord]) -> DmarcRecord | None:
    """The organizational domain's: the highest one, unless a record says that it stands at a registry (psd=y)."""
    for record in above:
        if record.psd == "n":
            return record
    own = [record for record in above if record.psd != "y"]
    return (own or above or [None])[-1]  # type: ignore[list-item]


def _for_subdomain(record: DmarcRecord) -> DmarcRecord:
    policy = record.tags.get("sp", "").lower()
    return DmarcRecord(
        record.name,
        record.text,
        policy if policy in POLICIES else record.policy,
        record.is_strict_dkim,
        record.is_strict_spf,
        record.has_reports,
        record.psd,
        record.tags,
    )
