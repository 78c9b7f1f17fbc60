"""The vendors' own Python clients against a running server: nothing but the base URL is changed."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from uuid import UUID

import postmarker.core
import postmarker.exceptions
import pytest
import python_http_client
import requests
import resend
import resend.exceptions
import segment.analytics.client
import segment.analytics.request
import sendgrid
from sendgrid.helpers.mail import (
    Attachment,
    Category,
    Content,
    CustomArg,
    Disposition,
    FileContent,
    FileName,
    FileType,
    Header,
    Mail,
    Personalization,
    ReplyTo,
    SendAt,
    To,
)

from dynamail.accounts.api_keys import Scope
from dynamail.contacts.external_ids import list_external_ids
from dynamail.contacts.models import Contact
from dynamail.events.models import CustomEvent, EventName
from tests.compat.conftest import Live
from tests.compat.reading_back import add_template, files_of, people_of
from tests.support.people import make_contact

PDF = b"%PDF-1.4\n\x00\xff order"
ANN, BOB = "ann@mail.example", "bob@mail.example"
LATER = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)


# ── postmarker ───────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def postmark(live: Live) -> postmarker.core.PostmarkClient:
    return postmarker.core.PostmarkClient(server_token=live.key, root_api_url=f"{live.url}/compat/postmark/")


def test_postmarker_sends_what_it_was_given(live: Live, postmark: postmarker.core.PostmarkClient) -> None:
    answer = postmark.emails.send(
        From="Acme <hello@acme.example>",
        To=f"Ann Lee <{ANN}>",
        Cc=BOB,
        Subject="Your order",
        HtmlBody="<p>It is on its way.</p>",
        TextBody="It is on its way.",
        Tag="order",
        ReplyTo="help@acme.example",
        Metadata={"order": "17"},
        Headers={"X-Shop": "17"},
        TrackOpens=True,
        TrackLinks="HtmlAndText",
        Attachments=[("order.pdf", b64encode(PDF).decode(), "application/pdf", "cid:order")],
    )
    (sent,) = live.sent
    assert (answer["ErrorCode"], answer["Message"], UUID(answer["MessageID"])) == (0, "OK", sent.email.id)
    email, content = sent.email, sent.body.content
    assert (email.from_name, email.from_email, email.subject) == ("Acme", "hello@acme.example", "Your order")
    assert people_of(sent) == [("to", "Ann Lee", ANN), ("cc", "", BOB)]
    assert (content["html"], content["text"]) == ("<p>It is on its way.</p>", "It is on its way.")
    assert (email.tags, email.metadata, email.reply_to) == (["order"], {"order": "17"}, ["help@acme.example"])
    assert content["headers"] == [["X-Shop", "17"]]
    assert (email.track_opens, email.track_clicks) == (True, True)
    assert files_of(sent) == [("order.pdf", "application/pdf", "order", PDF)]
    assert {row.recipient for row in sent.waiting} == {ANN, BOB}
    shown = postmark.messages.outbound.get(answer["MessageID"])
    assert (shown.Status, shown.Subject, shown.Recipients) == ("Queued", "Your order", [ANN, BOB])


def test_postmarker_sends_a_batch_and_messages_of_the_standard_library(
    live: Live, postmark: postmarker.core.PostmarkClient
) -> None:
    least = {"From": "hello@acme.example", "TextBody": "Hi", "Subject": "Hi"}
    answers = postmark.emails.send_batch({**least, "To": ANN}, {**least, "To": "no"}, {**least, "To": BOB})
    assert [one["ErrorCode"] for one in answers] == [0, 300, 0]
    assert sorted(sent.email.recipients[0]["email"] for sent in live.sent) == [ANN, BOB]


def test_postmarker_sends_by_a_template(live: Live, postmark: postmarker.core.PostmarkClient) -> None:
    add_template(live.shop, "welcome")
    postmark.emails.send_with_template(
        TemplateAlias="welcome", TemplateModel={"name": "Ann"}, From="hello@acme.example", To=ANN
    )
    answers = postmark.emails.send_template_batch(
        {
            "TemplateAlias": "welcome",
            "TemplateModel": {"name": "Bob"},
            "From": "hello@acme.example",
            "To": BOB,
        },
        {"TemplateAlias": "none", "TemplateModel": {}, "From": "hello@acme.example", "To": BOB},
    )
    assert [one["ErrorCode"] for one in answers] == [0, 1101]
    assert sorted(sent.email.subject for sent in live.sent) == ["Welcome, Ann", "Welcome, Bob"]


def test_postmarker_is_told_what_is_wrong(live: Live, postmark: postmarker.core.PostmarkClient) -> None:
    with pytest.raises(postmarker.exceptions.ClientError) as refused:
        postmark.emails.send(From="hello@other.example", To=ANN, TextBody="Hi", Subject="Hi")
    assert refused.value.error_code == 400
    stranger = postmarker.core.PostmarkClient(
        server_token="POSTMARK_API_TEST", root_api_url=f"{live.url}/compat/postmark/"
    )
    with pytest.raises(postmarker.exceptions.ClientError) as refused:
        stranger.emails.send(From="hello@acme.example", To=ANN, TextBody="Hi", Subject="Hi")
    assert refused.value.error_code == 10


# ── resend ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def use_resend(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resend, "api_key", live.key)
    monkeypatch.setattr(resend, "api_url", f"{live.url}/compat/resend")


@pytest.mark.usefixtures("use_resend")
def test_resend_sends_what_it_was_given(live: Live) -> None:
    said: resend.Emails.SendParams = {
        "from": "Acme <hello@acme.example>",
        "to": [f"Ann Lee <{ANN}>"],
        "bcc": BOB,
        "reply_to": "help@acme.example",
        "subject": "Your order",
        "html": "<p>It is on its way.</p>",
        "text": "It is on its way.",
        "headers": {"X-Shop": "17"},
        "tags": [{"name": "category", "value": "order"}],
        "attachments": [{"filename": "order.pdf", "content": list(PDF), "content_type": "application/pdf"}],
        "scheduled_at": LATER.isoformat(),
    }
    answer = resend.Emails.send(said)
    (sent,) = live.sent
    email, content = sent.email, sent.body.content
    assert answer["id"] == email.public_id
    assert people_of(sent) == [("to", "Ann Lee", ANN), ("bcc", "", BOB)]
    assert (email.from_name, email.subject, content["text"]) == ("Acme", "Your order", "It is on its way.")
    assert (email.tags, email.metadata) == (["category:order"], {"category": "order"})
    assert files_of(sent) == [("order.pdf", "application/pdf", "", PDF)]
    assert {row.run_at for row in sent.waiting} == {LATER}
    shown = resend.Emails.get(answer["id"])
    assert (shown["last_event"], shown["subject"], shown["html"]) == (
        "scheduled",
        "Your order",
        content["html"],
    )


@pytest.mark.usefixtures("use_resend")
def test_resend_moves_and_cancels(live: Live) -> None:
    said: resend.Emails.SendParams = {
        "from": "hello@acme.example",
        "to": ANN,
        "subject": "Hi",
        "text": "Hi",
        "scheduled_at": "in 2 hours",
    }
    email_id = resend.Emails.send(said)["id"]
    moved = resend.Emails.update({"id": email_id, "scheduled_at": (LATER + timedelta(days=1)).isoformat()})
    assert moved["id"] == email_id
    assert live.sent[0].waiting[0].run_at == LATER + timedelta(days=1)
    assert resend.Emails.cancel(email_id)["object"] == "email"
    assert not live.sent[0].waiting
    assert [one["id"] for one in resend.Emails.list({"limit": 5})["data"]] == [email_id]


@pytest.mark.usefixtures("use_resend")
def test_resend_sends_a_batch_once_under_one_key(live: Live) -> None:
    batch: list[resend.Emails.SendParams] = [
        {"from": "hello@acme.example", "to": [one], "subject": "Hi", "html": "<p>Hi</p>"}
        for one in (ANN, BOB)
    ]
    first = resend.Batch.send(batch, {"idempotency_key": "both"})
    again = resend.Batch.send(batch, {"idempotency_key": "both"})
    assert [one["id"] for one in first["data"]] == [one["id"] for one in again["data"]]
    assert {sent.email.public_id for sent in live.sent} == {one["id"] for one in first["data"]}


@pytest.mark.usefixtures("use_resend")
def test_resend_is_told_what_is_wrong(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    least: resend.Emails.SendParams = {"from": "hello@acme.example", "to": [], "subject": "Hi", "text": "Hi"}
    with pytest.raises(resend.exceptions.MissingRequiredFieldsError, match="Missing `to` field"):
        resend.Emails.send(least)
    monkeypatch.setattr(resend, "api_key", "re_wrong")
    with pytest.raises(resend.exceptions.InvalidApiKeyError):
        resend.Emails.send({**least, "to": [ANN]})


# ── sendgrid ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def grid(live: Live) -> sendgrid.SendGridAPIClient:
    return sendgrid.SendGridAPIClient(live.key, host=f"{live.url}/compat/sendgrid")


def test_sendgrid_sends_what_it_was_given(live: Live, grid: sendgrid.SendGridAPIClient) -> None:
    mail = Mail(
        from_email=("hello@acme.example", "Acme"),
        to_emails=[To(ANN, "Ann Lee")],
        subject="Your order",
        plain_text_content=Content("text/plain", "It is on its way."),
        html_content=Content("text/html", "<p>It is on its way.</p>"),
    )
    mail.reply_to = ReplyTo("help@acme.example")
    mail.add_cc(BOB)
    mail.add_category(Category("order"))
    mail.add_custom_arg(CustomArg("order", "17"))
    mail.add_header(Header("X-Shop", "17"))
    mail.send_at = SendAt(int(LATER.timestamp()))
    mail.add_attachment(
        Attachment(
            FileContent(b64encode(PDF).decode()),
            FileName("order.pdf"),
            FileType("application/pdf"),
            Disposition("attachment"),
        )
    )
    answer = grid.send(mail)
    (sent,) = live.sent
    email, content = sent.email, sent.body.content
    assert (answer.status_code, answer.body) == (202, b"")
    assert answer.headers["X-Message-Id"] == email.public_id
    assert (email.from_name, email.from_email, email.subject) == ("Acme", "hello@acme.example", "Your order")
    assert people_of(sent) == [("to", "Ann Lee", ANN), ("cc", "", BOB)]
    assert (content["html"], content["text"]) == ("<p>It is on its way.</p>", "It is on its way.")
    assert (email.tags, email.metadata, email.reply_to) == (["order"], {"order": "17"}, ["help@acme.example"])
    assert content["headers"] == [["X-Shop", "17"]]
    assert files_of(sent) == [("order.pdf", "application/pdf", "", PDF)]
    assert {row.run_at for row in sent.waiting} == {LATER}


def test_sendgrid_sends_to_each_by_a_template(live: Live, grid: sendgrid.SendGridAPIClient) -> None:
    add_template(live.shop, "d-welcome")
    mail = Mail(from_email="hello@acme.example")
    mail.template_id = "d-welcome"
    for address, name in ((ANN, "Ann"), (BOB, "Bob")):
        person = Personalization()
        person.add_to(To(address))
        person.dynamic_template_data = {"name": name}
        mail.add_personalization(person)
    assert grid.send(mail).status_code == 202
    assert sorted(sent.email.subject for sent in live.sent) == ["Welcome, Ann", "Welcome, Bob"]


def test_sendgrid_is_told_what_is_wrong(live: Live, grid: sendgrid.SendGridAPIClient) -> None:
    mail = Mail("hello@other.example", ANN, "Hi", "Hi")
    with pytest.raises(python_http_client.ForbiddenError) as refused:
        grid.send(mail)
    assert refused.value.to_dict["errors"][0]["field"] == "from"
    stranger = sendgrid.SendGridAPIClient("SG.wrong", host=f"{live.url}/compat/sendgrid")
    with pytest.raises(python_http_client.UnauthorizedError):
        stranger.send(mail)
    assert grid.client.scopes.get().to_dict == {"scopes": ["mail.send"]}


# ── requests, as programs call Mailgun and listmonk ──────────────────────────────────────────────────────────────────
def test_a_form_of_mailgun_goes_to_each_with_its_files(live: Live) -> None:
    answer = requests.post(
        f"{live.url}/compat/mailgun/v3/acme.example/messages",
        auth=("api", live.key),
        files=[("attachment", ("order.pdf", PDF, "application/pdf"))],
        data={
            "from": "Acme <hello@acme.example>",
            "to": [ANN, BOB],
            "subject": "Hi %recipient.name%",
            "text": "Hi",
            "recipient-variables": f'{{"{ANN}": {{"name": "Ann"}}, "{BOB}": {{"name": "Bob"}}}}',
            "o:tag": ["a", "b"],
        },
    )
    assert answer.json()["message"] == "Queued. Thank you."
    assert sorted(sent.email.subject for sent in live.sent) == ["Hi Ann", "Hi Bob"]
    assert all(files_of(sent) == [("order.pdf", "application/pdf", "", PDF)] for sent in live.sent)
    assert live.sent[0].email.tags == ["a", "b"]


def test_a_composed_message_of_mailgun_goes_as_it_is(live: Live) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Acme <hello@acme.example>", ANN, "Grüße"
    message.set_content("Hallo")
    answer = requests.post(
        f"{live.url}/compat/mailgun/v3/acme.example/messages.mime",
        auth=("api", live.key),
        data={"to": [ANN]},
        files={"message": ("message.mime", message.as_bytes())},
    )
    (sent,) = live.sent
    assert answer.json()["id"].startswith(f"<{sent.email.id.hex}@")
    assert (sent.body.kind, bytes(sent.body.raw or b""), sent.email.subject) == (
        "raw",
        message.as_bytes(),
        "Grüße",
    )


def test_a_message_of_listmonk_goes_to_its_subscribers(live: Live) -> None:
    add_template(live.shop, "3")
    contact: Contact = make_contact(live.shop.account, ANN)
    url, headers = f"{live.url}/compat/listmonk/api/tx", {"Authorization": f"token shop:{live.key}"}
    said = {"template_id": 3, "from_email": "hello@acme.example", "data": {"name": "Ann"}}
    answers = [
        requests.post(url, json={**said, "subscriber_email": ANN}, headers=headers),
        requests.post(url, json={**said, "subscriber_ids": [contact.public_id]}, auth=("shop", live.key)),
        requests.post(
            url,
            data={"data": json.dumps({**said, "subscriber_email": ANN, "data": {}})},
            files={"file": ("order.pdf", PDF, "application/pdf")},
            headers=headers,
        ),
    ]
    assert [answer.json() for answer in answers] == [{"data": True}] * 3
    assert [sent.email.subject for sent in live.sent] == ["Welcome, Ann", "Welcome, Ann", "Welcome,"]
    assert files_of(live.sent[2]) == [("order.pdf", "application/pdf", "", PDF)]


# ── segment.analytics ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("gzip", [False, True])
def test_segment_identifies_people_and_tracks_them_by_their_ids(live: Live, gzip: bool) -> None:
    failed: list[object] = []
    key = live.shop.make_key(Scope.WRITE_CONTACTS, Scope.WRITE_EVENTS)
    client = segment.analytics.client.Client(
        key,
        host=f"{live.url}/compat/segment",
        on_error=lambda *said: failed.append(said),
        max_retries=0,
        gzip=gzip,
    )
    try:
        client.identify("u1", {"email": ANN, "name": "Ann Lee"})
        client.track("u1", "Order Completed", {"total": 25})
        client.alias("u1", "ann-1")
        client.track("ann-1", "Order Returned")
        client.track(BOB, "Signed Up")
        client.track("u2", "Nobody's")
        client.page("u1", "Shop", "Home")
        client.track(anonymous_id="visitor-1", event="Nobody's")
        client.flush()
    finally:
        client.shutdown()
    assert failed == []
    account = live.shop.account
    contacts = {one.email: one for one in Contact.objects.for_account(account)}
    assert sorted(contacts) == [ANN, BOB]
    assert contacts[ANN].name == "Ann Lee"
    assert list_external_ids(account.pk, [contacts[ANN].id]) == {contacts[ANN].id: ["ann-1", "u1"]}
    names = dict(EventName.objects.for_account(account).values_list("pk", "name"))
    events = CustomEvent.objects.for_account(account)
    assert sorted((names[one.name_id], one.contact_id) for one in events) == [
        ("Order Completed", contacts[ANN].id),
        ("Order Returned", contacts[ANN].id),
        ("Signed Up", contacts[BOB].id),
    ]


def test_segment_is_told_what_is_wrong(live: Live) -> None:
    failed: list[tuple[Exception, list[object]]] = []
    client = segment.analytics.client.Client(
        "dm_live_x",
        host=f"{live.url}/compat/segment",
        on_error=lambda *said: failed.append(said),
        max_retries=0,
    )
    try:
        client.track("u1", "Signed Up")
        client.flush()
    finally:
        client.shutdown()
    ((error, _batch),) = failed
    assert isinstance(error, segment.analytics.request.APIError)
    assert error.status == 401
