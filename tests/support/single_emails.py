"""Single emails put into a database as accepting them does, by plain SQL: for tests that care about their delivery alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import psycopg

from dynamail.lib.ids import derived_id, new_id
from dynamail.messages.one_time import Rendered, seal_content
from dynamail.messages.shards import find_shard
from dynamail.messages.stored_emails import EmailFile, EmailTexts, HeaderRecipient, as_json

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Letter:
    """What a program asks to send. `to` are pairs of address and kind."""

    to: Sequence[tuple[str, str]] = (("ann@example.com", "to"),)
    from_email: str = "shop@acme.example"
    from_name: str = "Acme"
    subject: str = "Your order"
    texts: EmailTexts = field(default_factory=lambda: EmailTexts("<p>Thanks</p>", "Thanks\n"))
    raw: bytes | None = None
    stream: str = "transactional"
    topic_id: int | None = None
    contact_id: UUID | None = None
    track: bool = False
    header_id: str = ""
    to_mailbox: bool = False
    one_time: Rendered | None = None
    priority: int = 0
    reply_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sent:
    """`ids` are those of the messages, in the order of the recipients; the first is the email's."""

    account_id: int
    ids: list[UUID]

    @property
    def id(self) -> UUID:
        return self.ids[0]


def add_stream(
    connection: Connection, account_id: int, now: datetime, *, key: str = "transactional", kind: str = ""
) -> UUID:
    """The stream of that key, made where it does not exist."""
    found = connection.execute(
        "SELECT uid FROM stream WHERE account_id = %s AND key = %s", [account_id, key]
    ).fetchone()
    if found is not None:
        return found[0]
    uid = new_id(now)
    connection.execute(
        "INSERT INTO stream (uid, created_at, account_id, key, name, kind, body_days, log_days, tracks_opens, tracks_clicks)"
        " VALUES (%s, %s, %s, %s, %s, %s, 30, 396, false, false)",
        [uid, now, account_id, key, key.title(), kind or key],
    )
    return uid


def prove_domain(connection: Connection, account_id: int, name: str, now: datetime) -> None:
    """A verified sending domain without keys, where there is none yet."""
    connection.execute(
        "INSERT INTO sending_domain (uid, created_at, account_id, name, state, return_path_label, tracking_label, check_result)"
        " VALUES (%s, %s, %s, %s, 'verified', 'bounce', 'click', '{}') ON CONFLICT DO NOTHING",
        [new_id(now), now, account_id, name],
    )


def add_blob(connection: Connection, account_id: int, data: bytes, now: datetime) -> UUID:
    blob_id = new_id(now)
    connection.execute(
        "INSERT INTO blob (account_id, id, sha256, size_bytes, data, last_used_at) VALUES (%s, %s, %s, %s, %s, %s)",
        [account_id, blob_id, sha256(data).digest(), len(data), data, now],
    )
    return blob_id


def attach(
    connection: Connection,
    account_id: int,
    data: bytes,
    now: datetime,
    *,
    filename: str = "bill.pdf",
    content_type: str = "application/pdf",
    content_id: str = "",
) -> EmailFile:
    """A file, kept as a blob."""
    blob = add_blob(connection, account_id, data, now)
    return EmailFile(blob, filename, content_type, content_id, len(data))


def post(connection: Connection, account_id: int, letter: Letter, now: datetime) -> Sent:
    """Accept it: the email, its body, a waiting row for each recipient, and the workers are told."""
    stream_uid = add_stream(connection, account_id, now, key=letter.stream)
    prove_domain(connection, account_id, letter.from_email.rpartition("@")[2], now)
    email_id = new_id(now)
    ids = [email_id, *(derived_id(now, email_id, place) for place in range(1, len(letter.to)))]
    recipients = [
        HeaderRecipient(one, email, "", kind) for one, (email, kind) in zip(ids, letter.to, strict=True)
    ]
    size = len(letter.raw or b"") + len(letter.texts.html) + len(letter.texts.text)
    size += sum(file.size for file in letter.texts.attachments)
    with connection.transaction():
        connection.execute(
            "INSERT INTO email (account_id, id, at, source_kind, stream, from_email, from_name, reply_to, subject, recipients, topic_id,"
            " track_opens, track_clicks, header_id, size_bytes) VALUES (%s, %s, %s, 'api', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                account_id,
                email_id,
                now,
                letter.stream,
                letter.from_email,
                letter.from_name,
                json.dumps(letter.reply_to),
                letter.subject,
                as_json(recipients),
                letter.topic_id,
                letter.track,
                letter.track,
                letter.header_id,
                size,
            ],
        )
        content = None if letter.raw is not None else as_json(letter.texts)
        connection.execute(
            "INSERT INTO email_body (account_id, id, kind, content, raw) VALUES (%s, %s, %s, %s, %s)",
            [account_id, email_id, "parts" if content else "raw", content, letter.raw],
        )
        for one in recipients:
            sealed = seal_content(account_id, one.id, letter.one_time) if letter.one_time else None
            connection.execute(
                "INSERT INTO outbox (shard, id, account_id, source_kind, source_id, contact_id, recipient, priority, lane, run_at, attempts,"
                " in_doubt, last_code, last_reply, created_at, email_id, stream, topic_id, to_mailbox, one_time_sealed)"
                " VALUES (%s, %s, %s, 'api', %s, %s, %s, %s, 0, %s, 0, false, 0, '', %s, %s, %s, %s, %s, %s)",
                [
                    find_shard(account_id),
                    one.id,
                    account_id,
                    stream_uid,
                    letter.contact_id,
                    one.email,
                    letter.priority,
                    now,
                    now,
                    email_id,
                    letter.stream,
                    letter.topic_id,
                    letter.to_mailbox,
                    sealed,
                ],
            )
        connection.execute("SELECT pg_notify('dynamail_outbox', '')")
    return Sent(account_id, ids)
