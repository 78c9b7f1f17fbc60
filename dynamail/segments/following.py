"""Following the logs while the worker runs: short turns, one behind the other, each waiting for news.

A turn is short because the worker lets running tasks end before it stops. While no segment keeps its members nothing is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from dynamail.events.tailing import has_custom_events, has_events
from dynamail.events.turns import take_turn
from dynamail.lib.clock import utc_now
from dynamail.segments.membership import (
    EVENTS_AT_ONCE,
    OWN_READER,
    READER,
    Tally,
    begin_following,
    end_following,
    is_anything_kept,
    refresh_touched,
)

TURN_SECONDS = 5.0  # also how long the worker may wait for a turn when it stops
PAUSE_SECONDS = 0.5  # between two looks at a log without news
STEP_SECONDS = 1.0  # of one transaction, more or less
FEWEST_AT_ONCE = 50
TURN_LOCK = 7_301_003  # advisory lock of the session: a turn that began while another one waits would only take a place


def follow_logs(
    *,
    for_seconds: float = TURN_SECONDS,
    clock: Callable[[], datetime] = utc_now,
    pause: Callable[[float], None] = time.sleep,
) -> Tally | None:
    """One turn. None when there is nothing to follow, or another process is at it."""
    with take_turn(TURN_LOCK) as mine:
        if not mine:
            return None
        if not is_anything_kept():
            end_following()
            return None
        begin_following(now=clock())
        return _take_turn(time.monotonic() + for_seconds, clock, pause)


def _take_turn(until: float, clock: Callable[[], datetime], pause: Callable[[float], None]) -> Tally:
    tally, limit = Tally(), EVENTS_AT_ONCE
    while True:
        if has_news():
            started = time.monotonic()
            tally += refresh_touched(now=clock(), limit=limit)
            limit = _adapt(limit, time.monotonic() - started)
        elif time.monotonic() < until:
            pause(PAUSE_SECONDS)
        if time.monotonic() >= until:
            return tally


def _adapt(limit: int, seconds: float) -> int:
    """Fewer events at once where many segments make a step long: others wait for its locks, and every log for its end."""
    return max(FEWEST_AT_ONCE, min(EVENTS_AT_ONCE, round(limit * STEP_SECONDS / max(seconds, 0.001))))


def has_news() -> bool:
    """Is there anything behind the readers that can be read now?"""
    return has_events(READER) or has_custom_events(OWN_READER)
