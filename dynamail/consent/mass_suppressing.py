"""Suppressing many addresses at once: into a temporary table by COPY, from there into `suppression` by one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from dynamail.consent.address_hash import hash_addresses
from dynamail.consent.suppressing import MAX_DETAIL
from dynamail.lib.ids import new_id
from dynamail.lib.sql import load_sql

_COPY = "COPY pg_temp.suppression_staging (address_hash, scope, email, reason, detail, at, expires_at, event_id) FROM STDIN"


@dataclass(slots=True)  # not frozen: a million of them are made
class NewSuppression:
    """An address that is about to be suppressed. `at` is since when, perhaps long before it came here."""

    email_key: str
    reason: str
    scope: str
    at: datetime
    detail: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True)
class SuppressionSource:
    """Where suppressions come from: a kind and an id for the rows; `uid` for the log where the source has one."""

    kind: str = ""
    id: str = ""
    uid: UUID | None = None


def suppress_addresses(
    cursor: Any,
    account_id: int,
    rows: Sequence[NewSuppression],
    *,
    source: SuppressionSource,
    now: datetime,
) -> list[bool]:
    """Like `suppress_address` for thousands, in the caller's transaction. Says of each row whether it made a suppression.

    The first reason stays, also within `rows`: an address that comes twice with one scope is False the second time.
    """
    hashes = hash_addresses(account_id, [row.email_key for row in rows])
    first: dict[tuple[bytes, str], int] = {}
    for place, key in enumerate(zip(hashes, (row.scope for row in rows), strict=True)):
        first.setdefault(key, place)
    cursor.execute(load_sql("consent", "create_suppression_staging"))
    cursor.execute("TRUNCATE pg_temp.suppression_staging")
    _copy_rows(cursor, first, rows, now)
    cursor.execute(
        load_sql("consent", "put_suppressions"),
        {
            "account_id": account_id,
            "source_kind": source.kind,
            "source_id": source.id,
            "event_source": source.uid,
            "now": now,
        },
    )
    added = {first[bytes(address_hash), scope] for address_hash, scope in cursor.fetchall()}
    return [place in added for place in range(len(rows))]


def _copy_rows(
    cursor: Any, first: dict[tuple[bytes, str], int], rows: Sequence[NewSuppression], now: datetime
) -> None:
    with cursor.copy(_COPY) as copy:
        for (address_hash, scope), place in first.items():
            row = rows[place]
            detail = row.detail[:MAX_DETAIL]
            copy.write_row(
                (address_hash, scope, row.email_key, row.reason, detail, row.at, row.expires_at, new_id(now))
            )
