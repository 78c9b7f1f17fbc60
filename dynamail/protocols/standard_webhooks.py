"""Standard Webhooks 1.0: how a message is signed and verified (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md,
"Signature scheme" and "Webhook headers").

The signed text is `{webhook-id}.{webhook-timestamp}.{body}`. `webhook-signature` lists one or more signatures, separated by spaces: `v1,` with
HMAC-SHA256 under a secret `whsec_…`, `v1a,` with Ed25519 (RFC 8032), whose keys read `whsk_…` and `whpk_…`. All are in base 64.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SECRET, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"
ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER = "webhook-id", "webhook-timestamp", "webhook-signature"
LEAST_SECRET_BYTES, MOST_SECRET_BYTES = 24, 64
SECRET_BYTES = 32  # of those that we make
KEY_BYTES = 32
TOLERANCE_SECONDS = 300  # how far a message's time may lie from the receiver's, either way


class BadWebhookKey(ValueError):
    """The text is no secret or key of the kind that is asked for."""


class BadWebhook(ValueError):
    """The message was not signed by who holds the key, is too old, or says too little. The text says which."""


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """What a message is signed with: each gives one signature, the present one first and those that are still valid behind it."""

    secrets: tuple[str, ...] = field(default=(), repr=False)
    private_keys: tuple[str, ...] = field(default=(), repr=False)


def make_secret() -> str:
    return SECRET + _write(secrets.token_bytes(SECRET_BYTES))


def make_private_key() -> str:
    return PRIVATE + _write(Ed25519PrivateKey.generate().private_bytes_raw())


def find_public_key(private_key: str) -> str:
    """What receivers verify `v1a` with. Raises BadWebhookKey."""
    return PUBLIC + _write(_read_private(private_key).public_key().public_bytes_raw())


def sign_headers(keys: SigningKeys, *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message; `timestamp` is that of this attempt, in seconds. Raises BadWebhookKey, ValueError for a bad id."""
    if not message_id or "." in message_id or not message_id.isascii() or not message_id.isprintable():
        raise ValueError("The id of a message is printable and has no full stop.")
    text = _signed_text(message_id, timestamp, body)
    signatures = [*(sign_symmetric(one, text) for one in keys.secrets)]
    signatures += [sign_asymmetric(one, text) for one in keys.private_keys]
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: " ".join(signatures),
    }


def sign_symmetric(secret: str, text: bytes) -> str:
    return "v1," + _write(hmac.digest(_read_secret(secret), text, "sha256"))


def sign_asymmetric(private_key: str, text: bytes) -> str:
    return "v1a," + _write(_read_private(private_key).sign(text))


def verify_headers(key: str, headers: Mapping[str, str], body: bytes, *, now: int) -> None:
    """For receivers: `key` is a `whsec_…` or a `whpk_…`; `now` in seconds. Raises BadWebhook, BadWebhookKey."""
    folded = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, stamp, listed = (folded[name] for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER))
    except KeyError as missing:
        raise BadWebhook(f"The header {missing.args[0]} is missing.") from None
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 16):
        raise BadWebhook("The timestamp is no number of seconds.")
    if abs(now - int(stamp)) > TOLERANCE_SECONDS:
        raise BadWebhook("The message is too old, or one of the clocks is wrong.")
    text = _signed_text(message_id, int(stamp), body)
    if not any(_is_signed(key, text, one) for one in _read_signatures(listed)):
        raise BadWebhook("No signature fits the key.")


def _is_signed(key: str, text: bytes, signature: tuple[str, bytes]) -> bool:
    version, given = signature
    if key.startswith(PUBLIC):
        return version == "v1a" and _fits_public(key, text, given)
    return version == "v1" and hmac.compare_digest(hmac.digest(_read_secret(key), text, "sha256"), given)


def _fits_public(key: str, text: bytes, given: bytes) -> bool:
    raw = _read(PUBLIC, key)
    if len(raw) != KEY_BYTES:
        raise BadWebhookKey("A public key has 32 bytes.")
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(given, text)
    except InvalidSignature:
        return False
    return True


def _read_signatures(listed: str) -> Iterable[tuple[str, bytes]]:
    for one in listed.split(" "):
        version, _comma, text = one.partition(",")
        try:
            yield version, base64.b64decode(text, validate=True)
        except (Base64Error, ValueError):
            continue


def _signed_text(message_id: str, timestamp: int, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode() + body


def _read_secret(text: str) -> bytes:
    raw = _read(SECRET, text)
    if not LEAST_SECRET_BYTES <= len(raw) <= MOST_SECRET_BYTES:
        raise BadWebhookKey("A secret has 24 to 64 bytes.")
    return raw


def _read_private(text: str) -> Ed25519PrivateKey:
    raw = _read(PRIVATE, text)
    if len(raw) not in (KEY_BYTES, 2 * KEY_BYTES):  # others append the public half
        raise BadWebhookKey("A private key has 32 bytes.")
    return Ed25519PrivateKey.from_private_bytes(raw[:KEY_BYTES])


def _read(prefix: str, text: str) -> bytes:
    if not text.startswith(prefix):
        raise BadWebhookKey(f"It does not begin with {prefix}.")
    try:
        return base64.b64decode(text.removeprefix(prefix), validate=True)
    except (Base64Error, ValueError):
        raise BadWebhookKey("It is not written in base 64.") from None


def _write(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
