"""Outcomes as rows: what commit_window.sql and settle_outbox.sql are given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from dynamail.delivery.database import Connection, fetch
from dynamail.delivery.records import (
    BOUNCED,
    CANCELED,
    DEFERRED,
    POSTPONED,
    RETURNED,
    SUPPRESSED,
    OutboxRow,
    Parcel,
    Result,
)
from dynamail.lib.ids import derived_id, lowest_id
from dynamail.lib.sql import load_sql
from dynamail.protocols.codes import BounceClass
from dynamail.protocols.retrying import is_expired, next_attempt_at

COUNTER_SHARDS = 8  # writers of one hot counter spread over this many rows
DOUBT_PAUSE = timedelta(minutes=15)  # before a single message in doubt is sent again


class WindowOutcome(msgspec.Struct):
    """One recipient of a chunk, as commit_window.sql reads it."""

    id: UUID
    contact_id: UUID | None
    recipient: str
    domain: str
    state: str
    bounce_class: str
    code: int
    enhanced: str
    reply: str
    attempts: int
    size: int
    run_at: datetime | None
    transport_id: int | None
    hard: bool


class OutboxOutcome(msgspec.Struct):
    """One claimed row, as settle_outbox.sql reads it."""

    shard: int
    id: UUID
    recipient: str
    domain: str
    state: str
    bounce_class: str
    code: int
    enhanced: str
    reply: str
    attempts: int
    size: int
    run_at: datetime | None
    in_doubt: bool
    transport_id: int | None
    hard: bool
    told: dict[str, Any] | None = None


class BounceFact(msgspec.Struct):
    """One bounce, as record_bounces.sql reads it."""

    event_id: UUID
    suppression_event_id: UUID
    message_id: UUID
    source_id: UUID | None
    contact_id: UUID | None
    email_key: str
    address_hash: str
    hard: bool
    code: int
    reply: str
    bounce_class: str = msgspec.field(name="class")
    told: dict[str, Any] | None = None
    is_played: bool = False


@dataclass(frozen=True, slots=True)
class Bounced:
    """A message that was refused. `key` is the folded address; `told` is what else the event of a single message says."""

    parcel: Parcel
    result: Result
    key: str
    source_id: UUID | None
    told: dict[str, Any] | None = None


def make_window_outcome(
    parcel: Parcel, result: Result, *, transport_id: int | None, now: datetime
) -> WindowOutcome:
    """A recipient of a chunk is settled, or goes on as an outbox row: after a temporary failure, or because the worker lets the chunk
    go before it was this recipient's turn (`returned`), or its way must wait (`postponed`); then nothing counts as an attempt."""
    state, attempts, run_at = result.state, 1, None
    if state == DEFERRED:
        run_at = next_attempt_at(1, now, parcel.message_id.bytes)
    elif state in (RETURNED, POSTPONED):
        state, attempts, run_at = DEFERRED, 0, now + timedelta(seconds=result.wait)
    return WindowOutcome(
        parcel.message_id,
        parcel.contact_id,
        parcel.email,
        find_domain(parcel.email),
        state,
        result.bounce_class,
        result.code,
        result.enhanced,
        clean(result.reply),
        attempts,
        parcel.size,
        run_at,
        transport_id,
        result.is_hard,
    )


def make_outbox_outcome(
    row: OutboxRow, parcel: Parcel, result: Result, *, transport_id: int | None, now: datetime
) -> OutboxOutcome:
    """A single message in doubt is tried once more with the same Message-ID; a campaign's is held for a decision (`unknown`)."""
    state, run_at, in_doubt, attempts = result.state, None, row.in_doubt, row.attempts + 1
    if state == "unknown" and not row.is_campaign:
        state, run_at, in_doubt = DEFERRED, now + DOUBT_PAUSE, True
    elif state == DEFERRED:
        run_at = next_attempt_at(attempts, now, row.id.bytes)
    elif state in (RETURNED, POSTPONED):
        state, run_at, attempts = RETURNED, now + timedelta(seconds=result.wait), row.attempts
    if state == DEFERRED and run_at is not None and is_expired(row.created_at, run_at):
        state = "expired"
    recipient = parcel.email or row.recipient
    return OutboxOutcome(
        row.shard,
        row.id,
        recipient,
        find_domain(recipient),
        state,
        result.bounce_class,
        result.code,
        result.enhanced,
        clean(result.reply),
        attempts if state != CANCELED else row.attempts,
        parcel.size,
        run_at,
        in_doubt,
        transport_id,
        result.is_hard,
        describe_attempt(result, attempts) if row.email_id is not None else None,
    )


def describe_attempt(result: Result, attempt: int) -> dict[str, Any]:
    """What the events of a single message say about this attempt. `tls` is the version, "" in the clear."""
    if result.state == SUPPRESSED:
        return {"reason": result.reason, "reply": clean(result.reply)}
    told: dict[str, Any] = {
        "code": result.code,
        "enhanced": result.enhanced,
        "reply": clean(result.reply),
        "attempt": attempt,
    }
    if (dialog := result.dialog) is not None:
        lines = [[clean(said), clean(answered)] for said, answered in dialog.lines]
        told |= {"host": dialog.host, "ip": dialog.ip, "tls": dialog.tls, "dialog": lines}
    return told


def encode_rows(rows: Sequence[msgspec.Struct]) -> str:
    return msgspec.json.encode(rows).decode()


async def record_bounces(
    connection: Connection,
    account_id: int,
    source_kind: str,
    bounces: Iterable[Bounced],
    *,
    now: datetime,
) -> None:
    """Events and suppressions, in the caller's transaction. Only real bounces count."""
    facts = [_make_fact(one, now) for one in bounces if one.result.state == BOUNCED]
    if facts:
        await fetch(
            connection,
            load_sql("delivery", "record_bounces"),
            {"account_id": account_id, "source_kind": source_kind, "now": now, "bounces": encode_rows(facts)},
        )


def _make_fact(bounced: Bounced, now: datetime) -> BounceFact:
    parcel, result = bounced.parcel, bounced.result
    return BounceFact(
        derived_id(now, "message.bounced", parcel.message_id),
        derived_id(now, "contact.suppressed", parcel.message_id),
        parcel.message_id,
        bounced.source_id,
        None if _is_about_us(result) else parcel.contact_id,
        bounced.key,
        parcel.address_hash.hex(),
        result.is_hard and bool(bounced.key),
        result.code,
        clean(result.reply),
        result.bounce_class,
        bounced.told,
        parcel.to_mailbox,
    )


def _is_about_us(result: Result) -> bool:
    """Our address blocked, our DNS wrong: nothing of that is held against a person."""
    return bool(result.bounce_class) and BounceClass(result.bounce_class).is_about_us


def find_counter_shard() -> int:
    return os.getpid() % COUNTER_SHARDS


def find_moment(now: datetime) -> str:
    """How every id of this moment begins: 12 hexadecimal digits."""
    return lowest_id(now).hex[:12]


def start_of_hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def find_domain(email: str) -> str:
    return email.rpartition("@")[2].lower()


def clean(text: str) -> str:
    """PostgreSQL stores no NUL; nothing else of a server's words is touched."""
    return text.replace("\0", "")
