"""Tokens of one limit that this worker holds.

A lease lasts about a second; it is renewed some times in that second for as much as the worker uses, and what it does not need goes
back. So a worker that dies takes at most a slice with it, and one that cannot reach the database stops when its slice is used up or
too old. Tokens that were leased are counted in the row: no limit is exceeded whatever happens to a worker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dynamail.delivery.throttles.limits import Limit
from dynamail.senders.limit_keys import find_window_end, pace_row, window_row

SLICE_SECONDS = 0.5  # of a pace that a worker holds at most
LEASE_SECONDS = 1.0  # after which tokens that could not be renewed are not used
RENEW_SECONDS = 0.25  # between two renewals
HUNGRY_SECONDS = 2.0  # who met an empty lease is asked for until it is granted, or so long
IDLE_SECONDS = 10.0  # an unused lease keeps a few tokens for so long
FEW = 2
FIRST_ASK, MOST_ASKED = 8, 5_000  # tokens of an hour or a day, held by one worker
PARTS = 20  # a worker holds at most this part of its share of an hour or a day
EXHAUSTED_PAUSE = 5.0  # seconds between two questions whether somebody gave something back
SHORTEST_WAIT = 0.05
SLOWEST = 1e-6  # messages a second; a pace of nothing waits for days
# Tokens taken before an hour began must not be given back into it; whoever took one has ended by then, or has forgone it.
SECONDS_WITHOUT_REFUNDS = 600.0


@dataclass(frozen=True, slots=True)
class Request:
    """One row of lease_tokens.sql. `wanted` below 0 gives back."""

    account_id: int
    row: str
    capacity: float
    rate: float
    wanted: float


class Lease:
    """See the module. Loop time throughout; changed many thousand times a second, so plain attributes."""

    __slots__ = (
        "_asks_at",
        "_ends_at",
        "_factor",
        "_hungry_until",
        "_limit",
        "_need",
        "_retry_at",
        "_rolled_at",
        "_row",
        "_takes_refunds",
        "_used_at",
        "is_short",
        "left",
        "spent",
        "valid_until",
    )

    def __init__(self, limit: Limit, now: float) -> None:
        self.left = 0.0
        self.valid_until = 0.0
        self.spent = 0  # since the last renewal
        self.is_short = False  # somebody met an empty lease
        self._limit = limit
        self._row = ""
        self._factor = 1.0
        self._need = 0.0
        self._used_at = now
        self._asks_at = self._retry_at = self._ends_at = self._rolled_at = self._hungry_until = 0.0
        self._takes_refunds = True

    @property
    def limit(self) -> Limit:
        return self._limit

    def change_limit(self, limit: Limit) -> None:
        """The same limit has another amount now."""
        if limit.amount != self._limit.amount:
            self._limit = limit
            self._asks_at = self._retry_at = 0.0

    def set_factor(self, factor: float) -> None:
        self._factor = factor

    def give_back(self) -> None:
        if self._takes_refunds:
            self.left += 1
            self.spent -= 1

    def seconds_to_wait(self, now: float) -> float:
        """Until tokens may be there again."""
        if self.left >= 1 and now < self.valid_until:
            return 0.0
        return max(SHORTEST_WAIT, self._retry_at - now) if self._retry_at else RENEW_SECONDS

    def is_exhausted(self, now: float) -> bool:
        """Has this hour or day no more to give?"""
        return self.left < 1 and not self._limit.is_pace and now < self._retry_at

    # --- renewing ------------------------------------------------------------------------------------------------------

    def plan_request(self, now: float, clock: datetime, *, share: int) -> Request | None:
        """What to ask of the database now, if anything. Tokens that go back are no longer there when this returns."""
        self._roll(now, clock)
        if self.is_short or self.is_exhausted(now):
            self._hungry_until = now + HUNGRY_SECONDS
        wanted = self._count_wanted(now, share)
        self.spent, self.is_short = 0, False
        if wanted < 0:
            self.left += wanted
        elif wanted < 1 or now < self._asks_at:
            self._extend(now)
            return None
        return self._request(wanted)

    def plan_return(self, now: float, clock: datetime) -> Request | None:
        """Give everything back, for good."""
        self._roll(now, clock)
        wanted, self.left = -self.left, 0.0
        return self._request(wanted) if wanted else None

    def take_grant(self, request: Request, granted: float, taken: float, *, asked_at: float) -> None:
        """The row's answer: so many tokens are ours, and so many are taken altogether."""
        if request.row != self._row:
            return  # the hour or day ended meanwhile
        self.left += max(0.0, granted)
        self._extend(asked_at)
        self._asks_at = self._retry_at = 0.0
        if granted >= 1:
            self._hungry_until = 0.0
        if self.left >= 1 or request.wanted < 0:
            return
        if self._limit.is_pace:
            self._retry_at = asked_at + max(0.0, 1 + taken - request.capacity) / max(request.rate, SLOWEST)
        elif taken >= request.capacity - 1:
            self._asks_at, self._retry_at = asked_at + EXHAUSTED_PAUSE, self._ends_at

    def is_forgotten(self, now: float) -> bool:
        """Nothing is held and nothing was wanted for a while."""
        return self.left < 1 and now - self._used_at > IDLE_SECONDS

    def _request(self, wanted: float) -> Request:
        if not self._limit.is_pace:
            return Request(self._limit.account_id, self._row, self._limit.amount, 0.0, wanted)
        rate = self._rate
        return Request(self._limit.account_id, self._row, 1 + rate * SLICE_SECONDS, rate, wanted)

    @property
    def _rate(self) -> float:
        return self._limit.amount * self._factor / self._limit.seconds

    def _roll(self, now: float, clock: datetime) -> None:
        limit = self._limit
        if limit.is_pace:
            self._row, self._ends_at = pace_row(limit.key, limit.seconds), math.inf
            return
        row = window_row(limit.key, limit.seconds, clock)
        if row != self._row:
            if self._row:
                self._rolled_at, self._takes_refunds = now, False
            self._row, self.left = row, 0.0
            self._asks_at = self._retry_at = 0.0
        elif not self._takes_refunds:
            self._takes_refunds = now - self._rolled_at > SECONDS_WITHOUT_REFUNDS
        self._ends_at = now + (find_window_end(limit.seconds, clock) - clock).total_seconds()

    def _count_wanted(self, now: float, share: int) -> float:
        most = self._count_most(share)
        is_short = self.is_short or now < self._hungry_until
        if is_short:
            self._need = most if self._limit.is_pace else min(most, max(FIRST_ASK, 2 * self._need))
        elif self.spent > 0:
            self._need = min(most, 2 * self.spent + 1)
        else:
            self._need = min(most, FEW) if now - self._used_at < IDLE_SECONDS else 0
        if self.is_short or self.spent > 0:
            self._used_at = now
        if is_short or self.spent > 0:
            return self._need - self.left
        return min(0.0, self._need - self.left)

    def _count_most(self, share: int) -> float:
        if self._limit.is_pace:
            return max(1, math.ceil(self._rate * SLICE_SECONDS))
        return max(1, min(MOST_ASKED, int(self._limit.amount / (PARTS * share))))

    def _extend(self, now: float) -> None:
        self.valid_until = min(now + LEASE_SECONDS, self._ends_at)


def as_parameters(requests: Sequence[Request], now: datetime) -> dict[str, object]:
    """The parameters of lease_tokens.sql."""
    return {
        "account_ids": [request.account_id for request in requests],
        "keys": [request.row for request in requests],
        "capacities": [float(request.capacity) for request in requests],
        "rates": [float(request.rate) for request in requests],
        "wanted": [float(request.wanted) for request in requests],
        "now": now,
    }
