"""The statements of a block: into a temporary table by COPY, from there into `contact`. No ORM here: this is the hot path."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from dynamail.consent.address_hash import hash_addresses
from dynamail.consent.proof import Proof
from dynamail.consent.recording import import_consent
from dynamail.consent.suppressing import ALL, MARKETING
from dynamail.contacts.address_checks import ASKED
from dynamail.contacts.addressing import SAMPLES
from dynamail.contacts.importing.blocks import Reject
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.findings import UNSURE
from dynamail.contacts.importing.people import Person
from dynamail.lib.sql import load_sql

_BACKSLASH, _ESCAPED = "\\", "\\\\"
_encode = msgspec.json.Encoder().encode
_COPY = "COPY pg_temp.contact_staging (id, email, email_key, name, language, attributes, tags, lane, sample, findings, suppressed, has_left) FROM STDIN"


@dataclass(frozen=True)
class Target:
    """Where a block goes and how: what stays the same from block to block."""

    account_id: int
    import_id: str  # public
    import_uid: UUID
    label: str
    file_wins: bool
    topic_id: int | None
    proof: Proof | None
    now: datetime


def compare_people(cursor: Any, people: Sequence[Person], target: Target) -> Counts:
    """Count what `put_people` would do. Changes nothing."""
    suppressed = _stage_people(cursor, people, target)
    cursor.execute(
        load_sql("contacts", "compare_contacts"),
        {"account": target.account_id, "file_wins": target.file_wins, "topic": target.topic_id or 0},
    )
    new, updated, given, left_alone = cursor.fetchone()
    counts = Counts(new=new, updated=updated, unchanged=len(people) - new - updated, suppressed=suppressed)
    return counts + Counts(subscribed=given, left_alone=left_alone) if target.topic_id else counts


def put_people(cursor: Any, people: Sequence[Person], target: Target) -> Counts:
    """Insert or update these people and record the stated consent, in the caller's transaction."""
    suppressed = _stage_people(cursor, people, target)
    cursor.execute(
        load_sql("contacts", "upsert_contacts"),
        {
            "account": target.account_id,
            "import": target.import_id,
            "import_uid": target.import_uid,
            "label": target.label,
            "file_wins": target.file_wins,
            "now": target.now,
        },
    )
    new, updated = cursor.fetchone()
    counts = Counts(new=new, updated=updated, unchanged=len(people) - new - updated, suppressed=suppressed)
    return counts + _state_consent(cursor, target)


def put_rejects(cursor: Any, account_id: int, import_id: int, rejects: Sequence[Reject]) -> None:
    """Keep rejected rows. Not by COPY: PostgreSQL refuses it on tables with row-level security."""
    if rejects:
        cursor.execute(
            "INSERT INTO import_reject (account_id, import_id, row, code, reason, cells) SELECT %s, %s, kept.* "
            "FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::jsonb[]) AS kept ON CONFLICT DO NOTHING",
            [
                account_id,
                import_id,
                [reject.row for reject in rejects],
                [reject.code for reject in rejects],
                [reject.reason for reject in rejects],
                [json.dumps(reject.cells) for reject in rejects],
            ],
        )


def _stage_people(cursor: Any, people: Sequence[Person], target: Target) -> int:
    """Fill the temporary table; returns how many of the addresses are suppressed."""
    suppressed, has_left = _find_suppressed(cursor, people, target)
    cursor.execute(load_sql("contacts", "create_staging"))
    cursor.execute("TRUNCATE pg_temp.contact_staging")
    with cursor.copy(_COPY) as copy:
        ids = _make_ids(people, target.now)
        lines = (
            _write_line(person, text, person.key in suppressed, person.key in has_left)
            for person, text in zip(people, ids, strict=True)
        )
        copy.write("".join(lines))
    if any(person.findings & UNSURE for person in people):
        cursor.execute(
            load_sql("contacts", "keep_known_findings"),
            {"account": target.account_id, "unsure": UNSURE, "asked": ASKED},
        )
    return len(suppressed)


def _write_line(person: Person, contact_id: str, suppressed: bool, has_left: bool) -> str:
    """A line of COPY's text format. Only backslashes need escaping: none of these texts has a tab or a line break."""
    tags = ",".join(map(str, sorted(person.tags))) if person.tags else ""
    text = f"{person.email}\t{person.key}\t{person.name}\t{person.language}\t{_encode(person.attributes).decode()}"
    sample = int(contact_id, 16) % SAMPLES
    states = f"{'t' if suppressed else 'f'}\t{'t' if has_left else 'f'}"
    return f"{contact_id}\t{text.replace(_BACKSLASH, _ESCAPED)}\t{{{tags}}}\t{person.lane}\t{sample}\t{person.findings}\t{states}\n"


def _make_ids(people: Sequence[Person], now: datetime) -> list[str]:
    """UUIDv7 as hexadecimal text: time, then the row's number as its counter (RFC 9562 §6.2, method 1), then 40 random bits.

    The order of the file is the order of the ids: the indexes grow at their end, and the list shows people as the file did.
    """
    time = f"{int(now.timestamp() * 1000):012x}"
    random = os.urandom(5 * len(people)).hex()
    ids = []
    for place, person in enumerate(people):
        row = f"{person.row & 0xFFFFFFFF:08x}"
        ids.append(f"{time}7{row[:3]}8{row[3:]}{random[10 * place : 10 * place + 10]}")
    return ids


def _find_suppressed(
    cursor: Any, people: Sequence[Person], target: Target
) -> tuple[Collection[str], Collection[str]]:
    """Keys of those who must not be mailed at all, and of those who left all campaigns."""
    cursor.execute("SELECT EXISTS (SELECT FROM suppression WHERE account_id = %s)", [target.account_id])
    if not cursor.fetchone()[0]:
        return (), ()
    hashes = hash_addresses(target.account_id, [person.key for person in people])
    cursor.execute(
        "SELECT address_hash, scope FROM suppression WHERE account_id = %s AND address_hash = ANY(%s) "
        "AND scope IN ('all', 'marketing') AND (expires_at IS NULL OR expires_at > %s)",
        [target.account_id, hashes, target.now],
    )
    keys = {one: person.key for person, one in zip(people, hashes, strict=True)}
    found: dict[str, set[str]] = {ALL: set(), MARKETING: set()}
    for address_hash, scope in cursor.fetchall():
        found[scope].add(keys[bytes(address_hash)])
    return found[ALL], found[MARKETING]


def _state_consent(cursor: Any, target: Target) -> Counts:
    """Only for people who may be mailed: a statement brings back neither who complained nor who left everything."""
    if target.topic_id is None or target.proof is None:
        return Counts()
    cursor.execute(
        "SELECT contact.id, staged.has_left FROM pg_temp.contact_staging AS staged JOIN contact USING (email_key) "
        "WHERE contact.account_id = %s AND contact.state = 'active'",
        [target.account_id],
    )
    rows = cursor.fetchall()
    ids = [contact_id for contact_id, has_left in rows if not has_left]
    left = Counts(left_alone=len(rows) - len(ids))
    if not ids:
        return left
    result = import_consent(
        cursor, target.account_id, ids, target.topic_id, proof=target.proof, now=target.now
    )
    return left + Counts(subscribed=result.given, left_alone=result.left_alone)
