"""Queue rows carry a shard first in their key, so that the queue can be spread over servers later without another schema."""

from __future__ import annotations

SHARDS = 256


def find_shard(account_id: int) -> int:
    """The shard of an account's chunks and outbox rows."""
    return account_id % SHARDS
