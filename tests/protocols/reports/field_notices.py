"""Reports with fields (RFC 3464) as systems really write them: other types, comments, missing lines, other encodings, several recipients."""

from __future__ import annotations

import base64

from dynamail.protocols.reports.records import ReportKind
from tests.protocols.reports.layouts import ORIGINAL

A = "ann@example.net"
B = "bob@example.net"


def make(
    fields: str,
    *,
    notice: str = "Delivery failed.",
    encoding: str = "",
    kind: str = "message/delivery-status",
    head: str = "Reporting-MTA: dns; mx.example.org\n",
    original: bool = True,
) -> bytes:
    status = f"{head}\n{fields}\n"
    if encoding == "base64":
        status = base64.encodebytes(status.encode()).decode()
    parts = f"--b1\nContent-Type: text/plain; charset=utf-8\n\n{notice}\n" if notice else ""
    parts += (
        f"--b1\nContent-Type: {kind}\n"
        + (f"Content-Transfer-Encoding: {encoding}\n" if encoding else "")
        + f"\n{status}"
    )
    parts += f"--b1\nContent-Type: message/rfc822\n\n{ORIGINAL}\n" if original else ""
    return (
        "From: MAILER-DAEMON@mx.example.org\nTo: b+abc@bounce.example.com\nSubject: Delivery Status Notification\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"\n\n{parts}--b1--\n'
    ).encode()


Expected = list[tuple[str, str, bool]]
BOUNCE, DELAY, DELIVERED = ReportKind.BOUNCE, ReportKind.DELAY, ReportKind.DELIVERED
REPORTS: dict[str, tuple[bytes, ReportKind, Expected]] = {
    "postfix, local user": (
        make(
            f'Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: X-Postfix; unknown user: "ann"'
        ),
        BOUNCE,
        [(A, "userunknown", True)],
    ),
    "postfix, no host": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 5.4.4\nDiagnostic-Code: X-Postfix; Host or domain name not found. Name service\n    error for name=example.net type=AAAA: Host not found"
        ),
        BOUNCE,
        [(A, "hostunknown", True)],
    ),
    "postfix, null mx": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 5.1.0\nDiagnostic-Code: X-Postfix; Domain example.net does not accept mail (nullMX)"
        ),
        BOUNCE,
        [(A, "notaccept", True)],
    ),
    "postfix, refused": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 4.4.1\nDiagnostic-Code: X-Postfix; connect to mx.example.net[192.0.2.1]:25:\n    Connection refused"
        ),
        BOUNCE,
        [(A, "expired", False)],
    ),
    "postfix, delayed": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: delayed\nStatus: 4.4.1\nDiagnostic-Code: X-Postfix; connect to mx.example.net[192.0.2.1]:25: Connection timed out\nWill-Retry-Until: Fri, 2 Jan 2026 10:00:00 +0000"
        ),
        DELAY,
        [(A, "expired", False)],
    ),
    "postfix, greylisted at last": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 4.7.1\nRemote-MTA: dns; mx.example.net\nDiagnostic-Code: smtp; 450 4.7.1 Greylisted, please try again later"
        ),
        BOUNCE,
        [(A, "systemerror", False)],
    ),
    "postfix, procmail": (
        make(
            f'Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 5.2.0\nDiagnostic-Code: x-unix; procmail: Couldn\'t create "/var/mail/ann"'
        ),
        BOUNCE,
        [(A, "mailererror", False)],
    ),
    "postfix, said at data": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 5.0.0\nRemote-MTA: dns; mx.example.net\nDiagnostic-Code: smtp; 550 No such user",
            notice=f"<{A}>: host mx.example.net[192.0.2.1] said: 550 No such user (in reply to end of\n    DATA command)",
        ),
        BOUNCE,
        [(A, "filtered", False)],
    ),
    "postfix, said at rcpt": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 5.0.0\nRemote-MTA: dns; mx.example.net\nDiagnostic-Code: smtp; 550 No such user",
            notice=f"<{A}>: host mx.example.net[192.0.2.1] said: 550 No such user (in reply to RCPT\n    TO command)",
        ),
        BOUNCE,
        [(A, "userunknown", True)],
    ),
    "postfix, said at mail": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 5.0.0\nRemote-MTA: dns; mx.example.net\nDiagnostic-Code: smtp; 550 Unknown user",
            notice=f"<{A}>: host mx.example.net[192.0.2.1] said: 550 Unknown user (in reply to MAIL\n    FROM command)",
        ),
        BOUNCE,
        [(A, "rejected", False)],
    ),
    "sendmail, comment": (
        make(
            f"Final-Recipient: RFC822; {A}\nX-Actual-Recipient: RFC822; ann@mail.example.net\nAction: failed\nStatus: 5.1.1 (bad destination mailbox address)\nRemote-MTA: DNS; mx.example.net\nDiagnostic-Code: SMTP; 550 5.1.1 <ann@mail.example.net>... User unknown\nLast-Attempt-Date: Thu, 1 Jan 2026 10:00:01 GMT"
        ),
        BOUNCE,
        [(A, "userunknown", True)],
    ),
    "sendmail, no diagnostic": (
        make(
            f"Final-Recipient: RFC822; {A}\nAction: failed\nStatus: 4.4.7\nLast-Attempt-Date: Thu, 1 Jan 2026 10:00:01 GMT",
            notice=f"   ----- Transcript of session follows -----\n<{A}>... Deferred: Connection timed out with mx.example.net.\nMessage could not be delivered for 5 days\nMessage will be deleted from queue",
        ),
        BOUNCE,
        [(A, "expired", False)],
    ),
    "only a status": (
        make(f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 5.1.1", notice=""),
        BOUNCE,
        [(A, "userunknown", True)],
    ),
    "only a soft status": (
        make(f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 5.2.2", notice=""),
        BOUNCE,
        [(A, "mailboxfull", False)],
    ),
    "domino": (
        make(
            f"Final-Recipient: rfc822;{A}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: X-Notes; User ann (ann@example.net) not listed in\n Domino Directory"
        ),
        BOUNCE,
        [(A, "userunknown", True)],
    ),
    "messaging server": (
        make(
            f"Original-recipient: rfc822;{A}\nFinal-recipient: rfc822;ann@ims-ms-daemon.example.net\nAction: failed\nStatus: 5.2.2 (User over quota; mail will be returned)"
        ),
        BOUNCE,
        [(A, "mailboxfull", False)],
    ),
    "original first": (
        make(
            f"Original-Recipient: rfc822;{A}\nFinal-Recipient: rfc822;elsewhere@example.org\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp;550 5.1.1 user unknown"
        ),
        BOUNCE,
        [(A, "userunknown", True)],
    ),
    "international": (
        make(
            "Final-Recipient: utf-8; jürgen@example.net\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown",
            kind="message/global-delivery-status",
        ),
        BOUNCE,
        [("jürgen@example.net", "userunknown", True)],
    ),
    "in base64": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 5.2.1\nDiagnostic-Code: smtp; 550 5.2.1 Mailbox disabled",
            encoding="base64",
        ),
        BOUNCE,
        [(A, "suspend", False)],
    ),
    "no blank line": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 550 5.7.1 Rejected by policy",
            head="Reporting-MTA: dns; mx.example.org",
        ),
        BOUNCE,
        [(A, "policyviolation", False)],
    ),
    "one of two delivered": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: relayed\nStatus: 2.0.0\n\nFinal-Recipient: rfc822; {B}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown"
        ),
        BOUNCE,
        [(A, "delivered", False), (B, "userunknown", True)],
    ),
    "relayed": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: relayed\nStatus: 2.0.0\nDiagnostic-Code: smtp; 250 2.0.0 Ok"
        ),
        DELIVERED,
        [(A, "delivered", False)],
    ),
    "exchange, quota": (
        make(
            f"Final-recipient: RFC822;{A}\nAction: failed\nStatus: 5.2.2\nDiagnostic-code: smtp;554-5.2.2 mailbox full\n 554 5.2.2 STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to process message due to a permanent exception"
        ),
        BOUNCE,
        [(A, "mailboxfull", False)],
    ),
    "exchange, expired": (
        make(
            f"Final-recipient: RFC822;{A}\nAction: failed\nStatus: 4.4.7\nDiagnostic-code: smtp;550 4.4.7 QUEUE.Expired; message expired"
        ),
        BOUNCE,
        [(A, "expired", False)],
    ),
    "exchange, group": (
        make(
            f"Final-Recipient: rfc822;{A}\nAction: failed\nStatus: 5.7.133\nDiagnostic-Code: smtp;550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed because the sender was not authenticated when sending to this group"
        ),
        BOUNCE,
        [(A, "securityerror", False)],
    ),
    "office, unknown": (
        make(
            f"Final-Recipient: rfc822;{A}\nAction: failed\nStatus: 5.1.10\nDiagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {A} not found by SMTP address lookup"
        ),
        BOUNCE,
        [(A, "userunknown", True)],
    ),
    "office, wrapped": (
        make(
            f"Final-Recipient: rfc822;{A}\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp;550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked\n using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/192.0.2.1 (AS16012611)"
        ),
        BOUNCE,
        [(A, "blocked", False)],
    ),
    "gmail, quota": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 4.2.2\nRemote-MTA: dns; mx.example.net\nDiagnostic-Code: smtp; 452-4.2.2 The recipient's inbox is out of storage space. Please direct the\n 452-4.2.2 recipient to\n 452 4.2.2  https://support.example/OverQuotaTemp - gsmtp"
        ),
        BOUNCE,
        [(A, "mailboxfull", False)],
    ),
    "gmail, null mx": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 5.1.10\nDiagnostic-Code: smtp; The recipient domain example.net publishes a null MX record and accepts no mail"
        ),
        BOUNCE,
        [(A, "notaccept", True)],
    ),
    "yahoo, unknown": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 5.0.0\nRemote-MTA: dns; mta.yahoo.example\nDiagnostic-Code: smtp; 554 delivery error: dd This user doesn't have a yahoo.example account ({A}) [0] - mta1.mail.yahoo.example"
        ),
        BOUNCE,
        [(A, "userunknown", True)],
    ),
    "amazon, suppressed": (
        make(
            f"Final-Recipient: rfc822; {A}\nDiagnostic-Code: Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an invalid address.\nStatus: 5.1.1\nAction: failed"
        ),
        BOUNCE,
        [(A, "suppressed", False)],
    ),
    "a filter after a gateway": (
        make(
            f"Final-Recipient: rfc822; {A}\nAction: failed\nStatus: 5.1.0 (Unknown address error 550-'5.7.1 Message rejected as spam')\nDiagnostic-Code: smtp; 5.1.0 - Unknown address error 550-'5.7.1 Message rejected as spam' (delivery attempts: 0)"
        ),
        BOUNCE,
        [(A, "spamdetected", False)],
    ),
    "ironport, unknown": (
        make(
            f"Final-Recipient: rfc822;{A}\nAction: failed\nStatus: 5.0.0 (permanent failure)\nRemote-MTA: dns; [192.0.2.1]\nDiagnostic-Code: smtp; 5.1.2 - Bad destination host 'DNS Hard Error looking up example.net (MX):  NXDomain' (delivery attempts: 0)"
        ),
        BOUNCE,
        [(A, "hostunknown", True)],
    ),
    "no action": (
        make(f"Final-Recipient: rfc822; {A}\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 unknown user"),
        BOUNCE,
        [(A, "userunknown", True)],
    ),
    "local type": (
        make(
            f"Final-Recipient: LOCAL;<{A}>\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 552 5.2.2 over quota"
        ),
        BOUNCE,
        [(A, "mailboxfull", False)],
    ),
    "three recipients": (
        make(
            "\n\n".join(
                f"Final-Recipient: rfc822; {who}@example.net\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; 550 {status} {words}"
                for who, status, words in (
                    ("ann", "5.1.1", "User unknown"),
                    ("bob", "5.2.1", "Mailbox inactive"),
                    ("cyd", "5.7.1", "Relaying denied"),
                )
            )
        ),
        BOUNCE,
        [(A, "userunknown", True), (B, "suspend", False), ("cyd@example.net", "norelaying", False)],
    ),
}
