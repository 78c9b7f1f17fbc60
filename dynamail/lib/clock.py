"""The one place that reads the wall clock. Verbs take `now` as an argument; doors and tasks call `utc_now()` once."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The current moment as an aware UTC datetime with microseconds."""
    return datetime.now(UTC)
