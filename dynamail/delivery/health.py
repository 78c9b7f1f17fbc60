"""How each way out fared, counted in memory and added to `transport_hour` every few seconds, for the eye only.

A worker that stops in order writes its last counts; one that is killed takes those of a few seconds with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from dynamail.delivery.database import Database
from dynamail.lib.clock import utc_now

MAILBOX = 0  # transport of what stays here


@dataclass(slots=True)
class Tally:
    """The counts of one way out towards one destination since they were last written."""

    account_id: int
    transport_id: int | None
    site: str = ""
    delivered: int = 0
    deferred: int = 0
    bounced: int = 0
    failed: int = 0  # connections

    def take_row(self, hour: datetime) -> TallyRow | None:
        """What is to be written now, and begin anew."""
        if not (self.delivered or self.deferred or self.bounced or self.failed):
            return None
        row = TallyRow(
            self.account_id,
            MAILBOX if self.transport_id is None else self.transport_id,
            self.site,
            hour,
            self.delivered,
            self.deferred,
            self.bounced,
            self.failed,
        )
        self.delivered = self.deferred = self.bounced = self.failed = 0
        return row


class TallyRow(msgspec.Struct):
    """One row of record_health.sql."""

    account_id: int
    transport_id: int
    site: str
    hour: datetime
    delivered: int
    deferred: int
    bounced: int
    failed: int


class Health:
    """Collects tallies, also of ways that are gone, and writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._left: list[Tally] = []

    def keep(self, tally: Tally) -> None:
        """A way out is forgotten; its last counts are not."""
        self._left.append(tally)

    async def write(self, tallies: Iterable[Tally]) -> None:
        """Add the counts to the current hour. Counts that cannot be written are lost."""
        now = utc_now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        left, self._left = self._left, []
        rows: dict[tuple[int, int, str], TallyRow] = {}
        for tally in (*tallies, *left):
            if (row := tally.take_row(hour)) is not None:
                key = (row.account_id, row.transport_id, row.site)
                rows[key] = _add(rows[key], row) if key in rows else row
        if rows:
            ordered = [
                rows[key] for key in sorted(rows)
            ]  # Two workers that lock in one order never deadlock.
            await self._database.run("record_health", {"rows": msgspec.json.encode(ordered).decode()})


def _add(one: TallyRow, other: TallyRow) -> TallyRow:
    return TallyRow(
        one.account_id,
        one.transport_id,
        one.site,
        one.hour,
        one.delivered + other.delivered,
        one.deferred + other.deferred,
        one.bounced + other.bounced,
        one.failed + other.failed,
    )
