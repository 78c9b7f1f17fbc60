"""Third-party secrets at rest: AES-256-GCM, bound to the row and column that hold them (promise P2.2).

A ciphertext that is copied to another row does not open there, because the place is authenticated with it.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
VERSION = b"\x01"


class CannotOpen(ValueError):
    """The sealed value was changed, moved to another row, or sealed under another secret."""


def seal(key: bytes, plaintext: str, *, place: str) -> bytes:
    """Encrypt for one place, written `<account>/<table>/<row>/<column>`."""
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + AESGCM(key).encrypt(nonce, plaintext.encode(), place.encode())


def unseal(key: bytes, sealed: bytes, *, place: str) -> str:
    """Decrypt; raises CannotOpen."""
    try:
        return (
            AESGCM(key)
            .decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], place.encode())
            .decode()
        )
    except (InvalidTag, ValueError, IndexError):
        raise CannotOpen("This secret cannot be opened here. Enter it again.") from None
