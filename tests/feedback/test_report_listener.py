from __future__ import annotations

import pytest
from aiosmtpd.smtp import Envelope

from dynamail.feedback.consequences import Effect
from dynamail.feedback.receiving import Taken
from dynamail.inbound.verdicts import Client
from dynamail.smtpd import reports
from dynamail.smtpd.reports import ReportsHandler


@pytest.mark.parametrize(
    ("taken", "code"),
    [(Taken("bounce", is_early=True), "451"), (Taken("bounce", effect=Effect.SUPPRESSED), "250")],
)
async def test_the_sender_keeps_a_report_that_is_too_early(
    monkeypatch: pytest.MonkeyPatch, taken: Taken, code: str
) -> None:
    monkeypatch.setattr(reports, "_take", lambda raw, to: taken)
    envelope = Envelope()
    envelope.rcpt_tos = ["abuse@localhost.localdomain"]
    answer = await ReportsHandler().take_content(b"Subject: Undelivered\r\n\r\n", envelope, Client())
    assert answer.startswith(code)
