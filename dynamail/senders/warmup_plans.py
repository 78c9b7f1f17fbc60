"""Warming up a new IP address or domain: how many messages it may send on each day, more every day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

FIRST_DAY = 50  # messages; what a new sender may send without raising suspicion
SHORTEST, USUAL, LONGEST = 7, 30, 120  # days
ROUND_TO = ((100, 5), (1_000, 25), (10_000, 100), (100_000, 1_000))


def make_warmup_plan(target_per_day: int, *, days: int = USUAL) -> list[int]:
    """Messages allowed on day 1, 2, … The last day is the target; each grows by the same factor, rounded to figures one can read.

    Raises ValueError when the target is not positive or the days are not within the bounds.
    """
    if target_per_day < 1:
        raise ValueError("The target must be at least one message a day.")
    if not SHORTEST <= days <= LONGEST:
        raise ValueError(f"A warm-up lasts {SHORTEST} to {LONGEST} days.")
    first = min(FIRST_DAY, target_per_day)
    growth = (target_per_day / first) ** (1 / (days - 1))
    return [*(min(_round(first * growth**day), target_per_day) for day in range(days - 1)), target_per_day]


def find_warmup_day(started_on: date | None, today: date) -> int:
    """1 on the day it started; 0 when it has not started."""
    return max(0, (today - started_on).days + 1) if started_on else 0


def find_allowance(plan: Sequence[int], started_on: date | None, today: date) -> int | None:
    """Messages that today allows. None without a plan and after its last day; before its first day, as on the first."""
    if not plan or started_on is None:
        return None
    index = max(0, (today - started_on).days)
    return plan[index] if index < len(plan) else None


def _round(value: float) -> int:
    step = next((step for below, step in ROUND_TO if value < below), 10_000)
    return max(1, step * round(value / step)) if value >= step else max(1, round(value))
