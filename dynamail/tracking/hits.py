"""A hit as it lies in a segment file: 48 octets, so that a file that was cut short is read up to its last whole record.

A click of a single message is preceded by records with its address, 46 octets each: no other place knows where it led.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dynamail.tracking.tokens import NOBODY

OPENED, CLICKED = 0, 1
KIND_NAMES = ("opened", "clicked")
MACHINE, SINGLE = 1, 2  # flags; of a single message `source` is the message
NO_LINK = -1

_LAYOUT = struct.Struct(">IQ16s16shBB")
_PIECE = struct.Struct(">46sBB")  # of an address: octets, kind, how many of them count
_ADDRESS = 2  # kind
_PIECE_BYTES = 46
RECORD_BYTES = _LAYOUT.size
_NOBODY = NOBODY.bytes

# A person does not follow this many different links of one message within this time; a link checker does.
BURST_LINKS, BURST_MILLISECONDS = 4, 2_000


class Hit(NamedTuple):
    """One open or click, in the order of the record. It names no address on the net, no browser and no place."""

    account_id: int
    at_ms: int  # Unix time
    source: bytes
    contact: bytes
    link_number: int
    kind: int
    flags: int = 0
    address: bytes = b""  # of a single message's link

    @property
    def is_machine(self) -> bool:
        return bool(self.flags & MACHINE)

    @property
    def is_single(self) -> bool:
        return bool(self.flags & SINGLE)

    @property
    def is_somebodys(self) -> bool:
        """A single message has one reader, known or not."""
        return self.contact != _NOBODY or self.is_single


def pack_hit(hit: Hit) -> bytes:
    record = _LAYOUT.pack(*hit[:7])
    if not hit.address:
        return record
    starts = range(0, len(hit.address), _PIECE_BYTES)
    pieces = [hit.address[start : start + _PIECE_BYTES] for start in starts]
    return b"".join([*(_PIECE.pack(piece, _ADDRESS, len(piece)) for piece in pieces), record])


def unpack_hits(data: bytes) -> list[Hit]:
    """All whole records; an unfinished one at the end was never answered."""
    whole = len(data) - len(data) % RECORD_BYTES
    hits, address = [], b""
    for place, fields in enumerate(_LAYOUT.iter_unpack(data[:whole])):
        kind, flags = fields[5:]
        if kind == _ADDRESS:
            start = place * RECORD_BYTES
            address += data[start : start + min(flags, _PIECE_BYTES)]
            continue
        if kind in (OPENED, CLICKED):
            hits.append(Hit._make((*fields, address)))
        address = b""
    return hits


def drop_repeats(hits: Iterable[Hit]) -> list[Hit]:
    """The first of identical hits of one person in one segment: a double click, a proxy that fetches twice, a replayed link."""
    seen: set[tuple[object, ...]] = set()
    kept = []
    for hit in hits:
        key = (hit.contact, hit.source, hit.link_number, hit.kind, hit.flags, hit.account_id)
        if key not in seen or not hit.is_somebodys:
            seen.add(key)
            kept.append(hit)
    return kept


def mark_bursts(hits: Sequence[Hit]) -> list[Hit]:
    """Mark the clicks of link checkers: many different links of one message by one person within a moment."""
    by_person: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for place, hit in enumerate(hits):
        if hit.kind == CLICKED and not hit.is_machine and hit.is_somebodys:
            by_person[hit.contact, hit.source, hit.account_id].append(place)
    marked = list(hits)
    for places in by_person.values():
        if len(places) >= BURST_LINKS:
            for place in _find_burst(hits, places):
                marked[place] = hits[place]._replace(flags=hits[place].flags | MACHINE)
    return marked


def _find_burst(hits: Sequence[Hit], places: list[int]) -> set[int]:
    places.sort(key=lambda place: hits[place].at_ms)
    found: set[int] = set()
    start = 0
    for end, place in enumerate(places):
        while hits[place].at_ms - hits[places[start]].at_ms > BURST_MILLISECONDS:
            start += 1
        window = places[start : end + 1]
        if len({hits[near].link_number for near in window}) >= BURST_LINKS:
            found.update(window)
    return found
