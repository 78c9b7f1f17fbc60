from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dynamail_client import ApiError, AsyncDynaMail, DynaMail, NoAnswer, WebhookError, verify_webhook
from standardwebhooks import Webhook

from dynamail.accounts.api_keys import Scope
from dynamail.messages.models import Email
from tests.compat.conftest import Live

BODY = json.dumps({"type": "message.delivered", "timestamp": "2026-11-23T10:00:00Z", "data": {}}).encode()
NOW = 1_795_000_000


@pytest.fixture
def client(live: Live) -> Iterator[DynaMail]:
    with DynaMail(live.shop.make_key(*Scope), base_url=live.url) as client:
        yield client


@pytest.fixture
def sender(live: Live) -> str:
    from dynamail.senders.models import SendingDomain

    return f"Shop <hello@{SendingDomain.objects.for_account(live.shop.account).get().name}>"


def test_an_email_is_sent_read_and_listed(client: DynaMail, live: Live, sender: str) -> None:
    sent = client.emails.send(
        {"from": sender, "to": "ann@example.com", "subject": "Hi", "text": "Hello!", "tags": ["welcome"]}
    )
    assert client.emails.get(sent["id"])["subject"] == "Hi"
    assert [one["id"] for one in client.emails.iterate(tag="welcome", limit=1)] == [sent["id"]]
    (stored,) = live.sent
    assert (stored.email.public_id, stored.body.content["text"]) == (sent["id"], "Hello!")


def test_a_batch_answers_for_each_email(client: DynaMail, live: Live, sender: str) -> None:
    good = {"from": sender, "to": "ann@example.com", "subject": "Hi", "text": "Hello!"}
    answer = client.emails.send_batch({"emails": [good, {**good, "to": "nobody"}]})
    assert len(answer["results"]) == 2
    assert Email.objects.for_account(live.shop.account).count() == 1


def test_a_request_that_is_repeated_under_its_key_sends_once(
    client: DynaMail, live: Live, sender: str
) -> None:
    email = {"from": sender, "to": "ann@example.com", "subject": "Hi", "text": "Hello!"}
    ids = {client.emails.send(email, idempotency_key="order-7")["id"] for _ in range(3)}
    assert len(ids) == 1
    assert len(live.sent) == 1


def test_contacts_are_walked_through_page_after_page(client: DynaMail) -> None:
    for number in range(5):
        client.contacts.create({"email": f"person{number}@example.com"})
    assert len(list(client.contacts.iterate(limit=2))) == 5


def test_what_the_server_refuses_is_told_with_its_fields(client: DynaMail, sender: str) -> None:
    with pytest.raises(ApiError) as caught:
        client.emails.send({"from": sender, "to": "not an address", "subject": "Hi", "text": "Hello!"})
    error = caught.value
    assert error.status == 422
    assert error.request_id.startswith("req_")
    assert [one.field for one in error.errors] == ["to"] or error.errors[0].field.startswith("to")


def test_the_asynchronous_client_does_the_same(live: Live, sender: str) -> None:
    key = live.shop.make_key(*Scope)

    async def send_many() -> list[str]:
        async with AsyncDynaMail(key, base_url=live.url) as client:
            emails = [
                {"from": sender, "to": f"p{n}@example.com", "subject": "Hi", "text": "Hello!"}
                for n in range(20)
            ]
            sent = await asyncio.gather(*(client.emails.send(email) for email in emails))
            assert len([one async for one in client.emails.iterate(limit=7)]) == 20
            return [one["id"] for one in sent]

    assert len(set(asyncio.run(send_many()))) == 20


def test_a_busy_server_is_asked_again_under_the_same_key() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) < 3:
            return httpx.Response(429, headers={"retry-after": "0"}, json={"code": "too_many_requests"})
        return httpx.Response(202, json={"id": "eml_1"})

    with DynaMail("dm_test_x", base_url="http://server", http=httpx.MockTransport(answer)) as client:
        client.emails.send({"from": "a@b.c", "to": "d@e.f", "subject": "Hi", "text": "Hello!"})
    assert len(asked) == 3
    assert len({request.headers["idempotency-key"] for request in asked}) == 1


def test_a_server_that_is_away_is_named_as_that() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with (
        DynaMail(
            "dm_test_x", base_url="http://server", retries=0, http=httpx.MockTransport(refuse)
        ) as client,
        pytest.raises(NoAnswer),
    ):
        client.emails.get("eml_1")


def test_a_key_of_another_service_is_refused_before_it_travels() -> None:
    with pytest.raises(ValueError, match="dm_live_"):
        DynaMail("re_123", base_url="http://server")


def sign(secret: str, body: bytes = BODY, *, at: int = NOW) -> dict[str, str]:
    signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(at, UTC), body.decode())
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(at), "Webhook-Signature": f"v1,AAAA {signature}"}


def test_a_signed_webhook_is_believed() -> None:
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    assert verify_webhook(BODY, sign(secret), secret, now=NOW)["type"] == "message.delivered"


@pytest.mark.parametrize("mishap", ["body", "secret", "old", "headers"])
def test_a_forged_or_old_webhook_is_not(mishap: str) -> None:
    secret, other = ("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))
    headers = {} if mishap == "headers" else sign(secret, at=NOW - 301 if mishap == "old" else NOW)
    body = BODY + b" " if mishap == "body" else BODY
    with pytest.raises(WebhookError):
        verify_webhook(body, headers, other if mishap == "secret" else secret, now=NOW)


def test_the_public_key_alone_proves_a_webhook() -> None:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = base64.b64encode(private.sign(f"msg_1.{NOW}.".encode() + BODY)).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(NOW), "webhook-signature": f"v1a,{signature}"}
    secret = "whpk_" + base64.b64encode(public).decode()
    assert verify_webhook(BODY, headers, secret, now=NOW)["data"] == {}
    with pytest.raises(WebhookError):
        verify_webhook(BODY + b" ", headers, secret, now=NOW)
