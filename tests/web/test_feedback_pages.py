from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, User
from dynamail.feedback.mailboxes import _make_login
from dynamail.feedback.models import FeedbackReport, ReportMailbox, Source
from dynamail.feedback.receiving import take_report
from dynamail.lib.ids import new_id
from dynamail.messages.models import Message
from tests.support.campaigns import make_half_sent_campaign
from tests.support.personas import NOW
from tests.support.reports import make_dsn, return_path_of

SignIn = Callable[[User], Client]
MAILBOX = {
    "protocol": "imap",
    "host": "IMAP.example.com.",
    "port": "993",
    "security": "tls",
    "username": "bounces",
    "password": "secret",
    "folder": "INBOX",
    "is_enabled": "on",
}


@pytest.fixture
def report(account: Account, alice: User) -> FeedbackReport:
    make_half_sent_campaign(account, alice)
    message = Message.objects.for_account(account).get(state="delivered")
    raw = make_dsn(message, said="550 5.1.1 <img src=x onerror=alert(1)> unknown user")
    later = NOW + timedelta(hours=2)
    take_report(raw, envelope_to=[return_path_of(message)], source=Source.SMTP, now=later)
    return FeedbackReport.objects.for_account(account).get()


def test_an_account_without_reports_is_told_that_nothing_came_back(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    page = sign_in(alice).get(reverse("feedback")).content.decode()
    assert "Nothing came back" in page
    assert "does not listen for reports" in page


def test_a_bounce_is_listed_with_its_reason_and_hostile_words_are_text(
    report: FeedbackReport, alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    page = client.get(reverse("feedback"), {"show": "bounces"}).content.decode()
    assert report.recipient in page
    assert "Not written to any more" in page
    assert "<img src=x" not in page
    one = client.get(reverse("feedback_report", args=[report.public_id])).content.decode()
    assert "MAILER-DAEMON" in one
    assert "<img src=x" not in one
    assert "Nothing came back" in client.get(reverse("feedback"), {"show": "complaints"}).content.decode()


def test_long_lists_have_pages_that_neither_repeat_nor_skip(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    for number in range(120):
        at = NOW + timedelta(minutes=number // 3)  # three at the same moment
        FeedbackReport.objects.add(
            account,
            id=new_id(at),
            at=at,
            kind="bounce",
            source="smtp",
            message_id=new_id(at),
            recipient=f"p{number}@x.example",
        )
    client, seen, query = sign_in(alice), [], "?"
    while query:
        context = client.get(reverse("feedback") + query).context
        seen += [line["row"].recipient for line in context["rows"]]
        query = context["next_url"]
    assert len(seen) == len(set(seen)) == 120


def test_an_unknown_filter_or_report_is_not_found(account: Account, alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    assert client.get(reverse("feedback"), {"show": "nonsense"}).status_code == 404
    assert client.get(reverse("feedback_report", args=["rep_nonsense"])).status_code == 404


def test_a_mailbox_is_saved_with_its_password_sealed_and_never_shown(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    assert client.post(reverse("feedback_mailbox_new"), MAILBOX).status_code == 302
    mailbox = ReportMailbox.objects.for_account(account).get()
    assert (mailbox.host, mailbox.authorized_by) == ("imap.example.com", alice)
    assert b"secret" not in bytes(mailbox.password_sealed)
    assert _make_login(mailbox).password == "secret"
    url = reverse("feedback_mailbox", args=[mailbox.public_id])
    assert "secret" not in client.get(url).content.decode()
    assert client.post(url, MAILBOX | {"password": "", "folder": "Bounces"}).status_code == 302
    mailbox.refresh_from_db()
    assert (_make_login(mailbox).password, mailbox.folder) == ("secret", "Bounces")


def test_a_stored_password_is_not_handed_to_another_server(
    account: Account, alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    client.post(reverse("feedback_mailbox_new"), MAILBOX)
    mailbox = ReportMailbox.objects.for_account(account).get()
    url = reverse("feedback_mailbox", args=[mailbox.public_id])
    answer = client.post(url, MAILBOX | {"password": "", "host": "evil.example"})
    assert answer.status_code == 422
    assert "Enter the password of this mailbox." in answer.content.decode()


def test_a_mailbox_is_removed_and_bob_may_not_see_it(
    account: Account, alice: User, bob: User, sign_in: SignIn
) -> None:
    sign_in(alice).post(reverse("feedback_mailbox_new"), MAILBOX)
    mailbox = ReportMailbox.objects.for_account(account).get()
    url = reverse("feedback_mailbox_action", args=[mailbox.public_id, "remove"])
    assert sign_in(bob).post(url).status_code == 403
    assert sign_in(alice).post(url).status_code == 302
    assert not ReportMailbox.objects.for_account(account).exists()
