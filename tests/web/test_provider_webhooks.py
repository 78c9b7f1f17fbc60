"""The shapes are those of the providers' own documentation, as far as anymail reads them."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from dynamail.accounts.models import Account, User
from dynamail.consent.models import Suppression
from dynamail.feedback.models import FeedbackReport
from dynamail.lib.ids import new_id
from dynamail.messages.models import Chunk, Message
from dynamail.senders.apis import ApiSettings, save_api
from dynamail.senders.models import Transport
from dynamail.senders.providers import find_provider
from dynamail.web.views.provider_webhooks import find_webhook_path
from tests.support.campaigns import make_half_sent_campaign, member_of
from tests.support.personas import NOW


@pytest.fixture
def delivered(account: Account, alice: User, monkeypatch: pytest.MonkeyPatch) -> Message:
    make_half_sent_campaign(account, alice)
    monkeypatch.setattr("dynamail.web.views.provider_webhooks.utc_now", lambda: NOW)
    return Message.objects.for_account(account).get(state="delivered")


def make_transport(account: Account, alice: User, name: str, **values: str) -> Transport:
    provider = find_provider(name)
    assert provider is not None
    entered = ApiSettings("Provider", provider, values, 2, None)
    return save_api(account, entered, transport=None, by=member_of(account, alice), now=NOW)


def post(transport: Transport, body: object) -> int:
    answer = Client().post(find_webhook_path(transport), json.dumps(body), content_type="application/json")
    return answer.status_code


def postmark_bounce(message: Message, **changes: object) -> dict[str, object]:
    body = {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "Email": message.recipient,
        "BouncedAt": "2026-11-23T10:00:00Z",
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        "Metadata": {"dynamail_id": message.id.hex},
    }
    return body | changes


def test_a_hard_bounce_at_postmark_suppresses_the_address(
    account: Account, alice: User, delivered: Message
) -> None:
    transport = make_transport(account, alice, "postmark", server_token="secret-token")
    assert post(transport, postmark_bounce(delivered)) == 200
    assert post(transport, postmark_bounce(delivered)) == 200, "providers repeat"
    report = FeedbackReport.objects.for_account(account).get()
    assert (report.source, report.consequence, report.status) == ("provider", "suppressed", "5.1.1")
    assert Suppression.objects.for_account(account).get().email == delivered.recipient


def test_a_report_about_a_message_that_is_still_being_sent_is_to_come_again(
    account: Account, alice: User, delivered: Message
) -> None:
    transport = make_transport(account, alice, "postmark", server_token="secret-token")
    body = postmark_bounce(delivered)
    Chunk.objects.for_account(account).update(worker=new_id(), done=0, started=3, state=1)
    Message.objects.for_account(account).filter(id=delivered.id).delete()
    assert post(transport, body) == 503
    delivered.save(force_insert=True)
    assert post(transport, body) == 200
    assert FeedbackReport.objects.for_account(account).get().consequence == "suppressed"


def test_a_full_mailbox_at_postmark_is_only_counted(
    account: Account, alice: User, delivered: Message
) -> None:
    transport = make_transport(account, alice, "postmark", server_token="secret-token")
    body = postmark_bounce(delivered, Type="SoftBounce", Details="smtp;552 5.2.2 mailbox is full")
    assert post(transport, body) == 200
    assert not Suppression.objects.for_account(account).exists()
    assert FeedbackReport.objects.for_account(account).get().consequence == "counted"


def test_words_that_the_database_does_not_take_cost_no_report(
    account: Account, alice: User, delivered: Message
) -> None:
    transport = make_transport(account, alice, "postmark", server_token="secret-token")
    body = postmark_bounce(delivered, Details="smtp;550 5.1.1 no\x00 such \ud800 user\u202e")
    assert post(transport, body) == 200
    report = FeedbackReport.objects.for_account(account).get()
    assert (report.consequence, report.text) == ("suppressed", "550 5.1.1 no such ? user")


def test_sendgrids_batch_is_read_event_by_event(account: Account, alice: User, delivered: Message) -> None:
    transport = make_transport(account, alice, "sendgrid", api_key="secret-key")
    common = {"email": delivered.recipient, "timestamp": 1763892000, "dynamail_id": delivered.id.hex}
    events = [
        common | {"event": "delivered"},
        common | {"event": "open"},
        common | {"event": "spamreport"},
        {"event": "spamreport", "email": "stranger@x.example", "timestamp": 1763892000},
    ]
    assert post(transport, events) == 200
    row = Suppression.objects.for_account(account).get()
    assert (row.reason, row.scope) == ("complaint", "marketing")


def test_who_unsubscribes_at_the_provider_gets_no_more_campaigns(
    account: Account, alice: User, delivered: Message
) -> None:
    transport = make_transport(account, alice, "sendgrid", api_key="secret-key")
    event = {"event": "unsubscribe", "email": delivered.recipient, "timestamp": 1763892000}
    assert post(transport, [event | {"dynamail_id": delivered.id.hex}]) == 200
    row = Suppression.objects.for_account(account).get()
    assert (row.reason, row.scope) == ("unsubscribe", "marketing")


def test_mailguns_shape_is_read(account: Account, alice: User, delivered: Message) -> None:
    transport = make_transport(
        account, alice, "mailgun", api_key="secret-key", sender_domain="mg.example.com"
    )
    event = {
        "event": "failed",
        "severity": "permanent",
        "timestamp": 1763892000.5,
        "id": "1",
        "recipient": delivered.recipient,
        "delivery-status": {"code": 550, "message": "5.1.1 user unknown", "description": ""},
        "user-variables": {"dynamail_id": delivered.id.hex},
        "message": {"headers": {"message-id": "x@y"}},
        "reason": "bounce",
    }
    assert post(transport, {"signature": {}, "event-data": event}) == 200
    assert FeedbackReport.objects.for_account(account).get().kind == "bounce"


@pytest.mark.parametrize("body", [[], {}, "text", None, {"RecordType": 5}, [[[]]], {"Metadata": []}])
def test_nonsense_is_refused_or_ignored_and_changes_nothing(
    account: Account, alice: User, delivered: Message, body: object
) -> None:
    for name, values in (("postmark", {"server_token": "secret"}), ("sendgrid", {"api_key": "secret"})):
        assert post(make_transport(account, alice, name, **values), body) in (200, 400)
    assert not FeedbackReport.objects.for_account(account).exists()


def test_a_wrong_address_does_not_exist(account: Account, alice: User, delivered: Message) -> None:
    transport = make_transport(account, alice, "postmark", server_token="secret-token")
    path = find_webhook_path(transport)
    client = Client()
    assert client.head(path).status_code == 200
    assert client.get(path).status_code == 405
    wrong = path[:-2] + ("a" if path[-2] != "a" else "b") + "/"
    body = json.dumps(postmark_bounce(delivered))
    assert client.post(wrong, body, content_type="application/json").status_code == 404
    assert client.post("/hooks/acc_x/trn_y/z/", body, content_type="application/json").status_code == 404
    assert not FeedbackReport.objects.for_account(account).exists()


def test_another_accounts_message_is_not_touched(
    account: Account, other_account: Account, charlie: User, delivered: Message
) -> None:
    transport = make_transport(other_account, charlie, "postmark", server_token="secret-token")
    assert post(transport, postmark_bounce(delivered)) == 200
    assert not FeedbackReport.objects.for_account(account).exists()
    assert not Suppression.objects.for_account(account).exists()
