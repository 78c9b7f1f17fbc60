"""What the connections of a way out ask and tell: the next message, its final dot, its outcome.

1. The urgent queue goes first; nothing leaves that the gate has stopped, has not answered freshly, or for which there is no token.
2. Before the final dot is written the journal notes it; with a stale or closed gate nothing of the body is written.
3. Every pulled parcel gets one result. What only the connection is to blame for goes back to the queue, up to a bound: a server that
   hangs up at one recipient must not hold up those behind.
4. Each answer teaches: the breaker whether the way works, the throttle how fast it may be used, the tally what a page shows.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import cast

from dynamail.content.problems import ContentError
from dynamail.delivery.gate import FRESH, PULL_WITHIN, RENEW_AFTER
from dynamail.delivery.health import Tally
from dynamail.delivery.journal import Journal
from dynamail.delivery.outcomes import is_about_us, judge_content_failure, judge_outcome, pauses_destination
from dynamail.delivery.pacing import Breaker
from dynamail.delivery.queues import ParcelQueue
from dynamail.delivery.records import BOUNCED, DEFERRED, DELIVERED, UNKNOWN, Parcel, Result
from dynamail.delivery.throttling import Throttle
from dynamail.delivery.transports import Route
from dynamail.lib.clock import utc_now
from dynamail.protocols.address import AddressError
from dynamail.protocols.mime import HeaderError
from dynamail.protocols.smtp.envelopes import Envelope, Outcome, Stage

log = logging.getLogger(__name__)

TRIES = 3  # connections that one attempt may use up
TOO_LARGE = 552
SHORT_SECONDS = 10.0  # for how long a way counts as held back after its throttle said no


class GateClosed(Exception):
    """Raised just before a body is written: the person left meanwhile, or the gate's answer is too old to be trusted."""


class Feed:
    """See the module; `connections.WayOut` is one with connections. Its callbacks run inside the event loop and never wait."""

    def __init__(self, route: Route, throttle: Throttle, *, journal: Journal, site: str) -> None:
        self._loop = asyncio.get_running_loop()
        self.route, self.throttle, self.site = route, throttle, site
        self.breaker = Breaker()
        self.tally = Tally(route.account_id, route.transport_id, site)
        self.sent = 0
        self._journal = journal
        self._queue = ParcelQueue()
        self._undotted: set[Parcel] = set()  # pulled, and not yet ended by a dot
        self._pulled = 0  # since somebody looked
        self._short_at = float("-inf")  # when the throttle said no
        self._is_closing_gate = False

    def _look_at_trouble(self) -> None:
        """Called after every failure."""
        raise NotImplementedError

    def _note_return(self) -> None:
        """Called when a parcel is back in the queue."""
        raise NotImplementedError

    def list_aged(self, now: float) -> list[Parcel]:
        """What waits on slow connections and must be asked about again."""
        return [parcel for parcel in self._undotted if now - parcel.gated_at > RENEW_AFTER]

    def next_envelope(self) -> Envelope | None:
        """The next message, composed; None when there is nothing to send at this moment. While something urgent waits, nothing else is
        sent: the connection must come to rest for the gate to be asked about it again."""
        envelope = self._pull(self._queue.urgent)
        return envelope if envelope is not None or self._queue.urgent else self._pull(self._queue.bulk)

    def next_urgent(self) -> Envelope | None:
        return self._pull(self._queue.urgent)

    def _pull(self, queue: deque[Parcel]) -> Envelope | None:
        while queue:
            now = self._loop.time()
            if now < self.breaker.closed_until or self.route.problem:
                return None
            parcel = queue[0]
            if parcel.stopped is not None:
                queue.popleft()
                parcel.owner.take_result(parcel, parcel.stopped)
                continue
            if now - parcel.gated_at > PULL_WITHIN:
                return None
            if not self.throttle.take(now):
                self._short_at = now
                return None
            queue.popleft()
            envelope = self._compose(parcel)
            if envelope is None:
                self.throttle.give_back()
            else:
                self._pulled += 1
                self._undotted.add(parcel)
                parcel.transport_id = self.route.transport_id
                parcel.is_probe = self.breaker.is_trying
                parcel.is_urgent = queue is self._queue.urgent
                return envelope
        return None

    def is_short(self, now: float) -> bool:
        """Has the throttle held something back lately?"""
        return now - self._short_at < SHORT_SECONDS

    def _compose(self, parcel: Parcel) -> Envelope | None:
        try:
            envelope = parcel.compose(parcel, utc_now())
        except (ContentError, AddressError, HeaderError) as error:
            parcel.owner.take_result(parcel, judge_content_failure(str(error)))
        except Exception:
            # A defect of ours must not bounce a whole campaign: the message waits for another attempt.
            log.exception("Message %s could not be composed", parcel.message_id)
            parcel.owner.take_result(
                parcel, Result(DEFERRED, reply="An internal error while writing the message.")
            )
        else:
            parcel.size = len(envelope.body)
            return envelope
        return None

    def note_dot(self, envelope: Envelope) -> None:
        parcel = cast(Parcel, envelope.token)
        if parcel.stopped is not None or self._loop.time() - parcel.gated_at > FRESH:
            self._is_closing_gate = True
            raise GateClosed
        self._undotted.discard(parcel)
        self._journal.note_dot(parcel.message_id)

    def take_outcome(self, envelope: Envelope, outcome: Outcome) -> None:
        parcel = cast(Parcel, envelope.token)
        self._undotted.discard(parcel)
        result = judge_outcome(outcome)
        if result.state == DEFERRED and parcel.stopped is not None:
            result = parcel.stopped
            self.throttle.give_back()
        elif result.state == DEFERRED and outcome.retry_elsewhere:
            self._take_back(parcel, result)
            return
        else:
            self._note_answer(result, outcome)
            self._journal.note_reply(parcel.message_id, result)
        parcel.owner.take_result(parcel, result)

    def _take_back(self, parcel: Parcel, result: Result) -> None:
        """The connection failed, not the message: another one tries, as long as there is hope in it."""
        self.throttle.give_back()
        if not self._is_closing_gate:
            now = self._loop.time()
            self.tally.failed += 1
            self.breaker.note_lost_connection(result.reply, now)
            self.throttle.note_result(result, now)
            parcel.tries += 1
        if parcel.tries >= TRIES or (parcel.is_probe and not self._is_closing_gate):
            parcel.owner.take_result(parcel, result)  # Perhaps it is about this one: another tries next.
            self._look_at_trouble()
        else:
            (self._queue.urgent if parcel.is_urgent else self._queue.bulk).appendleft(parcel)
            self._note_return()

    def _note_answer(self, result: Result, outcome: Outcome) -> None:
        """Learn from it whether the way out works. A refusal of our own says something only about the message's size."""
        now = self._loop.time()
        self.throttle.note_result(result, now)
        if pauses_destination(result):
            self.throttle.note_blocked(result.reply, now)
        if result.state == DELIVERED:
            self.sent += 1
            self.tally.delivered += 1
            self.breaker.note_success()
            return
        self._count(result)
        if result.state == UNKNOWN:
            self.breaker.note_lost_connection(result.reply, now)
        elif outcome.stage is Stage.LOCAL:
            if result.code == TOO_LARGE:
                self.breaker.note_refusal(result.reply, now)
        elif is_about_us(result):
            self.breaker.note_refusal(result.reply, now)
        else:
            self.breaker.note_answer()
        self._look_at_trouble()

    def _count(self, result: Result) -> None:
        if result.state == BOUNCED:
            self.tally.bounced += 1
        elif result.state == DEFERRED:
            self.tally.deferred += 1

    def _is_stale(self, parcel: Parcel) -> bool:
        return parcel.stopped is None and self._loop.time() - parcel.gated_at > RENEW_AFTER
