from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynamail.accounts.models import Account
from dynamail.messages.email_log import EmailView, find_email
from dynamail.messages.models import EmailBody
from dynamail.messages.showing import list_header_fields, show_content
from tests.support.people import make_contact, make_topic
from tests.support.single_mail import WAITING, Copy, add_email

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
BODY: dict[str, Any] = {
    "html": "<p>Hi</p>",
    "text": "Hi",
    "headers": [["X-Order", "42"], ["X-Owner", "Zo\u00eb"]],
}
PIECES = st.lists(
    st.sampled_from(
        [
            b"Content-Type: multipart/mixed; boundary=b",
            b"Content-Type: text/html; charset=x-none",
            b"\r\n",
            b"\n",
            b"--b",
            b"--b--",
            b"Content-Disposition: attachment; filename*=utf-8''%",
            b"Content-Transfer-Encoding: base64",
            b"Subject: =?utf-8?q?=E4?=",
            b'To: "a <x@',
            b"From: (((",
            b"Message-ID: <",
            b"Date: x",
            b"Content-Type: message/rfc822",
            b"\xff\0",
            b": ",
            b" folded",
        ]
    )
    | st.binary(max_size=30),
    max_size=30,
)


def look(account: Account, *copies: Copy, **values: Any) -> EmailView:
    email = add_email(account.pk, *copies, at=NOW, **values)
    view = find_email(account.pk, email.id)
    assert view is not None
    return view


@pytest.mark.django_db
def test_the_header_of_an_email_in_parts_is_as_it_leaves(account: Account) -> None:
    copies = (
        Copy("ann@m.example", name="Ann Lee"),
        Copy("bo@m.example", kind="cc"),
        Copy("cy@m.example", kind="bcc"),
    )
    view = look(
        account,
        *copies,
        body=BODY,
        from_name="Acme",
        reply_to=["help@acme.example"],
        header_id="1@acme.example",
    )
    fields = list_header_fields(view)
    shown = dict(fields)
    assert len(shown) == len(fields)
    assert shown.pop("Feedback-ID")
    assert shown == {
        "Message-ID": "<1@acme.example>",
        "Date": "Mon, 23 Nov 2026 10:00:00 +0000",
        "From": "Acme <hello@acme.example>",
        "To": "Ann Lee <ann@m.example>",
        "Cc": "bo@m.example",
        "Reply-To": "help@acme.example",
        "Subject": "Your receipt",
        "X-Order": "42",
        "X-Owner": "Zo\u00eb",
    }


@pytest.mark.django_db
def test_the_fields_of_a_topic_are_shown(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account, "ann@m.example")
    copy = Copy("ann@m.example", outcome={"contact_id": contact.id})
    shown = dict(list_header_fields(look(account, copy, body=BODY, topic_id=topic.pk, stream="marketing")))
    assert shown["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert shown["List-Unsubscribe"].startswith("<http")
    assert shown["Precedence"] == "bulk"
    assert topic.name in shown["List-Id"]


@pytest.mark.django_db
def test_what_waits_has_the_date_when_it_is_to_leave(account: Account) -> None:
    copy = Copy("ann@m.example", WAITING, run_at=NOW + timedelta(days=1))
    assert (
        dict(list_header_fields(look(account, copy, body=BODY)))["Date"] == "Tue, 24 Nov 2026 10:00:00 +0000"
    )


@pytest.mark.django_db
def test_a_whole_message_is_taken_apart_and_its_header_is_as_it_leaves(account: Account) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Bcc"] = "else@acme.example", "ann@m.example", "cy@m.example"
    message["Subject"], message["X-Order"] = "Gr\u00fc\u00dfe", "42"
    message.set_content("Hi")
    message.add_alternative("<p>Hi</p>", subtype="html")
    message.add_attachment(b"123", maintype="text", subtype="csv", filename="a.csv")
    view = look(account, Copy("ann@m.example"), raw=message.as_bytes(), source_kind="smtp")
    assert view.body is not None
    content = show_content(view.body)
    assert (content.html.strip(), content.text.strip()) == ("<p>Hi</p>", "Hi")
    assert [(one.filename, one.size) for one in content.files] == [("a.csv", 3)]
    shown = dict(list_header_fields(view))
    assert (shown["From"], shown["To"], shown["Subject"]) == (
        "hello@acme.example",
        "ann@m.example",
        "Gr\u00fc\u00dfe",
    )
    assert (shown["X-Order"], shown["Date"]) == ("42", "Mon, 23 Nov 2026 10:00:00 +0000")
    assert shown["Content-Type"].startswith("multipart/mixed")
    assert "Bcc" not in shown


@pytest.mark.django_db
def test_without_a_content_there_is_no_header(account: Account) -> None:
    assert list_header_fields(look(account, Copy("ann@m.example"))) == ()


@given(PIECES)
@settings(max_examples=150, deadline=None)
def test_no_whole_message_is_too_strange_to_be_shown(pieces: list[bytes]) -> None:
    shown = show_content(EmailBody(kind="raw", raw=b"\r\n".join(pieces)))
    assert all(isinstance(value, str) for field in shown.headers for value in field)


@pytest.mark.django_db
@given(PIECES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_header_is_too_strange_to_be_listed(account: Account, pieces: list[bytes]) -> None:
    view = look(account, Copy("ann@m.example"), raw=b"\r\n".join(pieces))
    assert all(isinstance(value, str) for field in list_header_fields(view) for value in field)


def test_a_message_of_countless_parts_shows_its_header_alone() -> None:
    raw = b"Subject: Hi\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\r\n--b\r\n\r\nx" * 100_000
    shown = show_content(EmailBody(kind="raw", raw=raw))
    assert (shown.html, shown.text, shown.files) == ("", "", ())
    assert [name for name, _value in shown.headers] == ["Subject", "Content-Type"]
