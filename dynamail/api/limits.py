"""How fast a key may ask: a token bucket for each key in this process, and one for wrong keys from one address.

A bucket holds twice what comes in a second, so that a burst passes. Several processes each count for themselves. A batch is let in like
one request and then pays for what is in it (`charge`): the next requests wait, nothing stops half way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from time import monotonic

from dynamail.api.errors import Problem
from dynamail.lib.public_addresses import name_network

BURST_SECONDS = 2.0  # of the sustained rate
BATCH_SHARE = 10  # things of a batch that cost as much as one request
WRONG_PER_SECOND, WRONG_BURST = 0.5, 30.0  # wrong keys from one address
MOST_BUCKETS = 10_000  # those used longest ago are forgotten first: they are full again


class Bucket(StrEnum):
    """What is counted apart. Emails and events come faster than other requests."""

    REQUESTS = "requests"
    EMAILS = "emails"
    EVENTS = "events"


@dataclass(slots=True)
class Tokens:
    left: float
    at: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands after a request. `wait`: seconds until the next one is let in; 0 when this one was."""

    limit: int
    remaining: int
    reset: int  # seconds until the whole burst is there again
    wait: int

    def write_headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers-06 §5 has them."""
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(self.reset),
        }


class TokenBuckets:
    """Buckets by their owner's name, filled at `rate` tokens a second up to `burst`."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = monotonic) -> None:
        self.rate, self.burst, self._clock = rate, burst, clock
        self._tokens: dict[object, Tokens] = {}

    def take(self, owner: object) -> Standing:
        """One token, where there is one."""
        tokens = self._fill(owner)
        wait = 0
        if tokens.left >= 1:
            tokens.left -= 1
        else:
            wait = max(1, ceil((1 - tokens.left) / self.rate))
        return self._stand(tokens, wait)

    def charge(self, owner: object, cost: float) -> Standing:
        """Take what a batch costs beyond its first token, though the bucket then owes."""
        tokens = self._fill(owner)
        tokens.left -= cost
        return self._stand(tokens, 0)

    def is_empty(self, owner: object) -> bool:
        return self._fill(owner).left < 1

    def _fill(self, owner: object) -> Tokens:
        now = self._clock()
        tokens = self._tokens.pop(owner, None)
        if tokens is None:
            tokens = Tokens(self.burst, now)
            if len(self._tokens) >= MOST_BUCKETS:
                del self._tokens[next(iter(self._tokens))]
        else:
            tokens.left = min(self.burst, tokens.left + (now - tokens.at) * self.rate)
            tokens.at = now
        self._tokens[owner] = tokens  # last in the order of use
        return tokens

    def _stand(self, tokens: Tokens, wait: int) -> Standing:
        reset = ceil((self.burst - tokens.left) / self.rate)
        return Standing(int(self.burst), max(0, int(tokens.left)), reset, wait)


class Limits:
    """The buckets of one process. `rate` is of ordinary requests, `intake_rate` of emails and of events, each a second and key."""

    def __init__(self, rate: float, intake_rate: float, clock: Callable[[], float] = monotonic) -> None:
        rates = {Bucket.REQUESTS: rate, Bucket.EMAILS: intake_rate, Bucket.EVENTS: intake_rate}
        self._buckets = {
            bucket: TokenBuckets(one, one * BURST_SECONDS, clock) for bucket, one in rates.items()
        }
        self._wrong = TokenBuckets(WRONG_PER_SECOND, WRONG_BURST, clock)

    def take(self, bucket: Bucket, key_id: int) -> Standing:
        return self._buckets[bucket].take(key_id)

    def charge(self, bucket: Bucket, key_id: int, number: int) -> Standing:
        """For a batch of `number` things."""
        return self._buckets[bucket].charge(key_id, max(0.0, number / BATCH_SHARE - 1))

    def note_wrong_key(self, address: str) -> None:
        self._wrong.take(name_network(address))

    def has_guessed_enough(self, address: str) -> bool:
        return self._wrong.is_empty(name_network(address))


def refuse_pace(standing: Standing) -> Problem:
    detail = f"This key asks more often than {standing.limit} times at once and {int(standing.limit / BURST_SECONDS)} times a second."
    return Problem(429, "too_many_requests", detail, headers={"retry-after": str(standing.wait)})


def refuse_guessing() -> Problem:
    detail = "Too many wrong API keys came from this address. Wait, then use a key that works."
    return Problem(
        429, "too_many_wrong_keys", detail, headers={"retry-after": str(ceil(1 / WRONG_PER_SECOND))}
    )
