"""What every door refuses, in its vendor's own form."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.request_log import RequestFilter
from dynamail.consent.models import SuppressionReason
from dynamail.consent.suppressing import suppress_address
from dynamail.lib.clock import utc_now
from dynamail.messages.models import Email, Outbox
from tests.api.conftest import Shop
from tests.compat.reading_back import add_template
from tests.support.asgi import Answer

POSTMARK = "/compat/postmark/email"
RESEND = "/compat/resend/emails"
SENDGRID = "/compat/sendgrid/v3/mail/send"
MAILGUN = "/compat/mailgun/v3/acme.example/messages"
LISTMONK = "/compat/listmonk/api/tx"
FORM = "application/x-www-form-urlencoded"
ANN = "ann@mail.example"

pytestmark = pytest.mark.usefixtures("domain")


def basic(key: str) -> str:
    return "Basic " + b64encode(f"api:{key}".encode()).decode()


def ask(
    shop: Shop, path: str, body: object, *, key: str | None = None, method: str = "POST", **headers: str
) -> Answer:
    """One request with the key where the vendor has it."""
    secret = shop.key if key is None else key
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    if "/postmark/" in path:
        names |= {"x-postmark-server-token": secret} if secret else {}
    elif "/mailgun/" in path:
        names = {"content-type": FORM, "authorization": basic(secret), **names}
    elif "/listmonk/" in path:
        names |= {"authorization": f"token shop:{secret}"}
    else:
        names |= {"authorization": f"Bearer {secret}"} if secret else {}
    return shop.ask(method, path, body, key="", headers=names)


def postmark(**values: Any) -> dict[str, Any]:
    return {"From": "hello@acme.example", "To": ANN, "Subject": "Hi", "TextBody": "Hi", **values}


def resend(**values: Any) -> dict[str, Any]:
    return {"from": "hello@acme.example", "to": ANN, "subject": "Hi", "text": "Hi", **values}


def sendgrid(**values: Any) -> dict[str, Any]:
    return {
        "personalizations": [{"to": [{"email": ANN}]}],
        "from": {"email": "hello@acme.example"},
        "subject": "Hi",
        "content": [{"type": "text/plain", "value": "Hi"}],
        **values,
    }


MAILGUN_LEAST = b"from=hello%40acme.example&to=ann%40mail.example&subject=Hi&text=Hi"
LEAST: dict[str, Any] = {
    POSTMARK: postmark(),
    RESEND: resend(),
    SENDGRID: sendgrid(),
    MAILGUN: MAILGUN_LEAST,
    LISTMONK: {"subscriber_email": ANN, "subscriber_mode": "external", "template_id": "no"},
}


def suppress(shop: Shop, email: str) -> None:
    suppress_address(shop.account.pk, email, reason=SuppressionReason.MANUAL, now=utc_now())


# ── Every door ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_wrong_key_is_refused_in_the_vendors_form(shop: Shop) -> None:
    cases: list[Any] = [
        (POSTMARK, 401, lambda body: body["ErrorCode"] == 10 and body["Message"]),
        (RESEND, 403, lambda body: body["name"] == "invalid_api_key" and body["statusCode"] == 403),
        (SENDGRID, 401, lambda body: body["errors"][0]["message"] and body["errors"][0]["field"] is None),
        (MAILGUN, 401, lambda body: body["message"]),
        (LISTMONK, 403, lambda body: body["message"]),
    ]
    for path, status, read in cases:
        answer = ask(shop, path, LEAST[path], key="dm_live_wrong")
        assert answer.status == status, answer.body
        assert answer.headers["content-type"].startswith("application/json")
        assert read(json.loads(answer.body))


def test_a_key_that_may_not_send_is_refused(shop: Shop) -> None:
    key = shop.make_key(Scope.READ_MESSAGES)
    for path, said in LEAST.items():
        answer = ask(shop, path, said, key=key)
        assert answer.status in (401, 403)
        assert b"messages.send" in answer.body


def test_a_request_without_a_key_is_refused(shop: Shop) -> None:
    for path, said in LEAST.items():
        assert ask(shop, path, said, key="").status in (401, 403)


def test_a_path_that_only_the_vendor_has_is_refused_in_its_form(shop: Shop) -> None:
    for path in LEAST:
        door = "/".join(path.split("/")[:3])
        base = {"sendgrid": "/v3", "mailgun": "/v3", "listmonk": "/api"}.get(path.split("/")[2], "")
        answer = ask(shop, f"{door}{base}/stats/all", None, method="GET")
        assert answer.status == 404
        assert "type" not in json.loads(answer.body)


def test_hostile_bodies_are_answered(shop: Shop) -> None:
    for path in (POSTMARK, RESEND, SENDGRID, LISTMONK):
        for body in (b"", b"{", b"[1", b"\xff", b"null", b'{"from": 5}', b"[" * 10_000):
            answer = ask(shop, path, body)
            assert 400 <= answer.status < 500, (path, body)
            json.loads(answer.body)


def test_hostile_forms_are_answered(shop: Shop) -> None:
    kinds = ["multipart/form-data", "multipart/form-data; boundary=x", FORM, "text/plain"]
    bodies = [b"", b"--x\r\n\r\n", b"%ff=%ff&from=%ff", b"--x--\r\n", b"\xff\xfe"]
    for path in (MAILGUN, MAILGUN + ".mime", LISTMONK):
        for kind, body in product(kinds, bodies):
            answer = ask(shop, path, body, content_type=kind)
            assert 400 <= answer.status < 500, (path, kind, body)
            json.loads(answer.body)


def test_the_request_log_names_the_door(shop: Shop) -> None:
    noted = []
    shop.app.state.requests.note = noted.append
    ask(shop, POSTMARK, postmark())
    ask(shop, RESEND, resend(to=[]))
    assert [(row.door, row.status, row.code) for row in noted] == [
        ("postmark", 200, ""),
        ("resend", 422, "required"),
    ]
    assert noted[0].subject_id == Email.objects.for_account(shop.account).get().id
    assert RequestFilter(door="postmark").door == noted[0].door


def test_the_headers_of_the_limits_are_there(shop: Shop) -> None:
    for path, said in LEAST.items():
        answer = ask(shop, path, said)
        assert {"ratelimit-limit", "ratelimit-remaining", "x-request-id"} <= answer.headers.keys()


def test_mail_of_a_test_key_stays_in_the_mailbox(shop: Shop) -> None:
    ask(shop, POSTMARK, postmark(), key=shop.make_key(Scope.SEND_MESSAGES, is_test=True))
    assert Outbox.objects.for_account(shop.account).get().to_mailbox


# ── Postmark ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_postmark_has_numbers_for_its_errors(shop: Shop) -> None:
    cases: list[Any] = [
        (postmark(From="hello@other.example"), 400),
        (postmark(To="ann"), 300),
        (postmark(TextBody=""), 300),
        (postmark(Subject=5), 403),
        (postmark(Attachments=[{"Name": "a"}]), 403),
    ]
    for said, code in cases:
        answer = ask(shop, POSTMARK, said)
        assert (answer.status, json.loads(answer.body)["ErrorCode"]) == (422, code)


def test_postmark_names_those_who_are_not_written_to(shop: Shop) -> None:
    suppress(shop, ANN)
    alone = ask(shop, POSTMARK, postmark())
    assert (alone.status, json.loads(alone.body)["ErrorCode"]) == (422, 406)
    assert f"Found inactive addresses: {ANN}. Inactive" in json.loads(alone.body)["Message"]
    body = json.loads(ask(shop, POSTMARK, postmark(Cc="bob@mail.example")).body)
    assert body["ErrorCode"] == 0
    assert body["Message"].endswith(f"these inactive addresses: {ANN}.")


def test_a_batch_of_postmark_is_answered_one_by_one(shop: Shop) -> None:
    batch = [
        postmark(),
        postmark(To="no"),
        5,
        postmark(From="a@other.example"),
        postmark(To="bob@mail.example"),
    ]
    answer = ask(shop, POSTMARK + "/batch", batch)
    assert answer.status == 200
    body = json.loads(answer.body)
    assert [one["ErrorCode"] for one in body] == [0, 300, 403, 400, 0]
    ids = {UUID(one["MessageID"]) for one in body if not one["ErrorCode"]}
    assert set(Email.objects.for_account(shop.account).values_list("id", flat=True)) == ids
    too_many = ask(shop, POSTMARK + "/batch", [postmark()] * 501)
    assert (too_many.status, json.loads(too_many.body)["ErrorCode"]) == (422, 410)


def test_a_template_that_is_not_there_is_1101(shop: Shop) -> None:
    said = {"From": "hello@acme.example", "To": ANN, "TemplateAlias": "welcome", "TemplateModel": {}}
    answer = ask(shop, POSTMARK + "/withTemplate", said)
    assert (answer.status, json.loads(answer.body)["ErrorCode"]) == (422, 1101)


# ── Resend ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_resend_has_names_for_its_errors(shop: Shop) -> None:
    cases: list[Any] = [
        (resend(**{"from": "hello@other.example"}), 403, "validation_error"),
        (resend(to=[]), 422, "missing_required_field"),
        (resend(text=""), 422, "missing_required_field"),
        (resend(to="ann"), 422, "validation_error"),
        (resend(scheduled_at="next summer"), 422, "validation_error"),
        (resend(attachments=[{"path": "https://a.example/a"}]), 422, "invalid_attachment"),
    ]
    for said, status, name in cases:
        answer = ask(shop, RESEND, said)
        body = json.loads(answer.body)
        assert (answer.status, body["statusCode"], body["name"]) == (status, status, name)
        assert body["message"]


def test_an_idempotency_key_of_resend_sends_once(shop: Shop) -> None:
    first = ask(shop, RESEND, resend(), idempotency_key="order-17")
    assert ask(shop, RESEND, resend(), idempotency_key="order-17").body == first.body
    other = ask(shop, RESEND, resend(subject="Other"), idempotency_key="order-17")
    assert (other.status, json.loads(other.body)["name"]) == (409, "invalid_idempotent_request")
    assert Email.objects.for_account(shop.account).count() == 1
    long = ask(shop, RESEND, resend(), idempotency_key="x" * 257)
    assert (long.status, json.loads(long.body)["name"]) == (400, "invalid_idempotency_key")


def test_a_strict_batch_of_resend_is_sent_whole_or_not_at_all(shop: Shop) -> None:
    suppress(shop, "bob@mail.example")
    for wrong in (resend(to="no"), resend(to="bob@mail.example")):
        answer = ask(shop, RESEND + "/batch", [resend(), wrong])
        assert answer.status == 422
        assert json.loads(answer.body)["message"].startswith("Email 2 of the 2: ")
    assert not Email.objects.for_account(shop.account).exists()
    lax = ask(shop, RESEND + "/batch", [resend(), resend(to="no")], x_batch_validation="permissive")
    body = json.loads(lax.body)
    assert (len(body["data"]), [one["index"] for one in body["errors"]]) == (1, [1])
    assert ask(shop, RESEND + "/batch", [resend()] * 101).status == 422


def test_emails_of_resend_are_shown_listed_moved_and_canceled(shop: Shop) -> None:
    ids = [json.loads(ask(shop, RESEND, resend(scheduled_at="in 2 hours")).body)["id"] for _ in range(3)]
    listed = json.loads(ask(shop, RESEND + "?limit=2", None, method="GET").body)
    assert ([one["id"] for one in listed["data"]], listed["has_more"]) == (ids[:0:-1], True)
    rest = json.loads(ask(shop, f"{RESEND}?after={ids[1]}", None, method="GET").body)
    assert ([one["id"] for one in rest["data"]], rest["has_more"]) == (ids[:1], False)
    later = (utc_now() + timedelta(days=3)).replace(microsecond=0)
    moved = ask(shop, f"{RESEND}/{ids[0]}", {"scheduled_at": later.isoformat()}, method="PATCH")
    assert json.loads(moved.body) == {"object": "email", "id": ids[0]}
    shown = json.loads(ask(shop, f"{RESEND}/{ids[0]}", None, method="GET").body)
    assert datetime.fromisoformat(shown["scheduled_at"]) == later
    assert (shown["last_event"], shown["text"], shown["to"]) == ("scheduled", "Hi", [ANN])
    assert json.loads(ask(shop, f"{RESEND}/{ids[0]}/cancel", None).body)["id"] == ids[0]
    assert json.loads(ask(shop, f"{RESEND}/{ids[0]}/cancel", None).body)["id"] == ids[0]
    late = ask(shop, f"{RESEND}/{ids[0]}", {"scheduled_at": later.isoformat()}, method="PATCH")
    assert (late.status, json.loads(late.body)["name"]) == (422, "validation_error")
    shown = json.loads(ask(shop, f"{RESEND}/{ids[0]}", None, method="GET").body)
    assert shown["last_event"] == "canceled"


def test_an_email_that_is_not_there_is_not_found(shop: Shop) -> None:
    for said in ("eml_0", "no", str(UUID(int=5))):
        answer = ask(shop, f"{RESEND}/{said}", None, method="GET")
        assert (answer.status, json.loads(answer.body)["name"]) == (404, "not_found")


def test_nobody_sees_or_cancels_emails_of_another_account(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    said = json.loads(ask(alice, RESEND, resend(scheduled_at="in 2 hours")).body)["id"]
    assert ask(charlie, f"{RESEND}/{said}", None, method="GET").status == 404
    assert ask(charlie, f"{RESEND}/{said}/cancel", None).status == 404
    assert Outbox.objects.for_account(alice.account).count() == 1


# ── SendGrid ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_sendgrid_names_the_field(shop: Shop) -> None:
    cases: list[Any] = [
        (sendgrid(**{"from": {"email": "hello@other.example"}}), 403, "from"),
        (sendgrid(personalizations=[]), 400, "personalizations"),
        (sendgrid(content=[]), 400, "content"),
        (sendgrid(subject=""), 400, "subject"),
        (sendgrid(batch_id="x"), 400, "batch_id"),
        (sendgrid(categories="x"), 400, "categories"),
    ]
    for said, status, field in cases:
        answer = ask(shop, SENDGRID, said)
        (error,) = json.loads(answer.body)["errors"]
        assert (answer.status, error["field"]) == (status, field)
        assert error["message"]


def test_sendgrid_is_answered_with_an_id_and_nothing_else(shop: Shop) -> None:
    answer = ask(shop, SENDGRID, sendgrid())
    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers["x-message-id"] == Email.objects.for_account(shop.account).get().public_id


def test_one_suppressed_address_keeps_no_other_out_and_is_told(shop: Shop) -> None:
    suppress(shop, ANN)
    people = [{"to": [{"email": ANN}]}, {"to": [{"email": "bob@mail.example"}]}]
    answer = ask(shop, SENDGRID, sendgrid(personalizations=people))
    assert answer.status == 202
    assert json.loads(answer.body)["errors"][0]["field"] == "personalizations.0.to[0]"
    assert Email.objects.for_account(shop.account).count() == 1
    assert ask(shop, SENDGRID, sendgrid()).status == 400


def test_the_sandbox_of_sendgrid_sends_nothing(shop: Shop) -> None:
    settings = {"sandbox_mode": {"enable": True}}
    assert ask(shop, SENDGRID, sendgrid(mail_settings=settings)).status == 200
    assert ask(shop, SENDGRID, sendgrid(mail_settings=settings, subject="")).status == 400
    assert ask(shop, SENDGRID, sendgrid(mail_settings=settings), key="dm_live_no").status == 401
    assert not Email.objects.for_account(shop.account).exists()


def test_a_thousand_personalizations_are_a_thousand_emails(shop: Shop) -> None:
    people = [{"to": [{"email": f"p{number}@mail.example"}]} for number in range(1_000)]
    assert ask(shop, SENDGRID, sendgrid(personalizations=people)).status == 202
    assert Email.objects.for_account(shop.account).count() == 1_000


def test_clients_of_sendgrid_may_ask_what_a_key_may_do(shop: Shop) -> None:
    answer = ask(shop, "/compat/sendgrid/v3/scopes", None, method="GET")
    assert json.loads(answer.body) == {"scopes": ["mail.send"]}


# ── Mailgun ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_mailgun_answers_with_the_message_id_of_the_copies(shop: Shop) -> None:
    body = json.loads(ask(shop, MAILGUN, MAILGUN_LEAST).body)
    email = Email.objects.for_account(shop.account).get()
    assert body["message"] == "Queued. Thank you."
    assert body["id"].startswith(f"<{email.id.hex}@")
    own = MAILGUN_LEAST + b"&h:Message-Id=%3Cown%40acme.example%3E"
    assert json.loads(ask(shop, MAILGUN, own).body)["id"] == "<own@acme.example>"


def test_a_test_of_mailgun_sends_nothing(shop: Shop) -> None:
    answer = ask(shop, MAILGUN, MAILGUN_LEAST + b"&o:testmode=yes")
    assert json.loads(answer.body)["message"] == "Queued. Thank you."
    assert not Email.objects.for_account(shop.account).exists()


def test_another_domain_than_the_senders_is_refused(shop: Shop) -> None:
    answer = ask(shop, MAILGUN.replace("acme", "other"), MAILGUN_LEAST)
    assert answer.status == 400
    assert "acme.example" in json.loads(answer.body)["message"]


def test_one_copy_that_is_not_sent_is_told(shop: Shop) -> None:
    suppress(shop, ANN)
    said = MAILGUN_LEAST + b"&to=bob%40mail.example&recipient-variables=%7B%7D"
    body = json.loads(ask(shop, MAILGUN, said).body)
    assert body["message"].startswith("Queued. Thank you. 1 of 2 copies are not sent: ")


# ── listmonk ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_somebody_who_is_no_contact_is_refused_before_anything_is_sent(shop: Shop) -> None:
    answer = ask(shop, LISTMONK, {"subscriber_email": ANN, "template_id": "no"})
    assert answer.status == 400
    assert ANN in json.loads(answer.body)["message"]
    numbered = ask(shop, LISTMONK, {"subscriber_id": 5, "template_id": "no"})
    assert "con_" in json.loads(numbered.body)["message"]


def test_a_message_sent_twice_under_one_key_goes_once(shop: Shop) -> None:
    add_template(shop, "welcome")
    said = {**LEAST[LISTMONK], "from_email": "hello@acme.example", "template_id": "welcome"}
    for _time in range(2):
        assert json.loads(ask(shop, LISTMONK, said, idempotency_key="tx-1").body) == {"data": True}
    assert Email.objects.for_account(shop.account).count() == 1


def test_a_template_that_is_not_there_is_named(shop: Shop) -> None:
    said = {**LEAST[LISTMONK], "from_email": "hello@acme.example"}
    answer = ask(shop, LISTMONK, said)
    assert answer.status == 400
    assert "template" in json.loads(answer.body)["message"]
