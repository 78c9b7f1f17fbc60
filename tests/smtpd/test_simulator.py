from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.messages.checking import MAX_ATTACHMENT_BYTES, MAX_CONTENT
from dynamail.protocols.reports.reading import read_report
from dynamail.protocols.reports.records import ReportKind
from dynamail.smtpd.capture import MAX_MESSAGE_BYTES
from dynamail.smtpd.simulated_reports import write_answer, write_bounce, write_complaint
from dynamail.smtpd.simulator import Play, PlayKind, Refusals, is_simulated, read_play
from dynamail.smtpd.simulator_acting import find_reply_address, find_tracked_path
from tests.support.personas import NOW

MESSAGE = (
    b"From: hello@acme.example\r\nReply-To: Help <help@in.acme.example>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Message-ID: <abc@acme.example>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b'<a href="https://t.acme.example/t/c/AAA">x</a><img src="https://t.acme.example/t/o/BBB?x=1&amp;y=2">\r\n'
)


@pytest.mark.parametrize(
    ("local", "play"),
    [
        ("delivered", Play(PlayKind.DELIVERED)),
        ("Delivered+order-7", Play(PlayKind.DELIVERED)),
        ("bounce", Play(PlayKind.BOUNCE, "5.1.1")),
        ("bounce-5.2.2+x@y", Play(PlayKind.BOUNCE, "5.2.2")),
        ("defer", Play(PlayKind.DEFER, "4.2.1")),
        ("defer-3", Play(PlayKind.DEFER, "4.2.1", 3)),
        ("defer-4.7.1-2", Play(PlayKind.DEFER, "4.7.1", 2)),
        ("late-bounce-5.7.26", Play(PlayKind.LATE_BOUNCE, "5.7.26")),
        ("complaint", Play(PlayKind.COMPLAINT)),
        ("bounce-4.1.1", None),
        ("defer-5.1.1", None),
        ("defer-0", None),
        ("bounce-2", None),
        ("delivered-5.1.1", None),
        ("somebody", None),
        ("late", None),
    ],
)
def test_the_local_part_says_what_happens(local: str, play: Play | None) -> None:
    assert read_play(f"{local}@simulator.invalid") == play


@given(st.text(max_size=60))
def test_any_address_is_an_address_of_the_simulator_or_not(text: str) -> None:
    play = read_play(f"{text}@simulator.invalid")
    assert play is None or play.times >= 1


def test_the_name_after_the_at_sign_decides() -> None:
    assert is_simulated("bounce@Simulator.INVALID")
    assert not is_simulated("bounce@simulator.invalid.example")
    assert not is_simulated("bounce@notsimulator.invalid")


def test_each_message_is_deferred_as_often_as_its_address_says() -> None:
    refusals, play = Refusals(), Play(PlayKind.DEFER, "4.2.1", 2)
    told = [refusals.refuses(play, "b+1@x", "defer-2@simulator.invalid") for _ in range(3)]
    assert told == [True, True, False]
    assert refusals.refuses(play, "b+2@x", "defer-2@simulator.invalid"), "another message begins anew"
    assert refusals.refuses(Play(PlayKind.BOUNCE, "5.1.1"), "b+1@x", "bounce@simulator.invalid")


def test_a_refusal_has_the_basic_code_of_its_enhanced_one() -> None:
    assert Play(PlayKind.BOUNCE, "5.2.2").refusal.startswith("552 5.2.2 ")
    assert Play(PlayKind.BOUNCE, "5.1.1").refusal.startswith("550 5.1.1 ")
    assert Play(PlayKind.DEFER, "4.7.1").refusal.startswith("451 4.7.1 ")


def test_the_reports_are_read_as_those_of_others() -> None:
    recipient = "late-bounce@simulator.invalid"
    bounce = read_report(
        write_bounce(
            MESSAGE, return_path="b+1@x.example", recipient=recipient, refusal="550 5.1.1 Gone", now=NOW
        )
    )
    assert bounce.kind is ReportKind.BOUNCE
    assert [(one.address, one.status, one.is_hard) for one in bounce.recipients] == [
        (recipient, "5.1.1", True)
    ]
    complaint = read_report(
        write_complaint(
            MESSAGE, return_path="b+1@x.example", recipient=recipient, to="complaints@x.example", now=NOW
        )
    )
    assert complaint.kind is ReportKind.COMPLAINT
    assert complaint.original_envelope_from == "b+1@x.example"
    answer = write_answer(MESSAGE, sender="reply@simulator.invalid", to="help@in.acme.example", now=NOW)
    assert b"In-Reply-To: <abc@acme.example>\r\n" in answer


def test_where_a_reader_would_answer_and_click() -> None:
    assert find_reply_address(MESSAGE) == "help@in.acme.example"
    assert find_reply_address(b"From: a@b.example\r\n\r\n") == "a@b.example"
    assert find_reply_address(b"Subject: x\r\n\r\n") == ""
    assert find_tracked_path(MESSAGE, "c") == "/t/c/AAA"
    assert find_tracked_path(MESSAGE, "o") == "/t/o/BBB?x=1&y=2"
    assert find_tracked_path(b"Subject: x\r\n\r\nhttps://a/t/o/x", "o") == ""


def test_the_largest_email_that_is_accepted_reaches_the_mailbox() -> None:
    files = MAX_ATTACHMENT_BYTES * 78 / 57  # 57 octets become a line of 76 characters and its end
    texts = 2 * MAX_CONTENT * 2 * 78 / 57  # HTML and text, most characters of two octets
    assert files + texts < MAX_MESSAGE_BYTES
