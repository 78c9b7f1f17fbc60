"""What single messages say, read for a claimed batch at once, in bounded memory.

1. One statement reads the emails of the batch and their texts; a second one the files, when there are any.
2. What would take more memory than is left is not read: its message goes back and comes again soon.
3. Content that cannot be used (gone, or sealed for another message) ends its message with a sentence; the others go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec

from dynamail.delivery.database import Database, int_array, uuid_array
from dynamail.delivery.outcomes import judge_content_failure
from dynamail.delivery.records import RETURNED, OutboxRow, Result
from dynamail.lib.sealing import CannotOpen
from dynamail.messages.composing_emails import EmailCopy
from dynamail.messages.one_time import open_content
from dynamail.messages.stored_emails import (
    StoredEmail,
    complete_texts,
    read_recipients,
    read_reply_to,
    read_texts,
)

MOST_OCTETS = 64 * 2**20  # of contents read and not yet sent, for each lane

Key = tuple[int, UUID]  # account, email

MISSING = judge_content_failure("its content is not kept any more.")
BUSY = Result(RETURNED, reply="Other large messages are being sent.", wait=1.0)


@dataclass(frozen=True, slots=True)
class LoadedEmail:
    """An email, or why its messages cannot be sent."""

    email: StoredEmail | None
    problem: Result | None = None


async def load_emails(
    database: Database, rows: Sequence[OutboxRow], *, most: int = MOST_OCTETS
) -> dict[Key, LoadedEmail]:
    """The emails of these rows. Those that are not in the answer do not exist any more."""
    keys = list(dict.fromkeys((row.account_id, row.email_id) for row in rows if row.email_id is not None))
    if not keys:
        return {}
    found = await database.run("load_emails", {**_as_arrays(keys), "most": most})
    loaded = {(row[0], row[1]): _read_email(row) for row in found}
    if any(one.email.texts.text_from_html for one in loaded.values() if one.email and one.email.texts):
        loaded = await asyncio.to_thread(_complete, loaded)  # a large one would hold up all others
    await _load_files(database, [one.email for one in loaded.values() if one.email is not None])
    return loaded


def _complete(loaded: dict[Key, LoadedEmail]) -> dict[Key, LoadedEmail]:
    """With the text parts that their senders left to us."""
    return {key: replace(one, email=_complete_one(one.email)) for key, one in loaded.items()}


def _complete_one(email: StoredEmail | None) -> StoredEmail | None:
    return replace(email, texts=complete_texts(email.texts)) if email and email.texts else email


async def _load_files(database: Database, emails: Iterable[StoredEmail]) -> None:
    wanted: dict[tuple[int, UUID], list[StoredEmail]] = {}
    for email in emails:
        for file in email.texts.attachments if email.texts else ():
            wanted.setdefault((email.account_id, file.blob), []).append(email)
    if not wanted:
        return
    for account_id, blob_id, data in await database.run("load_blobs", _as_arrays(wanted)):
        for email in wanted[account_id, blob_id]:
            email.files[blob_id] = data


def _as_arrays(keys: Iterable[tuple[int, UUID]]) -> dict[str, str]:
    accounts, ids = zip(*keys, strict=True)
    return {"account_ids": int_array(accounts), "ids": uuid_array(ids)}


def _read_email(row: tuple[Any, ...]) -> LoadedEmail:
    (
        account_id,
        email_id,
        account_uid,
        stream,
        stream_uid,
        stream_kind,
        from_email,
        from_name,
        reply_to,
        subject,
        recipients,
        topic_id,
        topic_name,
        track_opens,
        track_clicks,
        header_id,
        fits,
        content,
        raw,
    ) = row
    if not fits:
        return LoadedEmail(None, BUSY)
    if content is None and raw is None:
        return LoadedEmail(None, MISSING)
    try:
        email = StoredEmail(
            account_id=account_id,
            id=email_id,
            account_uid=account_uid,
            stream=stream,
            stream_uid=stream_uid or email_id,
            stream_kind=stream_kind or "transactional",
            from_email=from_email,
            from_name=from_name,
            reply_to=read_reply_to(reply_to),
            subject=subject,
            recipients=read_recipients(recipients),
            texts=read_texts(content) if content is not None else None,
            raw=raw,
            topic_id=topic_id,
            topic_name=topic_name or "",
            track_opens=track_opens,
            track_clicks=track_clicks,
            header_id=header_id,
        )
    except msgspec.MsgspecError as error:
        return LoadedEmail(None, judge_content_failure(f"its content cannot be read: {error}"))
    return LoadedEmail(email)


def make_copy(row: OutboxRow) -> EmailCopy:
    """Whose copy a row is, with its one-time content opened. Raises CannotOpen."""
    one_time = None
    if row.one_time_sealed is not None:
        one_time = open_content(row.account_id, row.id, row.one_time_sealed)
    return EmailCopy(row.id, row.recipient, row.contact_id, one_time)


def judge_seal(error: CannotOpen) -> Result:
    """The content with the one-time values was changed, moved, or sealed under another secret."""
    return judge_content_failure(f"its one-time values cannot be opened here. Send it again. ({error})")


def count_octets(email: StoredEmail) -> int:
    """What it holds in memory, or nearly."""
    files = sum(map(len, email.files.values()))
    texts = len(email.texts.html) + len(email.texts.text) if email.texts else 0
    return files + texts + len(email.raw or b"")
