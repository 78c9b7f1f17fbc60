"""Private keys for DKIM at rest: sealed for one account, domain and selector. They never leave this server."""

from __future__ import annotations

import base64
from functools import cache

from django.conf import settings

from dynamail.lib.sealing import seal, unseal
from dynamail.lib.signing import derive_key


def seal_private_key(account_id: int, domain: str, selector: str, key: bytes) -> bytes:
    """`key` is PKCS#8 DER."""
    text = base64.b64encode(key).decode("ascii")
    return seal(_secret(), text, place=_place(account_id, domain, selector))


def open_private_key(account_id: int, domain: str, selector: str, sealed: bytes) -> bytes:
    """PKCS#8 DER. Raises lib.sealing.CannotOpen, also for a key of another account, domain or selector."""
    return base64.b64decode(unseal(_secret(), sealed, place=_place(account_id, domain, selector)))


@cache
def _secret() -> bytes:
    return derive_key(settings.SECRET_KEY, "sealed dkim keys")


def _place(account_id: int, domain: str, selector: str) -> str:
    return f"{account_id}/dkim_key/{domain}/{selector}"
