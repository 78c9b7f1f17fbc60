"""The mail that the simulator answers with, as real servers write it: a bounce, a complaint, a person's reply."""

from __future__ import annotations

from datetime import datetime

from dynamail.protocols.mime import format_date
from dynamail.protocols.reports.parts import read_headers

BOUNDARY = "simulated-report"
SHOWN = ("message-id", "date", "from", "to", "subject")
HOST = "mx.simulator.invalid"


def write_bounce(raw: bytes, *, return_path: str, recipient: str, refusal: str, now: datetime) -> bytes:
    """A delivery status notification (RFC 3464) about a message that was taken before."""
    status = refusal.split()[1]
    head = _write_head(f"MAILER-DAEMON@{HOST}", return_path, "Undelivered Mail Returned to Sender", now)
    return _join(
        f"{head}Auto-Submitted: auto-replied\n"
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{BOUNDARY}"\n\n'
        f"--{BOUNDARY}\nContent-Type: text/plain; charset=us-ascii\n\n"
        f"Your message could not be delivered.\n\n<{recipient}>: host {HOST} said: {refusal}\n\n"
        f"--{BOUNDARY}\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; {HOST}\n\nFinal-Recipient: rfc822; {recipient}\nAction: failed\nStatus: {status}\n"
        f"Remote-MTA: dns; {HOST}\nDiagnostic-Code: smtp; {refusal}\n\n"
        f"--{BOUNDARY}\nContent-Type: text/rfc822-headers\n\n{_quote_head(raw)}\n--{BOUNDARY}--\n"
    )


def write_complaint(raw: bytes, *, return_path: str, recipient: str, to: str, now: datetime) -> bytes:
    """An abuse report (RFC 5965), as a feedback loop sends it."""
    head = _write_head(f"feedback@{HOST}", to, "Abuse report", now)
    return _join(
        f"{head}"
        f'Content-Type: multipart/report; report-type=feedback-report; boundary="{BOUNDARY}"\n\n'
        f"--{BOUNDARY}\nContent-Type: text/plain; charset=us-ascii\n\nThis is an email abuse report.\n\n"
        f"--{BOUNDARY}\nContent-Type: message/feedback-report\n\n"
        f"Feedback-Type: abuse\nUser-Agent: DynaMail-Simulator/1.0\nVersion: 1\n"
        f"Original-Mail-From: <{return_path}>\nOriginal-Rcpt-To: <{recipient}>\n\n"
        f"--{BOUNDARY}\nContent-Type: message/rfc822\n\nReturn-Path: <{return_path}>\n{_quote_head(raw)}\n--{BOUNDARY}--\n"
    )


def write_answer(raw: bytes, *, sender: str, to: str, now: datetime) -> bytes:
    """What a person answers, with the question quoted below."""
    headers, _body = read_headers(raw, 0, len(raw))
    asked = headers.get("message-id", "")
    head = _write_head(sender, to, f"Re: {headers.get('subject', '')}", now)
    return _join(
        f"{head}In-Reply-To: {asked}\nReferences: {asked}\nContent-Type: text/plain; charset=utf-8\n\n"
        f"Thank you, that is what I needed.\n\nOn {headers.get('date', '')}, {headers.get('from', '')} wrote:\n"
        f"> {headers.get('subject', '')}\n"
    )


def _write_head(sender: str, to: str, subject: str, now: datetime) -> str:
    return f"From: <{sender}>\nTo: <{to}>\nSubject: {subject}\nDate: {format_date(now)}\nMIME-Version: 1.0\n"


def _quote_head(raw: bytes) -> str:
    headers, _body = read_headers(raw, 0, len(raw))
    return "".join(f"{name.title()}: {headers[name]}\n" for name in SHOWN if name in headers)


def _join(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()
