"""What a key may not do by a way around: test keys, and keys with few scopes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dynamail.accounts.api_keys import Scope
from dynamail.lib.clock import utc_now
from tests.api.conftest import Shop, body_of
from tests.support.sending_domains import add_verified_domain

API = "/api/v1"


@pytest.fixture
def scheduled(shop: Shop) -> str:
    add_verified_domain(shop.account, with_keys=False)
    body = {"from": "hello@acme.example", "to": "ann@example.com", "subject": "Hi", "text": "Hi"}
    at = (utc_now() + timedelta(days=1)).isoformat()
    return str(body_of(shop.ask("POST", f"{API}/emails", {**body, "send_at": at}), 202)["id"])


def test_a_test_key_does_not_move_or_cancel_mail_that_leaves(shop: Shop, scheduled: str) -> None:
    key = shop.make_key(*Scope, is_test=True)
    now = utc_now().isoformat()
    for method, path, body in (
        ("PATCH", f"{API}/emails/{scheduled}", {"send_at": now}),
        ("POST", f"{API}/emails/{scheduled}/cancel", None),
    ):
        assert body_of(shop.ask(method, path, body, key=key), 403)["code"] == "test_key"
    compat = shop.ask("PATCH", f"/compat/resend/emails/{scheduled}", {"scheduled_at": now}, key=key)
    assert compat.status == 422, compat.body
    assert body_of(shop.ask("GET", f"{API}/emails/{scheduled}"))["state"] == "scheduled"


def test_a_test_of_a_campaign_shows_a_contact_to_those_alone_who_may_read_contacts(shop: Shop) -> None:
    contact = body_of(shop.ask("POST", f"{API}/contacts", {"email": "ann@mail.example"}), 201)
    campaign = body_of(shop.ask("POST", f"{API}/campaigns", {"name": "Sale"}), 201)
    body = {"to": ["eve@mail.example"], "contact": contact["id"]}
    key = shop.make_key(Scope.WRITE_CAMPAIGNS)
    answer = body_of(shop.ask("POST", f"{API}/campaigns/{campaign['id']}/test", body, key=key), 403)
    assert answer["code"] == "missing_scope"


def test_who_may_not_be_sent_from_is_named_with_what_to_do(shop: Shop) -> None:
    body = {"from": "nobody@other.example", "to": "ann@example.com", "subject": "Hi", "text": "Hi"}
    key = shop.make_key(Scope.SEND_MESSAGES, is_test=True)
    answer = body_of(shop.ask("POST", f"{API}/emails", body, key=key), 422)
    assert answer["code"] == "sender_unverified"
    assert answer["errors"][0]["message"].startswith("nobody@other.example is not verified as a sender of")
