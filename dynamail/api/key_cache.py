"""The keys in use, known for up to a second: a busy key is asked for once a second and not once a request.

So a key that was revoked, or that lost a scope or an address, is refused within that second, and so is one whose account withdrew its
acceptance of the policy in force (P1.3). Wrong secrets are not remembered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from dynamail.accounts.api_keys import (
    Network,
    ask_for_key,
    ask_to_enter,
    read_key,
    read_networks,
)
from dynamail.accounts.models import ApiKey
from dynamail.accounts.tenancy import WEB_ROLE
from dynamail.lib.asking import Ask, ask_at_once
from dynamail.privacy.acceptance import ask_acceptance, read_acceptance

KNOWN_SECONDS = 1.0
MOST_KEYS = 4096  # those used longest ago are forgotten first
BEGIN = Ask("BEGIN")
TAKE_ROLE = Ask("SELECT set_config('role', %s, true)", [WEB_ROLE])


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that worked at `at` (seconds of the cache's clock)."""

    key: ApiKey
    networks: tuple[Network, ...]
    has_accepted: bool  # the policy in force, by a member of its account
    at: float


class KeyCache:
    """`pool` gives connections of the doors; `clock` is for tests."""

    def __init__(self, pool: Any, clock: Callable[[], float] = monotonic) -> None:
        self._pool, self._clock = pool, clock
        self._known: dict[str, KnownKey] = {}
        self._asking: dict[str, asyncio.Task[KnownKey | None]] = {}

    def find(self, key_hash: str) -> KnownKey | None:
        """What is known for less than a second."""
        known = self._known.get(key_hash)
        return known if known is not None and self._clock() - known.at < KNOWN_SECONDS else None

    def has_worked(self, key_hash: str) -> bool:
        """Did this key work lately? Its holder is no guesser."""
        return key_hash in self._known

    async def load(self, key_hash: str, *, now: datetime) -> KnownKey | None:
        """Ask the database; requests that come meanwhile wait for the same answer. Raises what psycopg raises."""
        task = self._asking.get(key_hash)
        if task is None or task.get_loop() is not asyncio.get_running_loop():
            task = self._asking[key_hash] = asyncio.ensure_future(self._load(key_hash, now))
        return await asyncio.shield(task)  # one caller that hangs up takes no answer from the others

    def forget(self) -> None:
        self._known.clear()

    async def _load(self, key_hash: str, now: datetime) -> KnownKey | None:
        try:
            known = await self._ask(key_hash, now)
        finally:
            self._asking.pop(key_hash, None)
        self._known.pop(key_hash, None)
        if known is not None:
            self._known[key_hash] = known
            if len(self._known) > MOST_KEYS:
                del self._known[next(iter(self._known))]
        return known

    async def _ask(self, key_hash: str, now: datetime) -> KnownKey | None:
        asked_at = self._clock()
        async with self._pool.connection() as connection:
            begun = [BEGIN, TAKE_ROLE, *ask_for_key(key_hash, now=now)]
            key = read_key((await ask_at_once(begun, connection))[-1])
            if key is None:
                await connection.rollback()
                return None
            entered = [*ask_to_enter(key, now=now), ask_acceptance(key.account_id, now=now)]
            has_accepted = read_acceptance((await ask_at_once(entered, connection))[-1])
            await connection.commit()
        return KnownKey(key, read_networks(key), has_accepted, asked_at)
