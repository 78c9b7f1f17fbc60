from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from aiosmtpd.smtp import Envelope, Session

from dynamail.feedback.consequences import Effect
from dynamail.feedback.receiving import Taken
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
    envelope.content = b"Subject: Undelivered\r\n\r\n"
    envelope.rcpt_tos = ["abuse@localhost.localdomain"]
    session = Session(asyncio.get_running_loop())
    answer = await ReportsHandler().handle_DATA(cast(Any, None), session, envelope)
    assert answer.startswith(code)
