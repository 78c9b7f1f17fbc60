"""Suppressions with an end: they stop nothing from that moment on, and their rows go a month later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connections, transaction

from dynamail.consent.models import Suppression
from dynamail.lib.sql import load_sql

KEPT_FOR = timedelta(days=30)  # an ended suppression still answers "why did she not get it last week?"
LOOK_BACK = timedelta(days=2)  # what a worker that was away for a weekend still meets
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def release_expired(*, now: datetime, look_back: timedelta = LOOK_BACK) -> int:
    """Contacts whose suppression ran out are active again. Returns how many. Safe to repeat."""
    with transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute(load_sql("consent", "release_expired"), {"since": now - look_back, "now": now})
        return int(cursor.rowcount)


def remove_expired(*, now: datetime) -> int:
    """Delete suppressions that ended a month ago; returns how many. First their contacts are released, however late."""
    release_expired(now=now, look_back=now - _BEGINNING)
    ended = Suppression.objects.across_accounts(reason="retention of suppressions that ended")
    return ended.filter(expires_at__lte=now - KEPT_FOR).delete()[0]
