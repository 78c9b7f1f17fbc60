from __future__ import annotations

import pytest

from dynamail.protocols.reports.reading import read_report
from dynamail.protocols.reports.records import ReportKind
from tests.protocols.reports.field_notices import REPORTS
from tests.protocols.reports.layouts import LAYOUTS, REPLIES, Reply, render
from tests.protocols.reports.notices import NOTICES
from tests.protocols.reports.samples import make_notice

ANN, BOB = "ann@example.net", "bob@example.net"


def check(name: str, pairs: list[tuple[str, Reply]]) -> None:
    report = read_report(render(LAYOUTS[name], pairs))
    assert report.kind is ReportKind.BOUNCE
    found = {
        entry.address: (entry.reason, entry.is_hard, entry.code, entry.status) for entry in report.recipients
    }
    assert found == {
        address: (reply.reason, reply.is_hard, int(reply.code), reply.status) for address, reply in pairs
    }
    if LAYOUTS[name].has_id:
        assert (report.original_message_id, report.original_envelope_from) == (
            "<one@example.com>",
            "b+abc@bounce.example.com",
        )


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_leads_to_its_recipient_and_reply(name: str) -> None:
    for reply in REPLIES:
        check(name, [(ANN, reply)])


@pytest.mark.parametrize("name", [name for name, layout in LAYOUTS.items() if not layout.is_single])
def test_a_layout_keeps_the_replies_of_two_recipients_apart(name: str) -> None:
    for first, second in zip(REPLIES, REPLIES[3:] + REPLIES[:3], strict=True):
        check(name, [(ANN, first), (BOB, second)])


@pytest.mark.parametrize("name", NOTICES)
def test_a_whole_notice_is_understood(name: str) -> None:
    subject, sender, text, expected = NOTICES[name]
    report = read_report(
        make_notice(text, subject=subject, sender=sender, extra="Content-Type: text/plain; charset=utf-8\n")
    )
    assert [(entry.address, entry.reason, entry.is_hard) for entry in report.recipients] == expected


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_with_fields_is_understood(name: str) -> None:
    raw, kind, expected = REPORTS[name]
    report = read_report(raw)
    assert report.kind is kind
    assert [(entry.address, entry.reason, entry.is_hard) for entry in report.recipients] == expected
    assert report.original_message_id == "<one@example.com>"
