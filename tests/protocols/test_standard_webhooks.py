"""The `standardwebhooks` library of the standard's authors reads what we sign, and we read what it signs."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from dynamail.protocols.standard_webhooks import (
    BadWebhook,
    BadWebhookKey,
    SigningKeys,
    find_public_key,
    make_private_key,
    make_secret,
    sign_headers,
    sign_symmetric,
    verify_headers,
)

BODY = '{"type":"message.delivered","data":{"город":"Гродно"}}'.encode()
ID = "evt_01m83krzc2ea3bstfps363zj32"


def sign(*keys: str, body: bytes = BODY, at: int | None = None) -> dict[str, str]:
    chosen = SigningKeys(
        tuple(key for key in keys if key.startswith("whsec_")),
        tuple(key for key in keys if key.startswith("whsk_")),
    )
    return sign_headers(chosen, message_id=ID, timestamp=at or int(time.time()), body=body)


def test_the_example_of_the_standard_is_signed_as_it_says() -> None:
    text = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign_symmetric("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", text) == expected


@given(body=st.text(max_size=200))
def test_the_library_of_the_authors_reads_what_we_sign(body: str) -> None:
    secret = make_secret()
    headers = sign(secret, make_secret(), make_private_key(), body=body.encode())
    Webhook(secret).verify(body.encode(), headers, json_parse=False)


def test_we_read_what_the_library_signs() -> None:
    secret, now = make_secret(), datetime.now(UTC).replace(microsecond=0)
    signature = Webhook(secret).sign(ID, now, BODY.decode())
    stamp = int(now.timestamp())
    headers = {"Webhook-Id": ID, "Webhook-Timestamp": str(stamp), "Webhook-Signature": f"v2,x {signature}"}
    verify_headers(secret, headers, BODY, now=stamp)


def test_an_old_secret_is_good_beside_the_new_one() -> None:
    old, new = make_secret(), make_secret()
    headers = sign(new, old)
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(make_secret()).verify(BODY, headers)


def test_the_public_key_verifies_v1a() -> None:
    private = make_private_key()
    public = find_public_key(private)
    headers = sign(private)
    version, _comma, text = headers["webhook-signature"].partition(",")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + BODY
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    assert version == "v1a"
    key.verify(base64.b64decode(text), signed)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(text), signed + b" ")
    verify_headers(public, headers, BODY, now=int(headers["webhook-timestamp"]))
    with pytest.raises(BadWebhook, match="No signature"):
        verify_headers(find_public_key(make_private_key()), headers, BODY, now=int(time.time()))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("webhook-id", "evt_other", "No signature"),
        ("webhook-id", None, "webhook-id is missing"),
        ("webhook-timestamp", "1000000000", "too old"),
        ("webhook-timestamp", "soon", "no number"),
        ("webhook-signature", "v1,%%% v1 ,", "No signature"),
    ],
)
def test_what_was_changed_on_the_way_is_refused(name: str, value: str | None, says: str) -> None:
    secret = make_secret()
    headers = {key: text for key, text in (sign(secret) | {name: value}).items() if text is not None}
    with pytest.raises(BadWebhook, match=says):
        verify_headers(secret, headers, BODY, now=int(time.time()))


@pytest.mark.parametrize("key", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_%%", "whpk_c2hvcnQ=", "secret"])
def test_what_is_no_key_is_refused(key: str) -> None:
    secret = make_secret()
    headers = sign(secret, make_private_key())
    with pytest.raises(BadWebhookKey):
        verify_headers(key, headers, BODY, now=int(time.time()))


def test_an_id_with_a_full_stop_is_not_signed() -> None:
    with pytest.raises(ValueError, match="full stop"):
        sign_headers(SigningKeys((make_secret(),)), message_id="a.b", timestamp=1, body=b"")


@given(st.text(), st.text(), st.text())
def test_hostile_headers_are_refused_and_nothing_else(message_id: str, stamp: str, listed: str) -> None:
    headers = {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": listed}
    with pytest.raises(BadWebhook):
        verify_headers(make_secret(), headers, b"", now=10**9)
