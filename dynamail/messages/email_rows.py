"""The rows of accepted emails, written by one statement a table for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from dynamail.consent.gate import Reason
from dynamail.lib.asking import Ask
from dynamail.lib.mailbox_providers import find_lane
from dynamail.lib.sql import load_sql
from dynamail.messages.checking import Draft, Target
from dynamail.messages.email_outcomes import Unsent, ask_to_record_unsent
from dynamail.messages.freezing import BULK, URGENT
from dynamail.messages.models import MessageState, SourceKind
from dynamail.messages.one_time import Rendered, seal_content
from dynamail.messages.shards import find_shard

PARTS, RAW = "parts", "raw"  # kinds of bodies


@dataclass(frozen=True, slots=True)
class RecipientRow:
    """One recipient's copy: an outbox row, or at once an outcome where it is refused."""

    message_id: UUID
    target: Target
    contact_id: UUID | None
    refusal: Reason | None
    to_mailbox: bool


@dataclass(frozen=True, slots=True)
class KeptFile:
    blob: UUID
    filename: str
    content_type: str
    content_id: str
    size: int


@dataclass(frozen=True, slots=True)
class EmailDraftRow:
    """An email that is accepted, as it is about to be written."""

    id: UUID
    draft: Draft
    stream: str
    stream_uid: UUID
    is_marketing: bool
    kept: Rendered
    secret: Rendered | None
    template_uid: UUID | None
    topic_id: int | None
    track_opens: bool
    track_clicks: bool
    run_at: datetime
    files: tuple[KeptFile, ...]
    recipients: tuple[RecipientRow, ...]

    @property
    def size_bytes(self) -> int:
        """The octets of contents and files: the workers bound their memory by it."""
        raw = self.draft.email.raw
        if raw is not None:
            return len(raw)
        texts = len(self.kept.html.encode()) + len(self.kept.text.encode())
        return texts + sum(file.size for file in self.files)


def ask_to_write(
    account_id: int,
    rows: Sequence[EmailDraftRow],
    *,
    source_kind: SourceKind,
    key_id: int | None,
    is_test: bool,
    now: datetime,
) -> list[Ask]:
    """Emails, bodies, outbox rows (the workers hear of them at COMMIT), and the outcomes of refused recipients."""
    emails = {
        "account_id": account_id,
        "at": now,
        "source_kind": source_kind.value,
        "key_id": key_id,
        "is_test": is_test,
        "rows": msgspec.json.encode([_write_email(row) for row in rows]).decode(),
    }
    asks = [
        Ask(load_sql("messages", "insert_emails"), emails),
        Ask(load_sql("messages", "insert_email_bodies"), _body_parameters(account_id, rows)),
        Ask(load_sql("messages", "insert_outbox"), _outbox_parameters(account_id, rows, source_kind)),
    ]
    refused = [_unsent(row, one) for row in rows for one in row.recipients if one.refusal is not None]
    if refused:
        asks += ask_to_record_unsent(
            account_id, refused, MessageState.SUPPRESSED, source_kind=source_kind, now=now
        )
    return asks


def _write_email(row: EmailDraftRow) -> dict[str, Any]:
    draft, email = row.draft, row.draft.email
    return {
        "id": str(row.id),
        "stream": row.stream,
        "from_email": draft.sender.address.text,
        "from_name": draft.sender.name,
        "reply_to": draft.reply_to,
        "subject": row.kept.subject,
        "recipients": [_write_recipient(one) for one in row.recipients],
        "tags": list(dict.fromkeys(email.tags)),
        "metadata": dict(email.metadata),
        "template_uid": str(row.template_uid) if row.template_uid else None,
        "topic_id": row.topic_id,
        "track_opens": row.track_opens,
        "track_clicks": row.track_clicks,
        "send_at": email.send_at.isoformat() if email.send_at else None,
        "header_id": draft.header_id,
        "size_bytes": row.size_bytes,
        "one_time": row.secret is not None,
    }


def _write_recipient(one: RecipientRow) -> dict[str, str]:
    target = one.target
    return {
        "id": str(one.message_id),
        "email": target.address.text,
        "name": target.name,
        "kind": target.kind.value,
    }


def _body_parameters(account_id: int, rows: Sequence[EmailDraftRow]) -> dict[str, Any]:
    whole = {row.id: row.draft.email.raw for row in rows if row.draft.email.raw is not None}
    bodies = [
        {"id": str(row.id), "kind": RAW if row.id in whole else PARTS, "content": _write_content(row)}
        for row in rows
    ]
    return {
        "account_id": account_id,
        "rows": msgspec.json.encode(bodies).decode(),
        "raw_ids": list(whole),
        "raws": list(whole.values()),
    }


def _write_content(row: EmailDraftRow) -> dict[str, Any]:
    separate = row.draft.email.separate
    if row.draft.email.raw is not None:
        return {"separate": separate}
    return {
        "html": row.kept.html,
        "text": row.kept.text,
        "text_from_html": row.draft.email.text_from_html and not row.kept.text,
        "headers": row.draft.headers,
        "attachments": [{**asdict(file), "blob": str(file.blob)} for file in row.files],
        "separate": separate,
    }


def _outbox_parameters(
    account_id: int, rows: Sequence[EmailDraftRow], source_kind: SourceKind
) -> dict[str, Any]:
    waiting = [(row, one) for row in rows for one in row.recipients if one.refusal is None]
    return {
        "account_id": account_id,
        "shard": find_shard(account_id),
        "source_kind": source_kind.value,
        "ids": [one.message_id for _row, one in waiting],
        "source_ids": [row.stream_uid for row, _one in waiting],
        "contact_ids": [one.contact_id for _row, one in waiting],
        "recipients": [one.target.address.text for _row, one in waiting],
        "priorities": [BULK if row.is_marketing else URGENT for row, _one in waiting],
        "lanes": [find_lane(one.target.address.domain) for _row, one in waiting],
        "run_ats": [row.run_at for row, _one in waiting],
        "email_ids": [row.id for row, _one in waiting],
        "streams": [row.stream for row, _one in waiting],
        "topic_ids": [row.topic_id for row, _one in waiting],
        "to_mailbox": [one.to_mailbox for _row, one in waiting],
        "sealed": [
            seal_content(account_id, one.message_id, row.secret) if row.secret else None
            for row, one in waiting
        ],
    }


def _unsent(row: EmailDraftRow, one: RecipientRow) -> Unsent:
    address = one.target.address.text
    return Unsent(
        one.message_id, row.id, row.stream, row.stream_uid, one.contact_id, address, str(one.refusal)
    )
