"""A launch freezes what is said and who is to get it; from then on the deliver workers need nothing else.

1. `freeze_content` keeps the source, the sender and the settings as they are now.
2. `freeze_audience` writes the chunks: one statement, whatever the number of recipients.
3. `pause_chunks`, `resume_chunks`, `cancel_chunks` are one UPDATE each; a worker in the middle of a window sees them at its end.

All of it runs in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, LiteralString, cast
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Case, F, Q, Sum, Value, When

from dynamail.lib.sql import SqlFragment, load_sql
from dynamail.messages.models import Chunk, FrozenContent, MessageState, Outbox, SourceKind
from dynamail.messages.shards import find_shard

CHUNK_SIZE = 500
BULK = 2  # priority of a campaign's chunks
RETRY = 1  # priority of a row that waits for another attempt
URGENT = 0  # priority of single messages
HELD = 9  # priority of a row whose campaign is paused: no worker claims it


@dataclass(frozen=True, slots=True)
class FrozenSource:
    """What the author wrote. `kind` is mjml, html or text."""

    kind: str
    subject: str
    body: str
    preheader: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class FrozenSender:
    """The author in From, and where answers go."""

    email: str
    name: str = ""
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class FrozenSettings:
    """What else a recipient's copy depends on. `tracking` is none, aggregate or individual; `utm` the tags of content.links.Utm."""

    topic_id: int
    topic_name: str
    campaign_name: str
    account_name: str
    account_uid: str = ""
    account_address: str = ""
    account_website: str = ""
    language: str = "en"
    tracking: str = "none"
    utm: dict[str, str] = field(default_factory=dict)


def freeze_content(
    account_id: int,
    *,
    source_id: UUID,
    source: FrozenSource,
    sender: FrozenSender,
    settings: FrozenSettings,
    launched_at: datetime,
) -> FrozenContent:
    """Keep the content of a campaign as it is at launch; the moment of launch is part of every message's id.

    Doing it twice keeps the first.
    """
    values = {
        "subject": source.subject,
        "preheader": source.preheader,
        "body": source.body,
        "text": source.text,
    }
    row = FrozenContent(
        account_id=account_id,
        id=source_id,
        kind=source.kind,
        source=values,
        sender=asdict(sender),
        settings=asdict(settings),
        created_at=launched_at,
    )
    FrozenContent.objects.across_accounts(reason="the row names its account").bulk_create(
        [row], ignore_conflicts=True
    )
    return FrozenContent.objects.for_account(account_id).get(id=source_id)


def count_audience(
    account_id: int,
    *,
    topic_id: int,
    include_tags: Sequence[int] = (),
    exclude_tags: Sequence[int] = (),
    narrowing: SqlFragment | None = None,
    now: datetime,
) -> int:
    """How many contacts a launch at this moment would freeze; `narrowing` is asked of the alias `contact`. One statement."""
    parameters = _audience_parameters(account_id, topic_id, include_tags, exclude_tags, now)
    statement, values = put_audience(load_sql("messages", "count_audience"), narrowing)
    with connections["default"].cursor() as cursor:
        cursor.execute(statement, parameters | values)
        return int(cursor.fetchone()[0])


def put_audience(
    statement: LiteralString, narrowing: SqlFragment | None
) -> tuple[LiteralString, dict[str, Any]]:
    """The statement with the one definition of the audience and the condition in their places, and the condition's parameters."""
    whole = statement.replace("/* select_audience */", load_sql("messages", "select_audience"))
    if narrowing is None:
        return cast(LiteralString, whole), {}
    text, parameters = narrowing.named("narrow")
    return cast(LiteralString, whole.replace("/* narrowing */", f"({text}) AND")), parameters


@transaction.atomic
def freeze_audience(
    account_id: int,
    *,
    source_id: UUID,
    topic_id: int,
    include_tags: Sequence[int] = (),
    exclude_tags: Sequence[int] = (),
    narrowing: SqlFragment | None = None,
    launched_at: datetime,
    priority: int = BULK,
) -> int:
    """Write the chunks of a campaign and return the number of its recipients. Doing it again changes nothing.

    `narrowing` is a boolean expression over the alias `contact`: a compiled condition.
    """
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("messages", "take_fair_share"), {"account_id": account_id})
        base = float(cursor.fetchone()[0])
        frozen = _chunks(account_id, source_id).aggregate(total=Sum("size"))["total"]
        if frozen is not None:
            return int(frozen)
        parameters = _audience_parameters(account_id, topic_id, include_tags, exclude_tags, launched_at)
        parameters |= {
            "shard": find_shard(account_id),
            "source_id": source_id,
            "priority": priority,
            "base": base,
            "chunk_size": CHUNK_SIZE,
        }
        statement, values = put_audience(load_sql("messages", "freeze_audience"), narrowing)
        cursor.execute(statement, parameters | values)
        frozen = int(cursor.fetchone()[0])
        cursor.execute(
            "UPDATE fair_share SET last_tag = %s WHERE account_id = %s AND lane = 0",
            [base + frozen, account_id],
        )
        cursor.execute("SELECT pg_notify('dynamail_chunks', '')")
    return frozen


@transaction.atomic
def pause_chunks(account_id: int, *, source_id: UUID) -> int:
    """Stop handing out recipients; what is on the wire finishes. Returns how many recipients wait, without the retries."""
    states = [Chunk.State.READY, Chunk.State.LEASED]
    # The chunks first: whatever a worker still adds to the outbox meanwhile is seen by the second statement.
    _chunks(account_id, source_id).filter(state__in=states).update(state=Chunk.State.PAUSED)
    _outbox(account_id, source_id).update(priority=HELD)
    waiting = _chunks(account_id, source_id).filter(state=Chunk.State.PAUSED)
    return int(waiting.aggregate(total=Sum(F("size") - F("done")))["total"] or 0)


@transaction.atomic
def resume_chunks(account_id: int, *, source_id: UUID) -> int:
    """Go on exactly where it stopped. Returns how many recipients are left, without the retries."""
    paused = _chunks(account_id, source_id).filter(state=Chunk.State.PAUSED)
    # A worker may still hold a chunk whose pause it has not seen: then the chunk is leased, not ready.
    state = Case(When(worker__isnull=True, then=Value(Chunk.State.READY)), default=Value(Chunk.State.LEASED))
    paused.update(state=state)
    held = _outbox(account_id, source_id).filter(priority=HELD)
    held.update(priority=RETRY)  # after the chunks, as in pause_chunks
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_notify('dynamail_chunks', '')")
    left = _chunks(account_id, source_id).filter(state__in=[Chunk.State.READY, Chunk.State.LEASED])
    return int(left.aggregate(total=Sum(F("size") - F("done")))["total"] or 0)


@transaction.atomic
def cancel_chunks(account_id: int, *, source_id: UUID, now: datetime) -> int:
    """Send no more, for good. Waiting retries are canceled one by one, chunks as a whole. Returns how many recipients that met.

    What is on the wire at this moment still gets its own outcome, so the final number may be smaller by a window.
    """
    open_states = [Chunk.State.READY, Chunk.State.LEASED, Chunk.State.PAUSED]
    _chunks(account_id, source_id).filter(state__in=open_states).update(state=Chunk.State.CANCELED)
    canceled = _chunks(account_id, source_id).filter(state=Chunk.State.CANCELED)
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("messages", "cancel_retries"),
            {"account_id": account_id, "source_id": source_id, "now": now, "state": MessageState.CANCELED},
        )
        retries = int(cursor.fetchone()[0])
    return retries + int(canceled.aggregate(total=Sum(F("size") - F("done")))["total"] or 0)


def has_open_chunks(account_id: int, *, source_id: UUID) -> bool:
    """Is anything of this source still to be sent or waiting for another attempt?"""
    finished = Q(state__in=[Chunk.State.FINISHED, Chunk.State.CANCELED], worker__isnull=True)
    return (
        _chunks(account_id, source_id).exclude(finished).exists() or _outbox(account_id, source_id).exists()
    )


def _chunks(account_id: int, source_id: UUID) -> Any:
    return Chunk.objects.for_account(account_id).filter(source_id=source_id)


def _outbox(account_id: int, source_id: UUID) -> Any:
    return Outbox.objects.for_account(account_id).filter(source_id=source_id, source_kind=SourceKind.CAMPAIGN)


def _audience_parameters(
    account_id: int, topic_id: int, include_tags: Sequence[int], exclude_tags: Sequence[int], now: datetime
) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "topic_id": topic_id,
        "include_tags": list(include_tags),
        "exclude_tags": list(exclude_tags),
        "now": now,
    }
