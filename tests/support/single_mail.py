"""Single mail as the worker would have left it: rows of emails, their contents, messages and what waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from dynamail.lib.ids import derived_id, new_id
from dynamail.messages.models import Email, EmailBody, Message, Outbox
from dynamail.messages.shards import find_shard
from dynamail.senders.streams import find_stream

WAITING = "waiting"


@dataclass(frozen=True)
class Copy:
    """One recipient. `state` is that of a message that ended, or WAITING; then `run_at` and `attempts` say for what."""

    email: str
    state: str = "delivered"
    kind: str = "to"
    name: str = ""
    run_at: datetime | None = None
    attempts: int = 0
    outcome: dict[str, Any] = field(default_factory=dict)


def add_email(
    account_id: int,
    *copies: Copy,
    at: datetime,
    body: dict[str, Any] | None = None,
    raw: bytes | None = None,
    stream: str = "transactional",
    **values: Any,
) -> Email:
    """One email to these recipients; without `body` and `raw` its content is gone already."""
    email_id = new_id(at)
    ids = [email_id, *(derived_id(at, email_id, place) for place in range(1, len(copies)))]
    email = Email.objects.add(
        account_id,
        id=email_id,
        at=at,
        stream=stream,
        recipients=[
            {"id": str(one_id), "email": one.email, "name": one.name, "kind": one.kind}
            for one_id, one in zip(ids, copies, strict=True)
        ],
        **{"source_kind": "api", "from_email": "hello@acme.example", "subject": "Your receipt"} | values,
    )
    if body is not None or raw is not None:
        kind = "parts" if raw is None else "raw"
        EmailBody.objects.add(account_id, id=email_id, kind=kind, content=body, raw=raw)
    _add_copies(account_id, email, ids, copies)
    return email


def _add_copies(account_id: int, email: Email, ids: Sequence[UUID], copies: Sequence[Copy]) -> None:
    found = find_stream(account_id, email.stream)
    common = {
        "source_kind": email.source_kind,
        "source_id": found.uid if found else None,
        "email_id": email.id,
        "stream": email.stream,
    }
    for one_id, one in zip(ids, copies, strict=True):
        values = {"id": one_id, "recipient": one.email, **common}
        if one.state == WAITING:
            Outbox.objects.add(
                account_id,
                **values,
                shard=find_shard(account_id),
                run_at=one.run_at or email.at,
                created_at=email.at,
                attempts=one.attempts,
                **one.outcome,
            )
        else:
            Message.objects.add(account_id, **values, at=email.at, state=one.state, **one.outcome)
