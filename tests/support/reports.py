"""Reports as other servers write them, about messages of ours."""

from __future__ import annotations

from django.conf import settings

from dynamail.messages.composing import load_composing_settings, make_return_path
from dynamail.messages.models import Message

BOUNDARY = "report-boundary"


def return_path_of(message: Message) -> str:
    """MAIL FROM of that message: where its reports go."""
    return make_return_path(message.id, load_composing_settings())


def make_dsn(
    message: Message,
    *,
    recipient: str = "",
    action: str = "failed",
    status: str = "5.1.1",
    said: str = "550 5.1.1 User unknown",
) -> bytes:
    """A delivery status notification (RFC 3464) as Postfix writes it."""
    recipient = recipient or message.recipient
    headers = _headers_of(message)
    return write_dsn(
        return_path_of(message), recipient, action=action, status=status, said=said, headers=headers
    )


def write_dsn(
    to: str,
    recipient: str,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    said: str = "550 5.1.1 User unknown",
    headers: str = "Subject: News\n",
) -> bytes:
    """The same about any message, whose header is given."""
    text = f"""\
From: MAILER-DAEMON@mx.example (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="{BOUNDARY}"

--{BOUNDARY}
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

<{recipient}>: host mx.example said: {said} (in reply to RCPT TO command)

--{BOUNDARY}
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example
Diagnostic-Code: smtp; {said}

--{BOUNDARY}
Content-Type: text/rfc822-headers

{headers}
--{BOUNDARY}--
"""
    return text.replace("\n", "\r\n").encode()


def make_complaint(message: Message, *, with_return_path: bool = True, feedback_type: str = "abuse") -> bytes:
    """An abuse report (RFC 5965). Many reporters cut the envelope out."""
    headers = _headers_of(message)
    if with_return_path:
        headers = f"Return-Path: <{return_path_of(message)}>\n" + headers
    text = f"""\
From: <feedback@provider.example>
To: <abuse@{settings.RETURN_PATH_DOMAIN}>
Subject: FW: News
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="{BOUNDARY}"

--{BOUNDARY}
Content-Type: text/plain; charset=us-ascii

This is an email abuse report.

--{BOUNDARY}
Content-Type: message/feedback-report

Feedback-Type: {feedback_type}
User-Agent: Loop/1.0
Version: 1

--{BOUNDARY}
Content-Type: message/rfc822

{headers}
Buy this.

--{BOUNDARY}--
"""
    return text.replace("\n", "\r\n").encode()


def _headers_of(message: Message) -> str:
    return f"""\
Message-ID: <{message.id.hex}@{settings.MESSAGE_ID_DOMAIN}>
From: News <news@acme.example>
To: {message.recipient}
Subject: News
"""
