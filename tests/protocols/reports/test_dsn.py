from __future__ import annotations

import pytest

from dynamail.protocols.codes import BounceClass
from dynamail.protocols.reasons import Reason
from dynamail.protocols.reports.dsn import read_address, read_delivery_status
from dynamail.protocols.reports.reading import read_report
from dynamail.protocols.reports.records import ReportKind
from tests.protocols.reports.samples import make_dsn, make_notice

UNKNOWN = """Final-Recipient: rfc822; ann@example.net
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.net
Diagnostic-Code: smtp; 550 5.1.1 <ann@example.net>: Recipient address
    rejected: User unknown"""


def test_a_failure_tells_who_why_and_about_which_message() -> None:
    report = read_report(make_dsn(UNKNOWN))
    (ann,) = report.recipients
    assert (report.kind, ann.address, ann.action, ann.status, ann.code) == (
        ReportKind.BOUNCE,
        "ann@example.net",
        "failed",
        "5.1.1",
        550,
    )
    assert (ann.reason, ann.bounce_class, ann.is_hard, ann.remote_mta) == (
        Reason.USER_UNKNOWN,
        BounceClass.INVALID_RECIPIENT,
        True,
        "mx.example.net",
    )
    assert ann.diagnostic == "550 5.1.1 <ann@example.net>: Recipient address rejected: User unknown"
    assert (report.reporting_mta, report.original_envelope_id) == ("mx.example.org", "env-7")
    assert report.arrived_at == "Thu, 1 Jan 2026 10:00:00 +0000"
    assert report.original_message_id == "<one@example.com>"
    assert report.original_envelope_from == "b+abc@bounce.example.com"
    assert report.original_subject == "Café"


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("delayed", ReportKind.DELAY),
        ("relayed", ReportKind.DELIVERED),
        ("delivered", ReportKind.DELIVERED),
        ("expanded", ReportKind.DELIVERED),
    ],
)
def test_only_a_failure_can_be_hard(action: str, kind: ReportKind) -> None:
    report = read_report(make_dsn(UNKNOWN.replace("failed", action)))
    assert (report.kind, report.recipients[0].is_hard) == (kind, False)


def test_a_delay_without_a_reason_is_a_matter_of_time() -> None:
    report = read_report(make_dsn("Final-Recipient: rfc822; ann@example.net\nAction: delayed\nStatus: 4.0.0"))
    assert (report.kind, report.recipients[0].reason) == (ReportKind.DELAY, Reason.EXPIRED)


def test_the_address_that_was_written_to_counts_not_the_one_it_was_forwarded_to() -> None:
    fields = UNKNOWN.replace(
        "ann@example.net\nAction", "other@example.org\nOriginal-Recipient: rfc822;ann@example.net\nAction"
    )
    assert read_report(make_dsn(fields)).recipients[0].address == "ann@example.net"


def test_a_pipe_is_no_address() -> None:
    fields = "Final-Recipient: rfc822;|/usr/bin/filter\nAction: failed\nStatus: 5.0.0"
    assert read_report(make_dsn(fields)).recipients[0].address == "ann@example.net"


def test_several_recipients_keep_their_own_reasons() -> None:
    fields = f"{UNKNOWN}\n\nFinal-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 5.2.2 Mailbox full"
    found = [
        (entry.address, entry.reason, entry.is_hard) for entry in read_report(make_dsn(fields)).recipients
    ]
    assert found == [
        ("ann@example.net", Reason.USER_UNKNOWN, True),
        ("bob@example.net", Reason.MAILBOX_FULL, False),
    ]


def test_fields_in_the_text_are_read_as_well() -> None:
    report = read_report(
        make_notice(f"Your mail was not delivered.\n\nReporting-MTA: dns; mx.example.org\n\n{UNKNOWN}")
    )
    assert report.recipients[0].is_hard


def test_a_forgotten_blank_line_does_not_join_two_recipients() -> None:
    status = read_delivery_status(
        f"{UNKNOWN}\nFinal-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.2.2"
    )
    assert [entry.address for entry in status.recipients] == ["ann@example.net", "bob@example.net"]


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("rfc822;ann@example.net", "ann@example.net"),
        ("RFC822; <ann@example.net>", "ann@example.net"),
        ("ann@example.net", "ann@example.net"),
        ("utf-8; \\x{43c}@example.net", "м@example.net"),
        ("utf-8; a\\x{D800}b@example.net", "a\ufffdb@example.net"),
        ("x400; /c=us/a= /p=example/", ""),
        ("", ""),
    ],
)
def test_typed_addresses(value: str, address: str) -> None:
    assert read_address(value) == address


def test_words_overrule_the_number() -> None:
    fields = UNKNOWN.replace(
        "550 5.1.1 <ann@example.net>: Recipient address\n    rejected: User unknown",
        "550 5.1.1 Mailbox over quota",
    )
    assert read_report(make_dsn(fields)).recipients[0].reason is Reason.MAILBOX_FULL


def test_a_notice_that_says_full_takes_back_unknown() -> None:
    report = read_report(
        make_dsn(UNKNOWN, notice="Your message to ann@example.net was rejected:\nNot enough disk space")
    )
    assert (report.recipients[0].reason, report.recipients[0].is_hard) == (Reason.MAILBOX_FULL, False)


@pytest.mark.parametrize(
    ("reply", "hard"),
    [
        ("550 User unknown (in reply to end of DATA command)", False),
        ("550 User unknown (in reply to RCPT TO command)", True),
        ("550 5.1.1 User unknown (in reply to MAIL FROM command)", False),
    ],
)
def test_user_unknown_needs_evidence_about_the_recipient(reply: str, hard: bool) -> None:
    notice = f"<ann@example.net>: host mx.example.net[192.0.2.1] said: {reply}"
    fields = f"Final-Recipient: rfc822; ann@example.net\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; {reply[:16]}"
    assert read_report(make_dsn(fields, notice=notice)).recipients[0].is_hard is hard


def test_a_bomb_is_read_in_part() -> None:
    fields = "\n\n".join(
        f"Final-Recipient: rfc822; p{number}@example.net\nAction: failed\nStatus: 5.1.1"
        for number in range(100_000)
    )
    assert len(read_report(make_dsn(fields)).recipients) == 25
