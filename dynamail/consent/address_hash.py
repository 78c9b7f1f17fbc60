"""How a suppressed address is found without being stored: a keyed hash, per account. Knows no models, so that workers may use it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from django.conf import settings

from dynamail.lib.signing import derive_key

HASH_BYTES = 16


def hash_address(account_id: int, email_key: str) -> bytes:
    """HMAC-SHA-256 of the folded address under the account's key, 128 bits. The same address differs between accounts."""
    return hmac.digest(_key(account_id), email_key.encode(), hashlib.sha256)[:HASH_BYTES]


def hash_addresses(account_id: int, email_keys: Iterable[str]) -> list[bytes]:
    """Many addresses of one account, in order."""
    key = _key(account_id)
    return [hmac.digest(key, email_key.encode(), "sha256")[:HASH_BYTES] for email_key in email_keys]


def _key(account_id: int) -> bytes:
    return derive_key(settings.SECRET_KEY, f"suppression:{account_id}")
