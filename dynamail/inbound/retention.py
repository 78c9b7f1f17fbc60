"""How long incoming mail is kept: what it says for thirty days, that it came for thirteen months; and persons who are erased."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections

from dynamail.inbound.models import ReceivedMessage
from dynamail.lib.ids import lowest_id
from dynamail.lib.personal_data import RETENTION_DAYS, Retention
from dynamail.lib.sql import load_sql


def forget_old_messages(*, now: datetime) -> tuple[int, int]:
    """Clear contents and delete rows that have passed their time; how many of each. Safe to repeat."""
    rows = ReceivedMessage.objects.across_accounts(reason="retention of every account")
    old = rows.filter(id__lt=_before(now, Retention.MESSAGE_BODY), raw__isnull=False)
    cleared = old.update(raw=None, subject="")
    deleted, _ = rows.filter(id__lt=_before(now, Retention.MESSAGE_LOG)).delete()
    return cleared, deleted


def erase_received() -> int:
    """Delete what people wrote who are erased since; returns how many messages. Who was merged into another contact is not gone."""
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("inbound", "delete_of_erased"))
        return int(cursor.rowcount)


def _before(now: datetime, retention: Retention) -> UUID:
    return lowest_id(now - timedelta(days=RETENTION_DAYS[retention] or 0))
