from __future__ import annotations

from procrastinate.contrib.django import app

from dynamail.consent.expiring import release_expired, remove_expired
from dynamail.lib.clock import utc_now


@app.task(name="consent.release_expired", queueing_lock="consent.release_expired")
def release_expired_suppressions(timestamp: int | None = None) -> None:
    """Contacts whose suppression ran out may be mailed again."""
    release_expired(now=utc_now())


@app.task(name="consent.remove_expired", queueing_lock="consent.remove_expired")
def remove_expired_suppressions(timestamp: int | None = None) -> None:
    """Retention: suppressions that ended a month ago."""
    remove_expired(now=utc_now())
