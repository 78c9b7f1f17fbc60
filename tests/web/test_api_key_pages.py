from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from dynamail.accounts.api_keys import find_api_key
from dynamail.accounts.models import Account, ApiKey, User
from dynamail.lib.clock import utc_now
from dynamail.senders.models import Sender

SignIn = Callable[[User], Client]
HOSTILE = "<script>alert(1)</script>'; rm -rf /"


def make_key(client: Client, **values: object):
    form = {"name": "Shop", "mode": "live", "preset": "send", "expires": "30", "networks": ""} | values
    return client.post("/settings/api-keys/new/", form)


def test_a_key_is_shown_once_and_works(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    answer = make_key(client)
    assert answer.status_code == 201
    assert "no-store" in answer.headers["Cache-Control"]
    secrets = set(re.findall(rb"dm_live_\w{40}_\w{6}", answer.content))
    assert len(secrets) == 1
    secret = secrets.pop().decode()
    found = find_api_key(secret, now=utc_now())
    assert found is not None
    assert found.account == account
    assert found.scopes == ["messages.send"]
    later = client.get("/settings/api-keys/").content
    assert secret.encode() not in later
    assert secret[:12].encode() in later
    assert b"Send only" in later


def test_the_snippets_carry_the_key_and_the_accounts_own_sender(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    sender = {"name": HOSTILE, "email": "hello@acme.example"}
    Sender.objects.add(account, **sender, verified_at=utc_now(), is_default=True)
    page = make_key(sign_in(alice)).content.decode()
    assert "<script>alert" not in page
    assert "hello@acme.example" in page
    assert alice.email in page
    assert (
        "&#x27;&quot;&#x27;&quot;&#x27;; rm -rf /" in page
    )  # the quote ends and begins again: a shell reads one word
    assert page.count("Authorization: Bearer dm_live_") >= 1
    assert "STARTTLS" in page


def test_a_key_that_may_not_send_has_no_snippets(account: Account, alice: User, sign_in: SignIn) -> None:
    assert b"Send your first email" not in make_key(sign_in(alice), preset="site").content


def test_a_test_key_says_so_and_networks_are_kept(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    answer = make_key(client, mode="test", networks="203.0.113.7, 2001:db8::/32\n203.0.113.7")
    assert re.search(rb"dm_test_\w{40}_\w{6}", answer.content)
    key = ApiKey.objects.for_account(account).get()
    assert key.is_test
    assert key.allowed_ips == ["203.0.113.7/32", "2001:db8::/32"]
    assert b"203.0.113.7/32" in client.get("/settings/api-keys/").content


def test_own_scopes_are_kept(account: Account, alice: User, sign_in: SignIn) -> None:
    make_key(sign_in(alice), preset="custom", scopes=["topics.read", "events.write"])
    assert ApiKey.objects.for_account(account).get().scopes == ["events.write", "topics.read"]


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"preset": "custom"},
        {"preset": "custom", "scopes": ["everything"]},
        {"preset": "nothing"},
        {"mode": "play"},
        {"expires": "9999"},
        {"networks": "here"},
        {"networks": "203.0.113.300"},
        {"networks": " ".join(f"10.0.0.{n}" for n in range(60))},
    ],
)
def test_a_form_that_makes_no_sense_is_refused(
    account: Account, alice: User, sign_in: SignIn, values: dict
) -> None:
    assert make_key(sign_in(alice), **values).status_code == 422
    assert not ApiKey.objects.for_account(account).exists()


def test_a_link_may_fill_the_form_in(account: Account, alice: User, sign_in: SignIn) -> None:
    page = sign_in(alice).get("/settings/api-keys/new/?mode=test&name=First").content.decode()
    assert re.search(r'value="test"[^>]*checked', page)
    assert 'value="First"' in page


def test_an_expired_key_is_shown_as_such(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    make_key(client)
    ApiKey.objects.for_account(account).update(expires_at=utc_now() - timedelta(days=1))
    assert b"Expired" in client.get("/settings/api-keys/").content


def test_a_key_is_revoked_by_its_account_alone(
    account: Account, alice: User, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    make_key(client)
    key = ApiKey.objects.for_account(account).get()
    stranger = sign_in(charlie)
    assert stranger.post(f"/settings/api-keys/{key.public_id}/revoke/").status_code == 404
    assert b"dm_live" not in stranger.get("/settings/api-keys/").content
    assert client.post("/settings/api-keys/key_x/revoke/").status_code == 404
    assert client.post(f"/settings/api-keys/{key.public_id}/revoke/").status_code == 302
    key.refresh_from_db()
    assert key.revoked_at is not None
