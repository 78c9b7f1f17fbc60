"""Mail as people write it to an account."""

from __future__ import annotations

from dynamail.inbound.addressing import Owner
from dynamail.inbound.models import ReceivedMessage
from dynamail.inbound.receiving import take_incoming
from dynamail.inbound.verdicts import Client
from tests.support.personas import NOW

LETTER = b"""From: =?utf-8?q?J=C3=BCrg?= <jurg@example.com>
To: help@inbound.localhost.localdomain
Subject: =?utf-8?b?0JfQsNC60LDQtw==?=
Message-ID: <m1@example.com>
Date: Mon, 23 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/plain; charset=utf-8

Where is my order?

On Mon, Nov 23, 2026 at 9:00 AM Shop <hello@acme.example> wrote:
> It is on its way.

--x
Content-Type: text/html; charset=utf-8

<p>Where is my order?</p><script>alert(1)</script>

--x
Content-Type: application/pdf; name="../bill.pdf"
Content-Disposition: attachment; filename="../bill.pdf"
Content-Transfer-Encoding: base64

JVBERg==
--x--
""".replace(b"\n", b"\r\n")


def with_header(line: str) -> bytes:
    return line.encode() + b"\r\n" + LETTER


def take(
    account_id: int, raw: bytes = LETTER, *, owner: Owner | None = None, ip: str = ""
) -> ReceivedMessage:
    return take_incoming(
        raw,
        owner=owner or Owner(account_id),
        envelope_from="jurg@example.com",
        envelope_to="help@inbound.localhost.localdomain",
        client=Client(ip, "mx.example.com"),
        now=NOW,
    )
