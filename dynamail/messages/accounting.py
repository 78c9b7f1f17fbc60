"""The numbers that always add up, and the people behind each of them.

frozen = delivered + deferred + bounced + suppressed + canceled + expired + unknown + remaining, at every moment: a window's outcomes,
its counters and the chunk's position change in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import Count

from dynamail.lib.sql import load_sql
from dynamail.messages.models import Chunk, Message, Outbox, SourceKind

PAGE = 50


class Whereabouts(StrEnum):
    """Where a recipient of a campaign can be."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"  # a temporary failure; another attempt will be made
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"
    CANCELED = "canceled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    REMAINING = "remaining"  # not tried yet


@dataclass(frozen=True, slots=True)
class Accounting:
    """How many recipients are where."""

    frozen: int
    delivered: int
    deferred: int
    bounced: int
    suppressed: int
    canceled: int
    expired: int
    unknown: int
    remaining: int

    @property
    def accounted(self) -> int:
        return sum(getattr(self, place) for place in Whereabouts)

    @property
    def adds_up(self) -> bool:
        return self.accounted == self.frozen

    @property
    def settled(self) -> int:
        """Recipients whose outcome is final."""
        return self.frozen - self.remaining - self.deferred

    @property
    def is_over(self) -> bool:
        return self.remaining == 0 and self.deferred == 0


@dataclass(frozen=True, slots=True)
class RecipientLine:
    """One recipient in a list of the report. `after` for the next page is the last line's `key`."""

    key: UUID
    contact_id: UUID | None
    recipient: str = ""
    bounce_class: str = ""
    smtp_code: int = 0
    enhanced_code: str = ""
    reply: str = ""
    attempts: int = 0


def count_outcomes(account_id: int, source_id: UUID) -> Accounting:
    """Read from counters: a few rows, whatever the campaign's size."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("messages", "count_outcomes"), {"account_id": account_id, "source_id": source_id}
        )
        return Accounting(*cursor.fetchone())


def find_miscounts(account_id: int, source_id: UUID) -> dict[str, tuple[int, int]]:
    """Where the counters and the message log differ, as (counted, logged). Reads the whole log of the source: for drills."""
    logged = dict(
        Message.objects.for_account(account_id)
        .filter(source_id=source_id)
        .values_list("state")
        .annotate(total=Count("id"))
    )
    counted = count_outcomes(account_id, source_id)
    canceled_chunks = Chunk.objects.for_account(account_id).filter(
        source_id=source_id, state=Chunk.State.CANCELED
    )
    unsent = sum(size - done for size, done in canceled_chunks.values_list("size", "done"))
    pairs = {
        state: (
            getattr(counted, state) - (unsent if state == Whereabouts.CANCELED else 0),
            logged.get(state, 0),
        )
        for state in ("delivered", "bounced", "suppressed", "canceled", "expired", "unknown")
    }
    return {state: pair for state, pair in pairs.items() if pair[0] != pair[1]}


def list_recipients(
    account_id: int, source_id: UUID, place: Whereabouts, *, after: UUID | None = None, size: int = PAGE
) -> list[RecipientLine]:
    """Who is there and why, in a stable order; pages by key."""
    if place is Whereabouts.DEFERRED:
        return _list_deferred(account_id, source_id, after, size)
    if place is Whereabouts.REMAINING:
        states = [Chunk.State.READY, Chunk.State.LEASED, Chunk.State.PAUSED]
        return _list_waiting(account_id, source_id, states, after, size)
    lines = _list_logged(account_id, source_id, place, after, size)
    if place is Whereabouts.CANCELED and len(lines) < size:
        # Canceled retries come first, then those whom nobody had tried; the keys of the two lists do not mix.
        known = {line.key for line in lines}
        start = after if after is not None and not _is_message(account_id, source_id, after) else None
        waiting = _list_waiting(account_id, source_id, [Chunk.State.CANCELED], start, size - len(lines))
        lines += [line for line in waiting if line.key not in known]
    return lines


def _list_logged(
    account_id: int, source_id: UUID, place: Whereabouts, after: UUID | None, size: int
) -> list[RecipientLine]:
    rows = Message.objects.for_account(account_id).filter(source_id=source_id, state=place.value)
    if after is not None:
        rows = rows.filter(id__gt=after)
    return [
        RecipientLine(
            row.id,
            row.contact_id,
            row.recipient,
            row.bounce_class,
            row.smtp_code,
            row.enhanced_code,
            row.reply,
            row.attempts,
        )
        for row in rows.order_by("id")[:size]
    ]


def _list_deferred(account_id: int, source_id: UUID, after: UUID | None, size: int) -> list[RecipientLine]:
    rows = Outbox.objects.for_account(account_id).filter(source_id=source_id, source_kind=SourceKind.CAMPAIGN)
    if after is not None:
        rows = rows.filter(id__gt=after)
    return [
        RecipientLine(
            row.id,
            row.contact_id,
            row.recipient,
            smtp_code=row.last_code,
            reply=row.last_reply,
            attempts=row.attempts,
        )
        for row in rows.order_by("id")[:size]
    ]


def _list_waiting(
    account_id: int, source_id: UUID, states: list[Any], after: UUID | None, size: int
) -> list[RecipientLine]:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("messages", "list_waiting_contacts"),
            {
                "account_id": account_id,
                "source_id": source_id,
                "states": [int(state) for state in states],
                "after": after,
                "size": size,
            },
        )
        return [RecipientLine(contact_id, contact_id) for (contact_id,) in cursor.fetchall()]


def _is_message(account_id: int, source_id: UUID, key: UUID) -> bool:
    return Message.objects.for_account(account_id).filter(source_id=source_id, id=key).exists()
