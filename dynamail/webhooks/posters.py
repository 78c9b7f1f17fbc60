"""Requests on their way: threads that post, and one that writes down how it went, in sets.

Each endpoint has a lane with a few requests at once, over connections that are kept. What was claimed for it waits there, for seconds at most; where
one fails, the others are given back, so that an endpoint in trouble is asked carefully.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import close_old_connections, connections

from dynamail.lib.clock import utc_now
from dynamail.lib.egress import KeptConnections
from dynamail.webhooks.leases import free_claims, hold_mark, make_mark
from dynamail.webhooks.outcomes import UNSENT, Outcome, settle_jobs
from dynamail.webhooks.posting import Reply, make_rules, send_post
from dynamail.webhooks.sending import FRESH_SECONDS, Job, claim_jobs, give_back

THREADS = 48  # requests on their way at once, of all endpoints
AT_ONCE = 8  # to one endpoint
HELD_FOR_THREAD = 4  # jobs for each thread, with those that wait in their lanes

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Lane:
    waiting: deque[tuple[Job, float]] = field(
        default_factory=deque
    )  # until when they are fresh, by the monotonic clock
    busy: int = 0


class Posters:
    """The database has one connection more, not one for each request."""

    def __init__(self, threads: int = THREADS, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._most_held = threads * HELD_FOR_THREAD
        self._clock = clock
        self._posting = ThreadPoolExecutor(threads, thread_name_prefix="webhooks")
        self._settling = ThreadPoolExecutor(1, thread_name_prefix="webhooks-settling")
        self._changed = threading.Condition()
        self._lanes: dict[int, _Lane] = {}
        self._held = 0
        self.settled = 0  # sets so far
        self._done: list[Outcome] = []
        self._unsent: list[Job] = []
        self._kept: KeptConnections | None = None
        self.mark = make_mark()
        self._marked: object = None  # the connection that holds it

    @property
    def room(self) -> int:
        return self._most_held - self._held

    def begin_turn(self, *, now: datetime) -> None:
        """Be known as alive, and take over from those that are not: what they had claimed is due now."""
        self._settling.submit(self._hold_mark).result()
        free_claims(now=now)

    def claim(self, *, now: datetime) -> list[Job]:
        """What is due, as much as there is room for."""
        return claim_jobs(now=now, room=self.room, mark=self.mark)

    def start(self, jobs: Sequence[Job]) -> None:
        fresh_until = time.monotonic() + FRESH_SECONDS
        with self._changed:
            self._kept = self._kept or KeptConnections(make_rules())
            self._held += len(jobs)
            for job in jobs:
                lane = self._lanes.setdefault(job.delivery.endpoint_id, _Lane())
                lane.waiting.append((job, fresh_until))
        for endpoint_id in {job.delivery.endpoint_id for job in jobs}:
            self._go_on(endpoint_id)

    def wait_until_idle(self, seconds: float) -> bool:
        """For those who must know that all is settled. False when the time was over before."""
        with self._changed:
            return self._changed.wait_for(lambda: self._held == 0, seconds)

    def wait_for_change(self, seen: int, seconds: float) -> None:
        """Until more was settled than had been `seen`, so that there is room; or that long."""
        with self._changed:
            self._changed.wait_for(lambda: self.settled != seen, seconds)

    def stop(self) -> None:
        """Wait for what is on its way, and let the connections go."""
        self.wait_until_idle(FRESH_SECONDS)
        self._posting.shutdown()
        self._settling.submit(_close_connection)
        self._settling.shutdown()
        if self._kept is not None:
            self._kept.close()

    def _go_on(self, endpoint_id: int) -> None:
        """As many of a lane as may be on their way."""
        with self._changed:
            lane = self._lanes.get(endpoint_id, _Lane())
            more = min(AT_ONCE - lane.busy, len(lane.waiting))
            lane.busy += more
            starting = [lane.waiting.popleft() for _ in range(more)]
        for job, fresh_until in starting:
            _submit(self._posting, self._post, job, fresh_until)

    def _post(self, job: Job, fresh_until: float) -> None:
        try:
            reply = run_job(job, kept=self._kept) if time.monotonic() <= fresh_until else None
        except Exception:
            log.exception("a webhook could not be posted")
            reply = Reply("protocol")
        self._note(job, reply)
        _submit(self._settling, self._settle)
        self._go_on(job.delivery.endpoint_id)

    def _note(self, job: Job, reply: Reply | None) -> None:
        """Without a reply, nothing was sent."""
        endpoint_id = job.delivery.endpoint_id
        with self._changed:
            lane = self._lanes[endpoint_id]
            lane.busy -= 1
            if reply is None:
                self._unsent.append(job)
            else:
                self._done.append(Outcome(job, reply))
            if reply is not None and reply.error and reply.error not in UNSENT:
                self._unsent += [one for one, _fresh_until in lane.waiting]
                lane.waiting.clear()
            if not lane.waiting and not lane.busy:
                del self._lanes[endpoint_id]

    def _settle(self) -> None:
        """All that is there; who asked later finds nothing."""
        with self._changed:
            done, self._done = self._done, []
            unsent, self._unsent = self._unsent, []
        if not done and not unsent:
            return
        try:
            self._hold_mark()
            _settle_set(done, self._clock())
            if unsent:
                give_back(unsent, now=self._clock())
        except Exception:
            log.exception("the outcome of webhooks could not be written down")  # their leases end
            connections["default"].close()
        finally:
            with self._changed:
                self._held -= len(done) + len(unsent)
                self.settled += 1
                self._changed.notify_all()

    def _hold_mark(self) -> None:
        """By the connection that settles: it is open for as long as this process has claims."""
        close_old_connections()
        connections["default"].ensure_connection()
        if self._marked is not connections["default"].connection:
            hold_mark(self.mark)
            self._marked = connections["default"].connection


def run_job(job: Job, *, kept: KeptConnections | None = None) -> Reply:
    """Post it, unless nothing may be."""
    if job.post is None:
        return job.refusal or Reply("protocol")
    return send_post(job.post, rules=make_rules(), kept=kept)


def _settle_set(done: Sequence[Outcome], now: datetime) -> None:
    """One that cannot be written down, or crosses another transaction, takes no other with it."""
    try:
        if done:
            settle_jobs(done, now=now)
    except Exception:
        if len(done) == 1:
            raise
        log.warning("a set of webhooks is settled one by one", exc_info=True)
        for one in done:
            try:
                settle_jobs([one], now=now)
            except Exception:
                log.exception("the outcome of a webhook could not be written down")


def _submit(executor: ThreadPoolExecutor, work: Callable[..., None], *arguments: Any) -> None:
    try:
        executor.submit(work, *arguments)
    except RuntimeError:  # the process ends: no other thread is started any more
        work(*arguments)


def _close_connection() -> None:
    connections["default"].close()  # that of the thread which asks
