"""When a delivery that failed is tried again: the schedule that Standard Webhooks 1.0 recommends, with some chance in it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Seconds before each attempt, counted from the one before: over three days in all.
DELAYS = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
MOST_ATTEMPTS = len(DELAYS)
JITTER = 0.2  # of a delay, at most, is added
LONGEST_PATIENCE = timedelta(days=1)  # that a receiver may ask for
FAILING_FOR = timedelta(days=5)  # without one success, then an endpoint is switched off

Chance = Callable[[], float]  # from 0 to 1


def find_next_attempt(
    attempts: int, *, now: datetime, wait: timedelta | None = None, chance: Chance = random.random
) -> datetime | None:
    """When to try again after so many attempts; None when there is no other. `wait` is what the receiver asked for, if longer."""
    if attempts >= MOST_ATTEMPTS:
        return None
    delay = timedelta(seconds=DELAYS[attempts] * (1 + JITTER * chance()))
    return now + max(delay, wait or timedelta(0))


def read_retry_after(text: str, *, now: datetime) -> timedelta | None:
    """Seconds or a date (RFC 9110 §10.2.3); None for neither. Never more than a day."""
    text = text.strip()
    if text.isascii() and text.isdecimal():
        seconds = int(text) if len(text) < 9 else 10**8
        return min(timedelta(seconds=seconds), LONGEST_PATIENCE)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError, TypeError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), LONGEST_PATIENCE)
