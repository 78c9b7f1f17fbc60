from __future__ import annotations

import json

import pytest

from dynamail.protocols.codes import BounceClass
from dynamail.protocols.reasons import Reason
from dynamail.protocols.reports.reading import read_report
from dynamail.protocols.reports.records import ReportKind
from tests.protocols.reports.samples import make_feedback

FEEDBACK = """Feedback-Type: abuse
User-Agent: Example/1.0
Version: 1
Original-Mail-From: <b+abc@bounce.example.com>
Original-Rcpt-To: ann@example.net
Arrival-Date: Thu, 1 Jan 2026 10:00:00 +0000
Source-IP: 192.0.2.7"""


def test_a_complaint_tells_who_about_what_and_from_where() -> None:
    report = read_report(make_feedback(FEEDBACK))
    (ann,) = report.recipients
    assert (report.kind, report.feedback_type, report.source_ip) == (
        ReportKind.COMPLAINT,
        "abuse",
        "192.0.2.7",
    )
    assert (ann.address, ann.reason, ann.bounce_class) == (
        "ann@example.net",
        Reason.FEEDBACK,
        BounceClass.COMPLAINT,
    )
    assert (report.original_message_id, report.original_envelope_from) == (
        "<one@example.com>",
        "b+abc@bounce.example.com",
    )
    assert not ann.is_hard


def test_a_blacked_out_complainer_is_found_in_the_returned_message() -> None:
    report = read_report(make_feedback(FEEDBACK.replace("Original-Rcpt-To: ann@example.net\n", "")))
    assert report.recipients[0].address == "ann@example.net"


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_praise_and_failed_checks_are_no_complaints(kind: str) -> None:
    report = read_report(make_feedback(FEEDBACK.replace("abuse", kind, 1)))
    assert (report.kind, report.feedback_type) == (ReportKind.OTHER, kind)
    assert report.recipients[0].bounce_class is BounceClass.UNCATEGORIZED


def test_microsofts_complaints_have_no_fields() -> None:
    raw = (
        b'From: staff@hotmail.com\nSubject: complaint about message from 192.0.2.7\nContent-Type: multipart/mixed; boundary="m"\n\n'
        b"--m\nContent-Type: message/rfc822\n\nX-HmXmrOriginalRecipient: ann@example.net\nTo: x@example.net\nMessage-ID: <1@x>\n\nHi\n--m--\n"
    )
    report = read_report(raw)
    assert (report.kind, report.recipients[0].address) == (ReportKind.COMPLAINT, "ann@example.net")


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; owner=ann",
        "X-Auto-Response-Suppress: All",
        "Precedence: auto_reply",
        "Subject: Automatic reply: Hello",
        "Subject: =?utf-8?b?0JDQstGC0L7QvtGC0LLQtdGC?=: Hello",
        "Subject: Out of Office: Hello",
        "Subject: Abwesenheitsnotiz",
    ],
)
def test_an_automatic_reply_comes_from_somebody_who_got_the_message(header: str) -> None:
    report = read_report(
        f"From: Ann <ann@example.net>\n{header}\n\nI am away. For urgent matters: bob@example.net\n".encode()
    )
    assert (report.kind, report.recipients[0].address) == (ReportKind.AUTO_REPLY, "ann@example.net")
    assert (report.recipients[0].reason, report.recipients[0].is_hard) == (Reason.VACATION, False)


def test_not_automatic_is_not_automatic() -> None:
    assert (
        read_report(b"From: a@example.net\nAuto-Submitted: no\nSubject: Re: Hello\n\nHi").kind
        is ReportKind.OTHER
    )


def make_sns(notice: dict[str, object]) -> bytes:
    return (
        b"From: no-reply@sns.example\nSubject: Notification\nContent-Type: text/plain\n\n"
        + json.dumps(notice).encode()
    )


def test_json_notices_are_read() -> None:
    person = {
        "emailAddress": "ann@example.net",
        "action": "failed",
        "status": "5.1.1",
        "diagnosticCode": "smtp; 550 5.1.1 user unknown",
    }
    report = read_report(
        make_sns(
            {
                "notificationType": "Bounce",
                "bounce": {"bounceSubType": "General", "bouncedRecipients": [person]},
            }
        )
    )
    assert (report.kind, report.recipients[0].address, report.recipients[0].is_hard) == (
        ReportKind.BOUNCE,
        "ann@example.net",
        True,
    )
    complaint = {
        "complainedRecipients": [{"emailAddress": "ann@example.net"}],
        "complaintFeedbackType": "fraud",
    }
    report = read_report(make_sns({"notificationType": "Complaint", "complaint": complaint}))
    assert (report.kind, report.feedback_type) == (ReportKind.COMPLAINT, "fraud")


@pytest.mark.parametrize(
    "notice",
    [
        {"notificationType": "Bounce"},
        {"notificationType": "Bounce", "bounce": {"bouncedRecipients": [1, None, {"emailAddress": 3}]}},
        {"notificationType": "Complaint", "complaint": []},
        {"notificationType": ["Bounce"], "mail": 1},
    ],
)
def test_json_of_another_shape_does_no_harm(notice: dict[str, object]) -> None:
    assert read_report(make_sns(notice)).recipients == ()
