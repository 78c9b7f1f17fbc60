"""Is this webhook from your DynaMail? Standard Webhooks 1.0: https://www.standardwebhooks.com"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

TOLERANCE = 300.0  # seconds that a timestamp may differ from now


class WebhookError(ValueError):
    """It is not from your DynaMail, or not from now. Answer with 400 and do nothing else."""


def verify_webhook(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str,
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
) -> dict[str, Any]:
    """The event, once its signature is proved. Raises WebhookError.

    `body` is the request's body as it came, before any parsing. `secret` is the endpoint's `whsec_…`, or its public key `whpk_…`
    (then `cryptography` must be installed). The same `webhook-id` may come more than once: remember those that you have handled.
    """
    names = {name.lower(): value for name, value in headers.items()}
    try:
        webhook_id, timestamp = names["webhook-id"], names["webhook-timestamp"]
        signatures = names["webhook-signature"].split()
        sent_at = int(timestamp)
    except (KeyError, ValueError):
        raise WebhookError("The webhook's headers are missing or cannot be read.") from None
    if abs((time.time() if now is None else now) - sent_at) > tolerance:
        raise WebhookError("The webhook is too old, or one of the clocks is wrong.")
    octets = body.encode() if isinstance(body, str) else body
    signed = f"{webhook_id}.{timestamp}.".encode() + octets
    if not _is_signed(signed, signatures, secret):
        raise WebhookError("The webhook's signature does not fit.")
    event: dict[str, Any] = json.loads(octets)
    return event


def _is_signed(signed: bytes, signatures: list[str], secret: str) -> bool:
    version = "v1a" if secret.startswith("whpk_") else "v1"
    key = _decode(secret.partition("_")[2])
    for signature in signatures:
        kind, _, code = signature.partition(",")
        if kind == version and _fits(version, key, signed, code):
            return True
    return False


def _fits(version: str, key: bytes, signed: bytes, code: str) -> bool:
    if version == "v1":
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
        return hmac.compare_digest(wanted, code.encode())
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(code), signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise WebhookError("The secret is not one of a webhook: it begins with whsec_ or whpk_.") from None
