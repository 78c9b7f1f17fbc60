"""When to try again after a temporary refusal (RFC 5321 §4.5.4.1).

Two quick attempts catch greylisting, then the gaps grow; after four days the message has expired.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

RETRY_GAPS = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),  # and every further one
)
GIVE_UP_AFTER = timedelta(days=4)  # RFC 5321: "the give-up time generally needs to be at least 4-5 days"
JITTER = 0.1  # a share of the gap, so that what failed together does not return together


def next_attempt_at(attempts: int, now: datetime, jitter_seed: bytes) -> datetime:
    """When to try after `attempts` failed ones (1 or more). The same seed gives the same time."""
    if attempts < 1:
        raise ValueError("there is nothing to retry before the first attempt")
    gap = RETRY_GAPS[min(attempts, len(RETRY_GAPS)) - 1]
    digest = hashlib.sha256(b"%d %b" % (attempts, jitter_seed)).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    return now + gap * (1 + JITTER * share)


def is_expired(accepted_at: datetime, now: datetime) -> bool:
    """Whether to give up: the message has waited for four days."""
    return now - accepted_at >= GIVE_UP_AFTER
