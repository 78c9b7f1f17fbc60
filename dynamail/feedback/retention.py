"""How long reports are kept: the raw text for 14 days, what it said for 13 months."""

from __future__ import annotations

from datetime import datetime, timedelta

from dynamail.feedback.models import FeedbackCount, FeedbackReport
from dynamail.lib.personal_data import RETENTION_DAYS, Retention


def forget_old_reports(*, now: datetime) -> tuple[int, int]:
    """Clear raw texts and delete rows that have passed their time; how many of each. Safe to repeat."""
    rows = FeedbackReport.objects.across_accounts(reason="retention of every account")
    cleared = rows.filter(at__lt=_before(now, Retention.REPORT), raw__isnull=False).update(raw=None)
    deleted, _ = rows.filter(at__lt=_before(now, Retention.MESSAGE_LOG)).delete()
    FeedbackCount.objects.filter(day__lt=_before(now, Retention.MESSAGE_LOG).date()).delete()
    return cleared, deleted


def _before(now: datetime, retention: Retention) -> datetime:
    return now - timedelta(days=RETENTION_DAYS[retention] or 0)
