"""The engagement score: how recently and how often somebody opens and clicks, as one number from 0 to 100.

Recency gives up to 60 points, by the days since the last open or click: 60 within 7 days, 45 within 30, 30 within 90, 15 within 180.
Frequency gives up to 40: opens, and clicks twice, per message sent. Whole numbers only, so that the database finds the same.
"""

from __future__ import annotations

from datetime import datetime

DAY_SECONDS = 86_400
RECENCY_STEPS = ((7, 60), (30, 45), (90, 30), (180, 15))  # up to so many whole days: points
FREQUENCY_POINTS = 40
CLICK_WEIGHT = 2  # a click is worth so many opens


def find_score(
    *,
    last_opened_at: datetime | None,
    last_clicked_at: datetime | None,
    sent: int,
    opened: int,
    clicked: int,
    now: datetime,
) -> int:
    """0…100."""
    acts = [at for at in (last_opened_at, last_clicked_at) if at is not None]
    recency = find_recency(max(acts), now) if acts else 0
    return recency + find_frequency(sent, opened, clicked)


def find_recency(last_at: datetime, now: datetime) -> int:
    """0…60, by whole days of 24 hours since then."""
    days = int((now - last_at).total_seconds() // DAY_SECONDS)
    return next((points for limit, points in RECENCY_STEPS if days <= limit), 0)


def find_frequency(sent: int, opened: int, clicked: int) -> int:
    """0…40."""
    if sent <= 0:
        return 0
    return min(FREQUENCY_POINTS, FREQUENCY_POINTS * (opened + CLICK_WEIGHT * clicked) // sent)
