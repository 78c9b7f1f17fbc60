"""A hit as it lies in a segment file: 48 octets, so that a file that was cut short is read up to its last whole record."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from dynamail.tracking.tokens import NOBODY

OPENED, CLICKED = 0, 1
KIND_NAMES = ("opened", "clicked")
MACHINE = 1  # flag
NO_LINK = -1

_LAYOUT = struct.Struct(">IQ16s16shBB")
RECORD_BYTES = _LAYOUT.size

# A person does not follow this many different links of one message within these seconds; a link checker does.
BURST_LINKS, BURST_SECONDS = 4, 2.0


@dataclass(frozen=True, slots=True)
class Hit:
    """One open or click. It names no address, no browser and no place."""

    account_id: int
    at_ms: int  # Unix time
    source_id: UUID
    contact_id: UUID
    kind: int
    link_number: int = NO_LINK
    machine: bool = False

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.at_ms / 1000, UTC)


def pack_hit(hit: Hit) -> bytes:
    return _LAYOUT.pack(
        hit.account_id,
        hit.at_ms,
        hit.source_id.bytes,
        hit.contact_id.bytes,
        hit.link_number,
        hit.kind,
        MACHINE if hit.machine else 0,
    )


def unpack_hits(data: bytes) -> list[Hit]:
    """All whole records; an unfinished one at the end was never answered."""
    whole = len(data) - len(data) % RECORD_BYTES
    return [
        Hit(account_id, at_ms, UUID(bytes=source), UUID(bytes=contact), kind, number, bool(flags & MACHINE))
        for account_id, at_ms, source, contact, number, kind, flags in _LAYOUT.iter_unpack(data[:whole])
        if kind in (OPENED, CLICKED)
    ]


def drop_repeats(hits: Iterable[Hit]) -> list[Hit]:
    """The first of identical hits of one person in one segment: a double click, a proxy that fetches twice, a replayed link."""
    seen: set[Hit] = set()
    kept = []
    for hit in hits:
        key = replace(hit, at_ms=0)
        if hit.contact_id == NOBODY or key not in seen:
            seen.add(key)
            kept.append(hit)
    return kept


def mark_bursts(hits: Sequence[Hit]) -> list[Hit]:
    """Mark the clicks of link checkers: many different links of one message by one person within a moment."""
    by_person: dict[tuple[int, UUID, UUID], list[Hit]] = defaultdict(list)
    for hit in hits:
        if hit.kind == CLICKED and hit.contact_id != NOBODY and not hit.machine:
            by_person[hit.account_id, hit.source_id, hit.contact_id].append(hit)
    bursts = {id(hit) for clicks in by_person.values() for hit in _find_burst(clicks)}
    return [replace(hit, machine=True) if id(hit) in bursts else hit for hit in hits]


def _find_burst(clicks: list[Hit]) -> list[Hit]:
    if len(clicks) < BURST_LINKS:
        return []
    clicks.sort(key=lambda click: click.at_ms)
    found: dict[int, Hit] = {}
    start = 0
    for end, click in enumerate(clicks):
        while click.at_ms - clicks[start].at_ms > BURST_SECONDS * 1000:
            start += 1
        window = clicks[start : end + 1]
        if len({near.link_number for near in window}) >= BURST_LINKS:
            found.update((id(near), near) for near in window)
    return list(found.values())
