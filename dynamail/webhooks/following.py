"""Telling while the worker runs: short turns, one behind the other. A turn reads the log and starts what is due.

Requests go on beyond a turn (posters.py), for as long as the worker lives: one receiver that takes its time holds up no turn, and a turn holds up
no worker that is to stop. What is on its way when a worker is killed is claimed again at the next turn of another one (leases.py), with the same id.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from dynamail.events.models import EventCursor
from dynamail.events.tailing import has_events
from dynamail.events.turns import take_turn
from dynamail.lib.clock import utc_now
from dynamail.webhooks.endpoints import READER, is_followed
from dynamail.webhooks.posters import Posters
from dynamail.webhooks.spreading import spread_events

TURN_SECONDS = 5.0  # also how long the worker may wait for a turn when it stops
PAUSE_SECONDS = 0.25  # between two looks without news
TURN_LOCK = 7_301_007  # advisory lock of the session: one worker follows, the others have other work


@dataclass(frozen=True, slots=True)
class Tally:
    """What a turn did."""

    events: int = 0
    posts: int = 0


def follow_webhooks(
    *,
    posters: Posters | None = None,
    for_seconds: float = TURN_SECONDS,
    clock: Callable[[], datetime] = utc_now,
) -> Tally | None:
    """One turn. None when there is nobody to tell, or another process is at it."""
    with take_turn(TURN_LOCK) as mine:
        if not mine:
            return None
        if not is_followed():
            EventCursor.objects.filter(pk=READER).delete()
            return None
        return _take_turn(posters or _posters(), time.monotonic() + for_seconds, clock)


def _take_turn(posters: Posters, until: float, clock: Callable[[], datetime]) -> Tally:
    events = posts = 0
    posters.begin_turn(now=clock())
    while True:
        seen = posters.settled
        read = spread_events(now=clock()) if has_events(READER) else 0
        jobs = posters.claim(now=clock())
        posters.start(jobs)
        events, posts = events + read, posts + len(jobs)
        if time.monotonic() >= until:
            return Tally(events, posts)
        if not read and not jobs:
            posters.wait_for_change(seen, PAUSE_SECONDS)


@cache
def _posters() -> Posters:
    return Posters()
