"""The octets of files, kept once per account however often they come: what media and attachments are made of.

A blob that nothing names is deleted some days after `last_used_at` (`messages/retention.py`); what is kept here was used now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from dynamail.content.models import Blob
from dynamail.lib.asking import Ask, Inquiry
from dynamail.lib.ids import new_id
from dynamail.lib.sql import load_sql

USED_GRAIN = timedelta(days=1)  # a picture that goes out a thousand times an hour is written once a day


def keep_blobs(account_id: int, contents: Sequence[bytes], *, now: datetime) -> Inquiry[list[UUID]]:
    """The id of each content, in order. Octets travel only where the account does not have them yet."""
    digests = [hashlib.sha256(content).digest() for content in contents]
    octets = dict(zip(digests, contents, strict=True))
    if not octets:
        return []
    (found,) = yield [Ask(load_sql("content", "find_blobs"), [account_id, sorted(octets)])]
    ids = {bytes(digest): blob_id for blob_id, digest, _used in found.rows}
    stale = sorted(blob_id for blob_id, _digest, used in found.rows if used < now - USED_GRAIN)
    if stale:
        (touched,) = yield [Ask(load_sql("content", "touch_blobs"), [now, account_id, stale])]
        alive = {blob_id for (blob_id,) in touched.rows}
        ids = {digest: blob_id for digest, blob_id in ids.items() if blob_id in alive or blob_id not in stale}
    missing = sorted(
        octets.keys() - ids.keys()
    )  # in one order: two requests with the same files do not lock each other out
    if missing:
        kept = yield [_ask_to_keep(account_id, digest, octets[digest], now) for digest in missing]
        ids |= {bytes(digest): blob_id for told in kept for blob_id, digest in told.rows}
    return [ids[digest] for digest in digests]


def read_blob(account_id: int, blob_id: UUID) -> bytes | None:
    """None when it is gone."""
    data = Blob.objects.for_account(account_id).filter(id=blob_id).values_list("data", flat=True).first()
    return None if data is None else bytes(data)


def _ask_to_keep(account_id: int, digest: bytes, data: bytes, now: datetime) -> Ask:
    return Ask(load_sql("content", "keep_blob"), [account_id, new_id(now), digest, len(data), data, now])
