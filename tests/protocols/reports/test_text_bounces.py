"""One notice in the layout of each family of mail systems that writes words instead of fields."""

from __future__ import annotations

import pytest

from dynamail.protocols.reasons import Reason
from dynamail.protocols.reports.reading import read_report
from dynamail.protocols.reports.records import ReportKind
from tests.protocols.reports.samples import make_notice

FAMILIES = {
    "exim": (
        "A message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. "
        "The following address(es) failed:\n\n  ann@example.net\n    SMTP error from remote mail server after RCPT TO:<ann@example.net>:\n"
        "    host mx.example.net [192.0.2.1]: 550 5.1.1 unknown recipient\n\n------ This is a copy of the message ------\n\nTo: x@example.org",
        "userunknown",
        True,
    ),
    "exim, unreachable": (
        "The following address(es) failed:\n\n  ann@example.net\n    all hosts for 'example.net' have been failing for a long time\n",
        "expired",
        False,
    ),
    "qmail": (
        "Hi. This is the qmail-send program at example.org.\nI'm afraid I wasn't able to deliver your message to the following "
        "addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<ann@example.net>:\n192.0.2.1 does not like "
        "recipient.\nRemote host said: 550 no such user here\nGiving up on 192.0.2.1.\n\n--- Below this line is a copy of the message.\n",
        "userunknown",
        True,
    ),
    "qmail, after the body": (
        "<ann@example.net>:\n192.0.2.1 failed after I sent the message.\nRemote host said: 550 user unknown\n",
        "filtered",
        False,
    ),
    "qmail, local": ("<ann@example.net>:\nThe user's mailfolder is full.\n", "mailboxfull", False),
    "courier": (
        "UNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be delivered:\n\n<ann@example.net>:\n    mx.example.net "
        "[192.0.2.1]:\n>>> RCPT TO:<ann@example.net>\n<<< 550 5.1.1 <ann@example.net>... User Unknown\n",
        "userunknown",
        True,
    ),
    "sendmail": (
        "   ----- The following addresses had permanent fatal errors -----\n<ann@example.net>\n    (reason: 554 5.7.1 Relaying denied)\n\n"
        "   ----- Transcript of session follows -----\n... while talking to mx.example.net.:\n>>> RCPT To:<ann@example.net>\n"
        "<<< 554 5.7.1 Relaying denied\n",
        "norelaying",
        False,
    ),
    "sendmail 5": (
        "   ----- Transcript of session follows -----\nWhile talking to mx.example.net:\n>>> RCPT To:<ann@example.net>\n<<< 550 no such "
        "user\n550 <ann@example.net>... User unknown\n   ----- Unsent message follows -----\nTo: ann@example.net\n",
        "userunknown",
        True,
    ),
    "postfix": (
        "This is the mail system at host mx.example.org.\n\n<ann@example.net>: host mx.example.net[192.0.2.1] said: 552 5.3.4 Message size\n"
        "    exceeds fixed limit (in reply to MAIL FROM command)\n",
        "mesgtoobig",
        False,
    ),
    "opensmtpd": (
        "    Hi!\n\n    An error has occurred while attempting to deliver a message for\n    the following list of recipients:\n\n"
        "ann@example.net: Domain does not exist\n\n    Below is a copy of the original message:\n\nTo: ann@example.net\n",
        "hostunknown",
        True,
    ),
    "exchange 2003": (
        "Your message\n\n  To:      news@example.com\n  Subject: Hello\n\ndid not reach the following recipient(s):\n\nann@example.net on Thu, 1 "
        "Jan 2026 10:00:00 +0000\n    The recipient name is not recognized\n\tThe MTS-ID of the original message is: c=US\n"
        "    MSEXCH:IMS:Example:Site:SERVER 0 (000C05A6) Unknown Recipient\n",
        "userunknown",
        True,
    ),
    "exchange": (
        "Delivery has failed to these recipients or groups:\n\nann@example.net<mailto:ann@example.net>\nThe mailbox is full.\n\nDiagnostic "
        "information for administrators:\n\nann@example.net\n#550 5.2.2 STOREDRV.Deliver: mailbox full ##\n",
        "mailboxfull",
        False,
    ),
    "domino": (
        "Your message\n\n  Subject: Hello\n\nwas not delivered to:\n\n  ann@example.net\n\nbecause:\n\n  User ann (ann@example.net) not listed in "
        "Domino Directory\n",
        "userunknown",
        True,
    ),
    "gmail": (
        "Delivery to the following recipient failed permanently:\n\n     ann@example.net\n\nTechnical details of permanent failure:\nThe error "
        "that the other server returned was: 550 5.2.1 The email account that you tried to reach is disabled. (state 14).\n",
        "suspend",
        False,
    ),
    "yahoo": (
        "Sorry, we were unable to deliver your message to the following address.\n\n<ann@example.net>:\nRemote host said: 554 5.7.9 Message not "
        "accepted for policy reasons. [BODY]\n\n--- Below this line is a copy of the message.\n",
        "policyviolation",
        False,
    ),
    "1&1": (
        'The following address failed:\n\n"ann@example.net":\nSMTP error from remote server after RCPT command:\nhost: mx.example.net\n'
        "5.1.1 <ann@example.net>... User Unknown\n\n--- The header of the original message is following. ---\n",
        "userunknown",
        True,
    ),
    "imail": ("Unknown user: ann@example.net\n\nOriginal message follows.\n", "userunknown", True),
    "mail marshal": (
        "Your message:\n   From:    news@example.com\n   Subject: Hello\n\nCould not be delivered because of\n\n550 5.1.1 User unknown\n\nThe "
        "following recipients were affected:\n   ann@example.net\n\nAdditional Information\n",
        "userunknown",
        True,
    ),
    "james": (
        "This message could not be delivered.\n\nError message below:\n550 - Requested action not taken: no such user here\n\n"
        "Message details:\n  MAIL FROM: news@example.com\n  RCPT TO: ann@example.net\n",
        "filtered",
        False,
    ),
    "interscan": (
        "Sent <<< RCPT TO:<ann@example.net>\nReceived >>> 550 5.1.1 unknown user.\n\nUnable to deliver message to <ann@example.net>.\n",
        "userunknown",
        True,
    ),
    "dragonfly": (
        "There was an error delivering your mail to <ann@example.net>.\n\nmx.example.net [192.0.2.1] did not like our DATA:\n554 5.7.1 rejected "
        "as spam\n\nOriginal message follows.\n\nTo: ann@example.net\n",
        "spamdetected",
        False,
    ),
    "zoho": ("ann@example.net Error, ERROR_CODE :421, ERROR_CODE :, Host not reachable.\n", "expired", False),
    "kddi": (
        "Your mail sent on: Thu, 1 Jan 2026\n   Could not be delivered to: <ann@example.net>\n   As their mailbox is full.\n",
        "mailboxfull",
        False,
    ),
    "mail.ru": (
        "К сожалению, Ваше письмо не может быть доставлено одному или нескольким получателям:\n\n  ann@example.net\n    Пользователь не найден\n",
        "userunknown",
        True,
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_of_notices_is_understood(family: str) -> None:
    text, reason, hard = FAMILIES[family]
    report = read_report(make_notice(text))
    assert report.kind is ReportKind.BOUNCE
    assert [(entry.address, entry.reason, entry.is_hard) for entry in report.recipients] == [
        ("ann@example.net", reason, hard)
    ]


def test_failed_recipients_in_the_header_are_enough() -> None:
    report = read_report(
        make_notice("It did not work.", extra="X-Failed-Recipients: ann@example.net, bob@example.net\n")
    )
    assert [entry.address for entry in report.recipients] == ["ann@example.net", "bob@example.net"]


def test_several_recipients_keep_their_own_words() -> None:
    text = "ann@example.net: 550 5.2.2 Mailbox full\nbob@example.net: 550 5.1.1 User unknown\n"
    found = {entry.address: entry.reason for entry in read_report(make_notice(text)).recipients}
    assert found == {"ann@example.net": Reason.MAILBOX_FULL, "bob@example.net": Reason.USER_UNKNOWN}


def test_the_sender_and_offices_are_no_recipients() -> None:
    text = "We could not deliver your mail from <b+abc@bounce.example.com>. Ask postmaster@example.org.\n\nTo: ann@example.net failed"
    assert [entry.address for entry in read_report(make_notice(text)).recipients] == ["ann@example.net"]


def test_a_warning_is_a_delay() -> None:
    text = (
        "Your message has not yet been delivered to:\n\n  ann@example.net\n\nWe will keep trying for 5 days."
    )
    report = read_report(make_notice(text, subject="Warning: message delayed 24 hours"))
    assert (report.kind, report.recipients[0].reason) == (ReportKind.DELAY, Reason.EXPIRED)


def test_html_alone_is_read_as_text() -> None:
    html = "<html><style>p {color: red}</style><p>Delivery failed:</p><p>ann@example.net</p><p>550 5.1.1 user&nbsp;unknown</p></html>"
    report = read_report(make_notice(html, extra="Content-Type: text/html; charset=utf-8\n"))
    assert (report.recipients[0].address, report.recipients[0].is_hard) == ("ann@example.net", True)


def test_a_forwarded_notice_is_read() -> None:
    inner = make_notice("<ann@example.net>: 550 5.1.1 user unknown (in reply to RCPT TO command)").decode()
    raw = 'From: postmaster@example.org\nSubject: Undeliverable\nContent-Type: multipart/mixed; boundary="o"\n\n--o\n'
    raw += f"Content-Type: message/rfc822\n\n{inner}\n--o--\n"
    assert read_report(raw.encode()).recipients[0].address == "ann@example.net"


def test_a_letter_is_nothing() -> None:
    raw = b"From: Ann <ann@example.net>\nTo: news@example.com\nSubject: Re: Hello\n\nThank you! My old address does not exist any more.\n"
    assert read_report(raw).kind is ReportKind.OTHER
    assert read_report(raw).recipients == ()
