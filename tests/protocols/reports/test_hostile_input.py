"""Whatever comes is read, in bounds. Sizes here are large enough to take minutes where a step were not linear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.bounces import DEFAULT_FOLDER
from benchmarks.fuzz_reports import DAMAGES
from dynamail.protocols.reports.parts import MAX_PARTS, read_parts
from dynamail.protocols.reports.reading import read_report
from dynamail.protocols.reports.records import Report, ReportKind
from tests.protocols.reports.samples import make_dsn, make_notice

CORPUS = [path.read_bytes() for path in sorted(DEFAULT_FOLDER.glob("*.eml"))]
HEAD = b"From: mailer-daemon@example.org\nSubject: failure notice\n"
BOUNDARY = b"Content-Type: multipart/mixed; boundary=b"


def make_nested(depth: int) -> bytes:
    return b"".join(b"%b%d\n\n--b%d\n" % (BOUNDARY, level, level) for level in range(depth))


HOSTILE = {
    "nothing": b"",
    "a line feed": b"\n",
    "nested parts": make_nested(10_000),
    "one boundary for all": BOUNDARY + b"\n\n" + (b"--b\n" + BOUNDARY + b"\n\n") * 50_000,
    "a hundred thousand parts": BOUNDARY + b"\n\n" + b"--b\n\nx\n" * 100_000,
    "lines like a boundary": BOUNDARY + b"\n\n" + b"--bb\n" * 1_000_000,
    "nested messages": b"Content-Type: message/rfc822\n\n" * 10_000,
    "fields": HEAD + b"X: y\n" * 1_000_000,
    "a long field": HEAD + b"X: " + b"y" * 10_000_000,
    "encoded words": HEAD + b" =?utf-8?b?////?=\n" * 300_000,
    "addresses": HEAD + b"\n" + b"ann@example.net 550 x\n" * 300_000,
    "half addresses": HEAD + b"\n" + b"a@" * 3_000_000,
    "spaces": HEAD + b"\n" + b" " * 10_000_000,
    "dashes": HEAD + b"\n" + b"---- \n" * 1_000_000,
    "quotes": HEAD + b"\n" + b">" * 3_000_000,
    "transcripts": HEAD + b"\n<ann@example.net>\n" + b">>> \n<<< 550\n" * 300_000,
    "words": HEAD + b"\n<ann@example.net> 550 " + b"mailbox user message header sender connection " * 100_000,
    "tags": HEAD + b"Content-Type: text/html\n\n" + b"<style <" * 1_000_000,
    "parameters": b"Content-Type: multipart/mixed" + b'; a="' * 10_000 + b"\n\nx",
    "JSON": b'From: a@example.net\n\n{"notificationType":"Bounce","bounce":' + b"[" * 200_000,
    "base64": HEAD + b"Content-Transfer-Encoding: base64\n\n" + b"QUFB" * 2_000_000,
    "bad base64": HEAD + b"Content-Transfer-Encoding: base64\n\nQ",
    "zero bytes": b"\0" * 1_000_000,
    "a codec that is no charset": HEAD + b"Content-Type: text/plain; charset=zlib\n\nx",
    "a slow codec": HEAD + b"Content-Type: text/plain; charset=idna\n\n" + b"a" * 1_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_is_read_in_bounds(name: str) -> None:
    report = read_report(HOSTILE[name])
    assert len(report.recipients) <= 25
    assert not any(recipient.is_hard for recipient in report.recipients)


def test_parts_are_bounded() -> None:
    assert len(read_parts(HOSTILE["a hundred thousand parts"])[1]) <= MAX_PARTS


def test_a_reply_of_ten_megabytes_is_kept_in_part() -> None:
    report = read_report(
        make_notice("<ann@example.net>: 550 5.2.2 mailbox full " + "<b>\x1b[31m" * 1_000_000)
    )
    (ann,) = report.recipients
    assert (ann.reason, len(ann.diagnostic) <= 1_000, "\x1b" in ann.diagnostic) == (
        "mailboxfull",
        True,
        False,
    )


def test_an_original_that_looks_like_a_report_does_not_add_recipients() -> None:
    forged = "Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.1.1\n"
    fields = "Final-Recipient: rfc822; ann@example.net\nAction: failed\nStatus: 5.1.1"
    report = read_report(make_dsn(fields, original=f"To: ann@example.net\nSubject: x\n\n{forged}"))
    assert [recipient.address for recipient in report.recipients] == ["ann@example.net"]


@given(st.binary(max_size=2_000))
def test_random_bytes_make_a_report(data: bytes) -> None:
    assert isinstance(read_report(data), Report)


@given(st.text(max_size=2_000))
def test_random_words_from_a_mail_system_make_a_report(text: str) -> None:
    report = read_report(make_notice(text))
    assert report.kind in (ReportKind.BOUNCE, ReportKind.DELAY, ReportKind.OTHER)


@given(st.sampled_from(CORPUS), st.randoms(use_true_random=False), st.integers(1, 5))
def test_damaged_messages_make_a_report(data: bytes, chance: object, times: int) -> None:
    for _ in range(times):
        data = chance.choice(DAMAGES)(chance, data, CORPUS)[:500_000]  # type: ignore[attr-defined]
    report = read_report(data)
    for recipient in report.recipients:
        recipient.address.encode()
        recipient.diagnostic.encode()
        assert len(recipient.address) <= 256
