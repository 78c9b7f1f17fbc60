"""What the rows of `throttle_bucket` are called: the worker counts in them, the pages read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

HOUR, DAY = 3600, 86_400  # seconds


def transport_key(transport_id: int) -> str:
    return f"transport/{transport_id}"


def site_key(transport_id: int, site: str) -> str:
    return f"site/{transport_id}/{site}"


def account_key() -> str:
    return "account"


def pace_row(key: str, per_seconds: int) -> str:
    """The row of a pace: so many per second or minute, evenly."""
    return f"{key}/{'second' if per_seconds == 1 else 'minute'}"


def window_row(key: str, window_seconds: int, now: datetime) -> str:
    """The row that counts one hour or one day, both of UTC."""
    start = find_window_start(window_seconds, now)
    if window_seconds == DAY:
        return f"{key}/day/{start:%Y-%m-%d}"
    return f"{key}/hour/{start:%Y-%m-%dT%H}"


def find_window_start(window_seconds: int, now: datetime) -> datetime:
    """The full hour or midnight, UTC, at or before `now`."""
    start = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return start.replace(hour=0) if window_seconds == DAY else start


def find_window_end(window_seconds: int, now: datetime) -> datetime:
    return find_window_start(window_seconds, now) + timedelta(seconds=window_seconds)
