"""Return-paths that name their message: `b+<message>.<mac>@bounce.example.com` (variable envelope return path).

The code authenticates the report that comes back: without the key nobody can bounce a message that we did not send.
45 characters, far below the 64 octets of a local part (RFC 5321 §4.5.3.1.1); only lower-case letters and digits, since
some systems change the case.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from uuid import UUID

MAC_OCTETS = 10  # 80 bits: guessing at mail speed is hopeless

_RETURN_PATH = re.compile(r"b\+([a-z2-7]{26})\.([a-z2-7]{16})", re.IGNORECASE)


def encode_return_path(message_id: UUID, *, key: bytes) -> str:
    """The local part of MAIL FROM for this message."""
    return f"b+{_base32(message_id.bytes)}.{_base32(_mac(message_id, key))}"


def decode_return_path(local: str, *, keys: Iterable[bytes]) -> UUID | None:
    """The message that this local part was made for, or None when it is not ours. Several keys allow rotation."""
    match = _RETURN_PATH.fullmatch(local)
    if match is None:
        return None
    message_id = UUID(bytes=base64.b32decode(match[1].upper() + "======"))
    mac = base64.b32decode(match[2].upper())
    if any([hmac.compare_digest(mac, _mac(message_id, key)) for key in keys]):
        return message_id
    return None


def _mac(message_id: UUID, key: bytes) -> bytes:
    return hmac.digest(key, b"return-path\0" + message_id.bytes, hashlib.sha256)[:MAC_OCTETS]


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()
