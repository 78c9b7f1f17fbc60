"""Identifiers.

Rows that leave the process carry a UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, so ids sort by time and a
partition by id is a partition by time. Outside they are written `<prefix>_<26 characters>`, Crockford base 32.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from uuid import UUID

from dynamail.lib.clock import utc_now

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford: no i, l, o, u
PUBLIC_LENGTH = 26  # 128 bits at 5 bits a character, rounded up
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]  # two characters are ten bits
_SHIFTS = range(10 * (PUBLIC_LENGTH // 2 - 1), -1, -10)
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


class UnknownId(ValueError):
    """The text is not an id of the expected kind."""


def new_id(now: datetime | None = None) -> UUID:
    """A fresh UUIDv7 for `now` (default: this moment)."""
    return _uuid7(_milliseconds(now or utc_now()), int.from_bytes(os.urandom(10)))


def derived_id(at: datetime, *parts: object) -> UUID:
    """The same UUIDv7 for the same moment and parts, every time: a message that is made twice has one id."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=10).digest()
    return _uuid7(_milliseconds(at), int.from_bytes(digest))


def id_time(value: UUID) -> datetime:
    """The moment that a UUIDv7 carries, in whole milliseconds."""
    return datetime.fromtimestamp((value.int >> 80) / 1000, UTC)


def lowest_id(at: datetime) -> UUID:
    """The smallest UUIDv7 of that millisecond: the bound for `id >= …` queries and partitions."""
    return UUID(int=max(0, _milliseconds(at)) << 80)  # before 1970 nothing had an id


def to_public_id(prefix: str, value: UUID) -> str:
    """`con_01hx…` for a UUID."""
    number = value.int
    return f"{prefix}_{''.join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])}"


def from_public_id(prefix: str, text: str) -> UUID:
    """The UUID behind a public id. Raises UnknownId for another prefix or a malformed tail."""
    head, _, tail = text.partition("_")
    if head != prefix or len(tail) != PUBLIC_LENGTH or not set(tail) <= _VALUES.keys():
        raise UnknownId(f"{text[:40]!r} is not an id that starts with {prefix}_")
    number = 0
    for character in tail:
        number = number * 32 + _VALUES[character]
    if number >> 128:
        raise UnknownId(f"{text[:40]!r} is too large for an id")
    return UUID(int=number)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _uuid7(milliseconds: int, tail: int) -> UUID:
    number = (milliseconds & (1 << 48) - 1) << 80 | tail & (1 << 80) - 1
    number = number & ~(0xF << 76) | 7 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    return UUID(int=number)
