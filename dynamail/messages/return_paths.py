"""MAIL FROM of each message, made fast: `protocols.verp.encode_return_path` with the key hashed in advance, and base 32 by pairs.

A test compares the two; reading a return-path back is `protocols.verp.decode_return_path`.
"""

from __future__ import annotations

from uuid import UUID

from dynamail.messages.recipient_links import KeyedHash
from dynamail.protocols.verp import MAC_OCTETS

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]  # ten bits each
_ID_SHIFTS = tuple(range(120, -1, -10))  # 128 bits and two of padding: 26 characters
_MAC_SHIFTS = tuple(range(70, -1, -10))  # 80 bits: 16 characters


class ReturnPaths:
    """The return-paths of one installation."""

    def __init__(self, *, key: bytes, domain: str) -> None:
        self._hash = KeyedHash(key)
        self._domain = domain

    def encode(self, message_id: UUID) -> str:
        """`b+<message>.<mac>@<domain>`."""
        number = message_id.int
        mac = self._hash.digest(b"return-path\0" + number.to_bytes(16, "big"))
        code = int.from_bytes(mac[:MAC_OCTETS], "big")
        number <<= 2
        left = "".join([_PAIRS[number >> shift & 1023] for shift in _ID_SHIFTS])
        right = "".join([_PAIRS[code >> shift & 1023] for shift in _MAC_SHIFTS])
        return f"b+{left}.{right}@{self._domain}"
