from __future__ import annotations

import html
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from dynamail.accounts.api_keys import create_api_key
from dynamail.accounts.models import Account, ApiRequest, Member, User
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from dynamail.senders.models import Stream
from tests.support.single_mail import Copy, add_email

SignIn = Callable[[User], Client]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def client(account: Account, alice: User, sign_in: SignIn) -> Client:
    return sign_in(alice)


def read(client: Client, url: str, **headers: str) -> str:
    answer = client.get(url, headers=headers)
    assert answer.status_code == 200, answer.content.decode()[:2000]
    return answer.content.decode()


def add_request(account: Account, **values: Any) -> ApiRequest:
    now = utc_now()
    common = {"id": new_id(now), "method": "POST", "path": "/api/v1/emails", "status": 202, "ms": 12}
    return ApiRequest.objects.add(account, at=now, **common | values)


# ── The start ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_guide_waits_for_the_first_email_and_shows_it(account: Account, client: Client) -> None:
    page = read(client, "/developers/")
    for words in ("Make a test key", "curl", "Waiting for your first email", "delivered@", "/api/"):
        assert words in page
    email = add_email(account.pk, Copy("ann@m.example"), at=utc_now(), subject=HOSTILE)
    part = read(client, "/developers/latest/", hx_request="true")
    assert f"/messages/{email.public_id}/" in part
    assert "Delivered" in part
    assert HOSTILE not in part


def test_the_snippets_begin_with_the_key_that_was_made_last(
    account: Account, alice: User, client: Client
) -> None:
    assert "Bearer dm_test_…" in html.unescape(read(client, "/developers/"))
    member, now = Member.objects.for_account(account).get(user=alice), utc_now()
    keys = [
        create_api_key(
            account.pk,
            name="A key",
            scopes=[scope],
            is_test=is_test,
            by=member,
            now=now + timedelta(seconds=number),
        )[0]
        for number, (scope, is_test) in enumerate(
            [("messages.send", False), ("messages.send", True), ("contacts.read", False)]
        )
    ]
    assert f"Bearer {keys[1].prefix}…" in html.unescape(read(client, "/developers/"))


def test_the_page_names_every_way_in_and_how_the_clients_are_installed(client: Client, settings: Any) -> None:
    settings.PUBLIC_URL, settings.PUBLIC_HOST = "https://mail.acme.example", "mail.acme.example"
    settings.SUBMISSION_PORT, settings.SUBMISSION_TLS_PORT = 587, 465
    page = read(client, "/developers/")
    for copied in ("https://mail.acme.example/api/v1", "mail.acme.example", "587", "465"):
        assert f'data-copy="{copied}"' in page
    for door in ("postmark", "resend", "sendgrid", "mailgun", "listmonk", "segment"):
        assert f'data-copy="https://mail.acme.example/compat/{door}"' in page
        assert f'href="/api/#client-{door}"' in page
    assert "pip install ./sdk/python" in page
    assert "sdk/typescript" in page
    settings.SUBMISSION_PORT = settings.SUBMISSION_TLS_PORT = 0
    assert "SMTP server" not in read(client, "/developers/")


# ── Requests ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_requests_are_listed_and_filtered(account: Account, alice: User, client: Client) -> None:
    member = Member.objects.for_account(account).get(user=alice)
    key, _secret = create_api_key(
        account.pk, name="Shop key", scopes=["messages.send"], by=member, now=utc_now()
    )
    add_request(account, api_key_id=key.pk, path="/api/v1/emails/good")
    add_request(
        account, status=422, code="bad_address", path="/api/v1/emails/bad", method="PATCH", detail=HOSTILE
    )
    page = read(client, "/developers/requests/")
    assert "Shop key" in page
    assert HOSTILE not in page
    for query, there, gone in [
        ("status=4xx", "/bad", "/good"),
        ("status=2xx", "/good", "/bad"),
        (f"key={key.public_id}", "/good", "/bad"),
        ("method=PATCH", "/bad", "/good"),
        ("q=bad_address", "/bad", "/good"),
        ("period=24h&method=POST", "/good", "/bad"),
    ]:
        part = read(client, f"/developers/requests/?{query}", hx_request="true")
        assert f"/emails{there}<" in part, query
        assert f"/emails{gone}<" not in part, query
    for nonsense in ("status=9xx", "key=key_x", "before=req_x", "q=%00", "method=BREW"):
        assert client.get(f"/developers/requests/?{nonsense}").status_code == 200


def test_one_request_shows_the_error_the_masked_body_and_leads_to_its_email(
    account: Account, client: Client
) -> None:
    email = add_email(account.pk, Copy("ann@m.example"), at=utc_now())
    good = add_request(account, subject_id=email.id)
    assert f"/messages/{email.public_id}/" in read(client, f"/developers/requests/{good.public_id}/")
    body = {"request": {"to": "address, 20 characters"}, "errors": [{"field": "to[0]", "message": HOSTILE}]}
    bad = add_request(account, status=422, code="bad_address", detail="No such address.", body=body)
    page = read(client, f"/developers/requests/{bad.public_id}/")
    for words in ("No such address.", "to[0]", "address, 20 characters", "bad_address"):
        assert words in page
    assert HOSTILE not in page
    assert client.get("/developers/requests/req_x/").status_code == 404


def test_an_open_page_without_requests_learns_of_the_first(account: Account, client: Client) -> None:
    url, headers = "/developers/requests/?new=1", {"hx-request": "true"}
    assert "No request yet" in read(client, "/developers/requests/")
    assert client.get(url, headers=headers).status_code == 204
    add_request(account)
    assert client.get(url, headers=headers).headers["HX-Refresh"] == "true"


def test_a_long_list_has_pages(account: Account, client: Client) -> None:
    for number in range(52):
        at = utc_now() + timedelta(milliseconds=number)
        add_request(account, id=new_id(at), path=f"/api/v1/number-{number:02}")
    first = read(client, "/developers/requests/")
    assert "number-51" in first
    assert "number-01" not in first
    last = ApiRequest.objects.for_account(account).order_by("-id")[49]
    assert "number-01" in read(client, f"/developers/requests/?before={last.public_id}")


def test_requests_of_another_account_are_not_found(
    account: Account, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    row = add_request(account, path="/api/v1/canary")
    stranger = sign_in(charlie)
    assert "canary" not in read(stranger, "/developers/requests/")
    assert stranger.get(f"/developers/requests/{row.public_id}/").status_code == 404


# ── Streams ──────────────────────────────────────────────────────────────────────────────────────────────────────────
FORM = {"name": "Receipts", "key": "", "kind": "transactional", "body_days": "7", "log_days": "90"}


def test_a_stream_is_made_changed_archived_and_opened_again(account: Account, client: Client) -> None:
    assert "Transactional" in read(client, "/settings/streams/")
    page = client.post("/settings/streams/new/", FORM, follow=True).content.decode()
    assert "receipts" in page
    stream = Stream.objects.for_account(account).get(key="receipts")
    url = f"/settings/streams/{stream.public_id}/"
    change = {"name": "Bills", "body_days": "0", "log_days": "90", "tracks_opens": "on"}
    assert client.post(url, change).status_code == 302
    stream.refresh_from_db()
    assert (stream.name, stream.body_days, stream.tracks_opens) == ("Bills", 0, True)
    assert "is archived" in client.post(url + "archive/", follow=True).content.decode()
    assert "Open again" in read(client, "/settings/streams/")
    client.post(url + "archive/")
    stream.refresh_from_db()
    assert stream.archived_at is None


@pytest.mark.parametrize(
    "values",
    [{"name": ""}, {"key": "Not A Key"}, {"key": "marketing"}, {"body_days": "366"}, {"log_days": "0"}],
)
def test_a_stream_that_makes_no_sense_is_refused(account: Account, client: Client, values: dict) -> None:
    read(client, "/settings/streams/")
    assert client.post("/settings/streams/new/", FORM | values).status_code == 422


def test_the_streams_of_every_account_are_not_archived(account: Account, client: Client) -> None:
    read(client, "/settings/streams/")
    stream = Stream.objects.for_account(account).get(key="transactional")
    url = f"/settings/streams/{stream.public_id}/"
    assert "Archive" not in read(client, url)
    assert "cannot be archived" in client.post(url + "archive/", follow=True).content.decode()


def test_a_stream_of_another_account_is_not_found(
    account: Account, client: Client, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    read(client, "/settings/streams/")
    stream, stranger = Stream.objects.for_account(account).first(), sign_in(charlie)
    assert stream is not None
    assert stranger.get(f"/settings/streams/{stream.public_id}/").status_code == 404
    assert stranger.post(f"/settings/streams/{stream.public_id}/archive/").status_code == 404


def test_browsers_that_ask_for_an_icon_get_it(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert answer.status_code == 200
    assert b"".join(answer).startswith(b"\x00\x00\x01\x00")
