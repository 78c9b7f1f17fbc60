"""Short keyed tokens for links in mail, and keys derived from the installation's secret.

A token is `<payload><8-octet HMAC-SHA-256>` in URL-safe base 64. It is verified without a database read. The key differs by
purpose, so that a click token never passes as an unsubscribe token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from binascii import Error as Base64Error
from functools import lru_cache

TAG_BYTES = 8  # 64 bits: forging one takes 2^63 online tries on average


class BadToken(ValueError):
    """The token is malformed or was not signed by us for this purpose."""


@lru_cache(maxsize=256)
def derive_key(secret: str, purpose: str) -> bytes:
    """A 32-octet key for one purpose (HKDF-like: HMAC of the purpose under the secret)."""
    return hmac.digest(secret.encode(), b"dynamail:" + purpose.encode(), hashlib.sha256)


def sign_token(key: bytes, payload: bytes) -> str:
    tag = hmac.digest(key, payload, "sha256")[:TAG_BYTES]
    return base64.urlsafe_b64encode(payload + tag).rstrip(b"=").decode()


def verify_token(key: bytes, token: str) -> bytes:
    """The payload of a token. Raises BadToken."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (Base64Error, ValueError):
        raise BadToken("malformed") from None
    payload, tag = raw[:-TAG_BYTES], raw[-TAG_BYTES:]
    if not hmac.compare_digest(tag, hmac.digest(key, payload, "sha256")[:TAG_BYTES]):
        raise BadToken("not signed by this installation")
    # A token has one spelling: the unused low bits of the last character must be the ones that we wrote.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
        raise BadToken("malformed")
    return payload
