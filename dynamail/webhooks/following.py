"""Telling while the worker runs: short turns, one behind the other. A turn reads the log and starts what is due.

Requests go on beyond a turn, in threads that live as long as the worker: one receiver that takes its time holds up no turn, and a turn holds up
no worker that is to stop. What is on its way when a worker is killed is claimed again when its lease ends, with the same id.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.db import close_old_connections, connections

from dynamail.events.models import EventCursor
from dynamail.lib.clock import utc_now
from dynamail.webhooks.endpoints import READER, is_followed
from dynamail.webhooks.outcomes import settle_job
from dynamail.webhooks.posting import Reply, make_rules, send_post
from dynamail.webhooks.sending import Job, claim_jobs
from dynamail.webhooks.spreading import has_news, spread_events

TURN_SECONDS = 5.0  # also how long the worker may wait for a turn when it stops
PAUSE_SECONDS = 0.25  # between two looks without news
THREADS = 48  # requests on their way at once, of all endpoints
TURN_LOCK = 7_301_007  # advisory lock of the session: one worker follows, the others have other work

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tally:
    """What a turn did."""

    events: int = 0
    posts: int = 0


class Posters:
    """Threads that post, and one that writes down how it went: the database has one connection more, not one for each request."""

    def __init__(self, threads: int = THREADS, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._threads = threads
        self._clock = clock
        self._posting = ThreadPoolExecutor(threads, thread_name_prefix="webhooks")
        self._settling = ThreadPoolExecutor(1, thread_name_prefix="webhooks-settling")
        self._changed = threading.Condition()
        self._busy = 0

    @property
    def room(self) -> int:
        return self._threads - self._busy

    def start(self, job: Job) -> None:
        with self._changed:
            self._busy += 1
        self._posting.submit(self._post, job)

    def wait_until_idle(self, seconds: float) -> bool:
        """For those who must know that all is settled. False when the time was over before."""
        with self._changed:
            return self._changed.wait_for(lambda: self._busy == 0, seconds)

    def wait_for_change(self, seconds: float) -> None:
        """Until something was settled, so that there is room for more; or that long."""
        with self._changed:
            self._changed.wait(seconds)

    def stop(self) -> None:
        """Wait for what is on its way, and let the connection go."""
        self._posting.shutdown()
        self._settling.submit(_close_connection)
        self._settling.shutdown()

    def _post(self, job: Job) -> None:
        try:
            reply = run_job(job)
        except Exception:
            log.exception("a webhook could not be posted")  # its lease ends, and it is tried again
            self._leave()
            return
        try:
            self._settling.submit(self._settle, job, reply)
        except RuntimeError:  # the process ends: no other thread is started any more
            self._settle(job, reply)
            connections["default"].close()

    def _settle(self, job: Job, reply: Reply) -> None:
        try:
            close_old_connections()
            settle_job(job, reply, now=self._clock())
        except Exception:
            log.exception("the outcome of a webhook could not be written down")
            connections["default"].close()
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()


def _close_connection() -> None:
    connections["default"].close()  # that of the thread which asks


def follow_webhooks(
    *,
    posters: Posters | None = None,
    for_seconds: float = TURN_SECONDS,
    clock: Callable[[], datetime] = utc_now,
) -> Tally | None:
    """One turn. None when there is nobody to tell, or another process is at it."""
    with _turn() as mine:
        if not mine:
            return None
        if not is_followed():
            EventCursor.objects.filter(pk=READER).delete()
            return None
        return _take_turn(posters or _posters(), time.monotonic() + for_seconds, clock)


def run_job(job: Job) -> Reply:
    """Post it, unless nothing may be."""
    if job.post is None:
        return job.refusal or Reply("protocol")
    return send_post(job.post, rules=make_rules())


def _take_turn(posters: Posters, until: float, clock: Callable[[], datetime]) -> Tally:
    events = posts = 0
    while True:
        read = spread_events(now=clock()) if has_news() else 0
        jobs = claim_jobs(now=clock(), room=posters.room)
        for job in jobs:
            posters.start(job)
        events, posts = events + read, posts + len(jobs)
        if time.monotonic() >= until:
            return Tally(events, posts)
        if not read and not jobs:
            posters.wait_for_change(PAUSE_SECONDS)


@cache
def _posters() -> Posters:
    return Posters()


@contextmanager
def _turn() -> Iterator[bool]:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [TURN_LOCK])
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine and connections["default"].connection is not None:
            with connections["default"].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [TURN_LOCK])
