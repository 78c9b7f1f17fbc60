"""Messages that come back, as text: written for these tests in the layouts of well-known mail systems."""

from __future__ import annotations

ORIGINAL = """Return-Path: <b+abc@bounce.example.com>
Message-ID: <one@example.com>
From: News <news@example.com>
To: ann@example.net
Subject: =?utf-8?q?Caf=C3=A9?=

Hello
"""

DSN = """From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
To: b+abc@bounce.example.com
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

{notice}

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
Original-Envelope-Id: env-7
Arrival-Date: Thu, 1 Jan 2026 10:00:00 +0000

{fields}

--b1
Content-Type: message/rfc822

{original}
--b1--
"""


def make_dsn(fields: str, *, notice: str = "The mail system", original: str = ORIGINAL) -> bytes:
    return DSN.format(fields=fields, notice=notice, original=original).encode()


def make_notice(
    text: str,
    *,
    subject: str = "Mail delivery failed",
    sender: str = "MAILER-DAEMON@mx.example.org",
    extra: str = "",
) -> bytes:
    return f"From: {sender}\nTo: b+abc@bounce.example.com\nSubject: {subject}\n{extra}\n{text}\n".encode()


def make_feedback(fields: str, *, original: str = ORIGINAL) -> bytes:
    return (
        'From: fbl@example.org\nSubject: abuse report\nContent-Type: multipart/report; report-type=feedback-report; boundary="x"\n\n'
        f"--x\nContent-Type: text/plain\n\nAn abuse report\n--x\nContent-Type: message/feedback-report\n\n{fields}\n"
        f"--x\nContent-Type: message/rfc822\n\n{original}\n--x--\n"
    ).encode()
