from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import get_current_timezone

from dynamail.accounts.models import Account, BackgroundWork, Member, User
from dynamail.accounts.roles import PERMISSIONS, Permission, Role
from dynamail.consent.models import Suppression
from dynamail.contacts.models import Contact
from dynamail.events.log import record_event
from dynamail.events.models import RollupHour
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id, to_public_id
from dynamail.messages.models import Email, EmailBody, Message, Outbox
from dynamail.segments.exporting import run_export
from dynamail.senders.models import Sender
from dynamail.senders.streams import find_stream
from tests.support.personas import make_member, make_user
from tests.support.single_mail import WAITING, Copy, add_email

SignIn = Callable[[User], Client]
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
BODY: dict[str, Any] = {"html": "<p>Thank you</p>", "text": "Thank you", "headers": [["X-Order", "42"]]}


def read(client: Client, url: str, **headers: str) -> str:
    answer = client.get(url, headers=headers)
    assert answer.status_code == 200, answer.content.decode()[:2000]
    return answer.content.decode()


@pytest.fixture
def client(account: Account, alice: User, sign_in: SignIn) -> Client:
    return sign_in(alice)


# ── The log ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_without_mail_the_page_shows_how_to_send_the_first(account: Account, client: Client) -> None:
    page = read(client, "/messages/")
    assert "Send your first email" in page
    assert "/api/v1/emails" in page
    assert "dm_test_…" in page


def test_the_first_email_brings_the_list_to_an_open_empty_page(account: Account, client: Client) -> None:
    url = "/messages/?live=1&new=1"
    assert "Send your first email" in read(client, url, hx_request="true")
    add_email(account.pk, Copy("ann@mail.example"), at=NOW)
    answer = client.get(url, headers={"hx-request": "true"})
    assert answer.headers["HX-Refresh"] == "true"


def test_the_log_lists_states_in_words_and_the_part_for_polling_is_only_the_list(
    account: Account, client: Client
) -> None:
    add_email(
        account.pk,
        Copy("ann@m.example", "bounced", outcome={"reply": "550 no such user"}),
        at=NOW,
        tags=["eu"],
    )
    page = read(client, "/messages/")
    for words in ("ann@m.example", "Bounced", "550 no such user", "Your receipt", "eu", "Transactional"):
        assert words in page
    part = read(client, "/messages/?live=1", hx_request="true")
    assert "<html" not in part
    assert 'id="message-log"' in part
    assert "HX-Push-Url" not in client.get("/messages/?live=1", headers={"hx-request": "true"}).headers


def test_filters_narrow_and_their_address_has_no_empty_fields(account: Account, client: Client) -> None:
    one = add_email(account.pk, Copy("ann@m.example"), at=NOW, subject="one", tags=["receipt"])
    record_event(account.pk, "message.clicked", now=NOW, message_id=one.id, source_kind="api")
    add_email(account.pk, Copy("bob@m.example", "bounced"), at=NOW, subject="two", source_kind="smtp")
    for query, there, gone in [
        ("q=ann", "one", "two"),
        ("state=bounced", "two", "one"),
        ("state=clicked", "one", "two"),
        ("state=complained", "Nothing matches", "one"),
        ("tag=receipt", "one", "two"),
        ("source=smtp", "two", "one"),
        ("stream=transactional&q=bob", "two", "one"),
        ("period=days&until=2026-11-22", "Nothing matches", "two"),
        ("source=campaign", "Whose campaign mail?", "two"),
    ]:
        page = read(client, f"/messages/?{query}", hx_request="true")
        assert f">{there}<" in page, query
        assert f">{gone}<" not in page, query
    answer = client.get("/messages/?q=ann&state=&tag=&period=", headers={"hx-request": "true"})
    assert answer.headers["HX-Push-Url"] == "/messages/?q=ann"


@pytest.mark.parametrize(
    "query",
    [
        "state=nonsense",
        "before=eml_x",
        "before=%00",
        "period=days&since=9999-99-99",
        "stream=no",
        "q=%00%25",
        "q=a",
    ],
)
def test_nonsense_in_the_address_is_left_out(account: Account, client: Client, query: str) -> None:
    add_email(account.pk, Copy("ann@m.example"), at=NOW)
    assert client.get(f"/messages/?{query}").status_code == 200


def test_a_long_log_has_pages(account: Account, client: Client) -> None:
    for number in range(52):
        add_email(
            account.pk, Copy("ann@m.example"), at=NOW + timedelta(minutes=number), subject=f"mail {number:02}"
        )
    first = read(client, "/messages/")
    assert "mail 51" in first
    assert "mail 01" not in first
    last = Email.objects.for_account(account).order_by("-id")[49]
    second = read(client, f"/messages/?before={last.public_id}")
    assert "mail 01" in second
    assert 'hx-trigger="every 3s"' not in second  # a later page stands still


def test_what_campaigns_sent_is_found_by_the_whole_address(account: Account, client: Client) -> None:
    contact = Contact.objects.add(
        account,
        id=new_id(NOW),
        email="Ann@m.example",
        email_key="ann@m.example",
        created_at=NOW,
        updated_at=NOW,
    )
    Message.objects.add(
        account, id=new_id(NOW), at=NOW, source_kind="campaign", contact_id=contact.id, state="delivered"
    )
    page = read(client, "/messages/?q=ann@m.example", hx_request="true")
    assert "Campaign" in page
    assert f'href="/contacts/{contact.public_id}/"' in page
    assert "Card of Ann@m.example" in page
    assert "Export these" not in page
    add_email(account.pk, Copy("ann@m.example"), at=NOW)
    assert "Export these" in read(client, "/messages/?q=ann@m.example", hx_request="true")
    prefix = read(client, "/messages/?q=ann@", hx_request="true")
    assert "Type the whole address to see what campaigns sent as well." in prefix
    assert "Card of" not in prefix
    nobody = read(client, "/messages/?q=bob@m.example", hx_request="true")
    assert "Nothing matches" in nobody
    assert "Card of" not in nobody


def test_what_the_filters_find_is_exported_in_the_background(
    account: Account, client: Client, sign_in: SignIn, settings: Any, tmp_path: Path
) -> None:
    settings.FILES_DIR = tmp_path
    add_email(account.pk, Copy("ann@m.example"), at=NOW, subject="Grüße")
    add_email(account.pk, Copy("bob@m.example", "bounced"), at=NOW)
    (place,) = re.findall('action="(/messages/export/[^"]*)"', read(client, "/messages/?state=delivered"))
    answer = client.post(place)
    work = BackgroundWork.objects.for_account(account).get(kind="export")
    assert answer["Location"] == f"/work/{work.public_id}/"
    assert "Waiting for its turn" in read(client, answer["Location"])
    run_export(work, now=utc_now())
    assert "Download 1 row" in read(client, answer["Location"])
    file = client.get(f"/work/{work.public_id}/file/")
    text = b"".join(file.streaming_content).decode()  # type: ignore[attr-defined]
    assert text.startswith("\ufeffEmail,")
    assert "ann@m.example" in text
    assert "Grüße" in text
    assert "bob@m.example" not in text
    user = make_user("dev@acme.example")
    make_member(account, user, Role.DEVELOPER)
    developer = sign_in(user)
    assert "/messages/export/" not in read(developer, "/messages/")
    assert developer.post(place).status_code == 403
    assert developer.get(f"/work/{work.public_id}/file/").status_code == 403
    assert "Download" not in read(developer, answer["Location"])
    next(tmp_path.glob("*/exports/*")).unlink()
    assert client.get(f"/work/{work.public_id}/file/").status_code == 302


def test_the_last_days_numbers_stand_on_top_by_stream(account: Account, client: Client) -> None:
    add_email(account.pk, Copy("ann@m.example"), at=NOW)
    stream = find_stream(account.pk, "transactional")
    assert stream is not None
    hour = utc_now().replace(minute=0, second=0, microsecond=0)
    for kind, n in (("delivered", 98), ("bounced", 2)):
        RollupHour.objects.add(account.pk, source_id=stream.uid, kind=kind, hour=hour, n=n)
    page = read(client, "/messages/numbers/")
    assert ">100<" in page
    assert "98.0% delivered · 2 bounced" in page


@pytest.mark.parametrize("role", Role.values)
def test_each_role_opens_what_the_table_says(account: Account, sign_in: SignIn, role: str) -> None:
    email = add_email(account.pk, Copy("ann@m.example"), at=NOW, body=BODY)
    user = make_user(f"{role}@acme.example")
    make_member(account, user, role)
    client, held = sign_in(user), PERMISSIONS[Role(role)]
    seen = 200 if Permission.VIEW_MAILBOX in held else 403
    for url in (
        "/messages/",
        "/messages/numbers/",
        f"/messages/{email.public_id}/",
        f"/messages/{email.public_id}/document/",
    ):
        assert client.get(url).status_code == seen
    acts = Permission.MANAGE_API_KEYS in held
    assert (client.post(f"/messages/{email.public_id}/cancel/").status_code == 302) == acts
    assert (client.get("/developers/").status_code == 200) == acts
    assert (client.get("/developers/requests/").status_code == 200) == acts


# ── One message ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_one_message_tells_its_life_with_the_conversation(account: Account, client: Client) -> None:
    email = add_email(
        account.pk, Copy("ann@m.example"), at=NOW, body=BODY, tags=["receipt"], metadata={"order": "A-42"}
    )
    said = [["MAIL FROM:<x@acme.example>", "250 ok"], ["DATA", "354 go ahead"]]
    data = {
        "code": 250,
        "reply": "250 queued",
        "host": "mx.m.example",
        "ip": "192.0.2.1",
        "tls": "TLSv1.3",
        "dialog": said,
    }
    record_event(account.pk, "message.delivered", now=NOW, message_id=email.id, source_kind="api", data=data)
    record_event(account.pk, "message.opened", now=NOW, message_id=email.id, source_kind="api")
    page = read(client, f"/messages/{email.public_id}/")
    for words in (
        "Accepted by API",
        "Delivered",
        "Opened",
        "mx.m.example (192.0.2.1), TLSv1.3",
        "354 go ahead",
        "C: MAIL FROM:&lt;x@acme.example&gt;\nS: 250 ok\nC: DATA",
        f"{NOW.astimezone(get_current_timezone()):%H:%M:%S}</time>",
        "Times are those of",
        "A-42",
        "receipt",
    ):
        assert words in page
    assert f'src="/messages/{email.public_id}/document/"' in page


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ("text", "Thank you"),
        ("headers", "X-Order"),
        ("headers", "Message-ID"),
        ("source", "Content-Type: multipart/alternative"),
    ],
)
def test_the_tabs_show_the_parts(account: Account, client: Client, view: str, words: str) -> None:
    email = add_email(account.pk, Copy("ann@m.example"), at=NOW, body=BODY)
    assert words in read(client, f"/messages/{email.public_id}/?view={view}")
    assert words in read(client, f"/messages/{email.public_id}/?view={view}", hx_request="true")


def test_a_whole_message_of_a_sender_is_shown_as_it_came(account: Account, client: Client) -> None:
    raw = (
        b"From: a@acme.example\r\nTo: ann@m.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello\r\n"
    )
    email = add_email(account.pk, Copy("ann@m.example"), at=NOW, raw=raw, source_kind="smtp")
    url = f"/messages/{email.public_id}/"
    assert "=?utf-8?q?Gr=C3=BC=C3=9Fe?=" in read(client, url + "?view=source")
    assert "Grüße" in read(client, url + "?view=headers")
    assert "Hello" in read(client, url)


def test_the_document_is_sandboxed_and_asks_no_other_host_until_wanted(
    account: Account, client: Client
) -> None:
    html = f'<p>Hi</p>{HOSTILE}<img src="https://other.example/x.png"><img src="//other.example/y.png">'
    email = add_email(account.pk, Copy("ann@m.example"), at=NOW, body={"html": html})
    url = f"/messages/{email.public_id}/document/"
    answer = client.get(url)
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "default-src 'none'" in policy
    assert "img-src data:" in policy
    assert "script-src" not in policy
    assert "allow-same-origin" not in policy
    assert "other.example" not in answer.content.decode()
    shown = client.get(url + "?images=1")
    assert "https://other.example/x.png" in shown.content.decode()
    assert "default-src 'none'" in shown["Content-Security-Policy"]
    assert "2 pictures of other hosts are off" in read(client, f"/messages/{email.public_id}/")


def test_hostile_words_of_senders_and_servers_are_shown_as_text(account: Account, client: Client) -> None:
    copy = Copy("ann@m.example", "bounced", name=HOSTILE, outcome={"reply": HOSTILE[:500]})
    email = add_email(
        account.pk,
        copy,
        at=NOW,
        body=BODY | {"text": HOSTILE, "headers": [["X-Odd", HOSTILE]]},
        subject=HOSTILE,
        tags=[HOSTILE[:100]],
        metadata={HOSTILE: HOSTILE},
        from_name=HOSTILE,
    )
    data = {"reply": HOSTILE, "host": HOSTILE, "dialog": [[HOSTILE, HOSTILE]]}
    record_event(account.pk, "message.bounced", now=NOW, message_id=email.id, source_kind="api", data=data)
    for url in (
        "/messages/",
        *(f"/messages/{email.public_id}/?view={tab}" for tab in ("text", "headers", "source")),
    ):
        page = read(client, url)
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_what_was_masked_and_what_retention_took_is_said(account: Account, client: Client) -> None:
    masked = add_email(account.pk, Copy("ann@m.example"), at=NOW, body=BODY, one_time=True)
    page = read(client, f"/messages/{masked.public_id}/")
    assert "One-time values are masked" in page
    assert "Resend" not in page
    gone = add_email(account.pk, Copy("ann@m.example"), at=NOW)
    page = read(client, f"/messages/{gone.public_id}/")
    assert "The content is gone" in page
    assert "keeps contents for 30 days" in page


def test_an_attachment_is_saved_and_never_shown(account: Account, client: Client) -> None:
    raw = (
        b"From: a@acme.example\r\nSubject: files\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nHi\r\n--b\r\nContent-Type: text/html\r\n"
        b'Content-Disposition: attachment; filename="a.html"\r\n\r\n<script>alert(1)</script>\r\n--b--\r\n'
    )
    email = add_email(account.pk, Copy("ann@m.example"), at=NOW, raw=raw)
    assert "a.html" in read(client, f"/messages/{email.public_id}/?view=files")
    answer = client.get(f"/messages/{email.public_id}/attachments/0/")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert b"alert" in answer.content
    assert client.get(f"/messages/{email.public_id}/attachments/1/").status_code == 404


def test_mail_that_waits_is_canceled_and_rescheduled(account: Account, client: Client) -> None:
    later = utc_now() + timedelta(days=2)
    email = add_email(account.pk, Copy("ann@m.example", WAITING, run_at=later), at=utc_now(), body=BODY)
    url = f"/messages/{email.public_id}/"
    page = read(client, url)
    assert "Scheduled" in page
    assert f'value="{later:%Y-%m-%dT%H:%M}"' in page
    wanted = utc_now() + timedelta(days=5)
    client.post(url + "reschedule/", {"at": f"{wanted:%Y-%m-%dT%H:%M}"})
    assert abs(Outbox.objects.for_account(account).get().run_at - wanted) < timedelta(minutes=2)
    assert (
        "30 days ahead"
        in client.post(url + "reschedule/", {"at": "2999-01-01T10:00"}, follow=True).content.decode()
    )
    assert client.post(url + "reschedule/", {"at": "soon"}, follow=True).status_code == 200
    assert "Canceled for 1 recipient." in client.post(url + "cancel/", follow=True).content.decode()
    assert not Outbox.objects.for_account(account).exists()
    assert "It was canceled already." in client.post(url + "cancel/", follow=True).content.decode()


def test_an_email_is_sent_again_as_a_new_one(account: Account, client: Client) -> None:
    Sender.objects.add(account, email="hello@acme.example", verified_at=NOW, is_default=True)
    email = add_email(account.pk, Copy("ann@m.example"), at=NOW, body=BODY)
    answer = client.post(f"/messages/{email.public_id}/resend/", follow=True)
    assert "This is the new email." in answer.content.decode()
    assert Email.objects.for_account(account).count() == 2
    EmailBody.objects.for_account(account).delete()
    answer = client.post(f"/messages/{email.public_id}/resend/", follow=True)
    assert "cannot be sent again" in answer.content.decode()


def test_a_recipient_is_suppressed_from_the_page(account: Account, client: Client) -> None:
    email = add_email(account.pk, Copy("ann@m.example"), at=NOW, body=BODY)
    message_id = to_public_id("msg", email.id)
    client.post(f"/messages/{email.public_id}/suppress/", {"recipient": message_id})
    assert Suppression.objects.for_account(account).get().email == "ann@m.example"
    page = read(client, f"/messages/{email.public_id}/")
    assert "Lift…" in page
    assert client.post(f"/messages/{email.public_id}/suppress/", {"recipient": "msg_x"}).status_code == 404


def test_a_copys_id_leads_to_its_email(account: Account, client: Client) -> None:
    email = add_email(account.pk, Copy("a@m.example"), Copy("b@m.example", WAITING), at=NOW)
    second = to_public_id("msg", Outbox.objects.for_account(account).get().id)
    answer = client.get(f"/messages/{second}/")
    assert answer.headers["Location"] == f"/messages/{email.public_id}/"
    for nonsense in ("msg_x", "eml_x", to_public_id("msg", new_id(NOW)), "nonsense"):
        assert client.get(f"/messages/{nonsense}/").status_code == 404


def test_a_stranger_finds_nothing_of_another_account(
    account: Account, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    email = add_email(account.pk, Copy("ann@m.example"), at=NOW, body=BODY, subject="canary")
    stranger, url = sign_in(charlie), f"/messages/{email.public_id}/"
    assert "canary" not in read(stranger, "/messages/?q=ann")
    for address in ("", "document/", "attachments/0/"):
        assert stranger.get(url + address).status_code == 404
    for act in ("resend", "cancel", "reschedule", "suppress"):
        assert stranger.post(f"{url}{act}/").status_code == 404
    assert Member.objects.for_account(other_account).exists()
