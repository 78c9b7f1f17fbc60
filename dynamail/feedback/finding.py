"""Which message a report is about.

1. The address that the report was sent to: our return-path names the message and proves by its code that we made it.
2. The return-path quoted in the report, which proves as much.
3. For complaints, which often cut the envelope out: the Message-ID. Ours is as long as a key and known to its recipients alone. An
   email's is the same for all of them, and may be the sender's own: then the report must name one of its recipients as well.

What proves nothing is about no message: a forged report changes nothing (RFC 3464 §4.1 warns of them).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from django.conf import settings
from django.db import connections

from dynamail.lib.ids import id_time, lowest_id
from dynamail.lib.signing import derive_key
from dynamail.lib.sql import load_sql
from dynamail.messages.composing import RETURN_PATH_PURPOSE
from dynamail.protocols.reports.records import Report, ReportKind
from dynamail.protocols.verp import decode_return_path

ROUNDING = timedelta(milliseconds=2)  # of the time in an id
YOUNGEST = timedelta(days=14)  # an older message's report is too late to mean anything


@dataclass(frozen=True, slots=True)
class SentMessage:
    """The message of a report, as the log has it."""

    account_id: int
    id: UUID
    at: datetime
    source_kind: str
    source_id: UUID | None
    contact_id: UUID | None
    recipient: str
    domain: str
    state: str
    email_id: UUID | None = None
    stream_kind: str = ""  # of a single message


def is_return_path(address: str) -> bool:
    """Is it one that we made? Any domain: sending domains have their own."""
    return _read_return_path(address) is not None


def find_reported(report: Report, *, envelope_to: Sequence[str], now: datetime) -> SentMessage | None:
    """The message, or None when nothing proves which one it is, or it is older than `YOUNGEST`."""
    found = [find_sent_message(message_id) for message_id in _list_proven(report, envelope_to)]
    if report.kind is ReportKind.COMPLAINT:
        found.append(_find_by_message_id(report, now))
    return next((sent for sent in found if sent is not None and sent.at > now - YOUNGEST), None)


def is_reported_early(report: Report, *, envelope_to: Sequence[str]) -> bool:
    """Does it name a message whose outcome is not in the log yet? Some servers bounce faster than a window is recorded."""
    return any(map(is_being_sent, _list_named(report, envelope_to)))


def is_being_sent(message_id: UUID) -> bool:
    """Is it in a worker's hands, as far as can be told without an outcome?"""
    try:
        launched_at = id_time(message_id)
        earliest, latest = launched_at - ROUNDING, launched_at + ROUNDING
    except (ValueError, OverflowError):
        return False  # whoever made this id, it was not us
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("feedback", "is_being_sent"),
            {"message_id": message_id, "earliest": earliest, "latest": latest},
        )
        return bool(cursor.fetchone()[0])


def find_sent_message(message_id: UUID) -> SentMessage | None:
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("feedback", "find_sent_message"), {"message_id": message_id})
        row = cursor.fetchone()
    return SentMessage(*row) if row else None


def _find_by_message_id(report: Report, now: datetime) -> SentMessage | None:
    ours = next(_read_message_id(report.original_message_id), None)
    sent = find_sent_message(ours) if ours is not None else None
    if sent is not None and sent.email_id is None:
        return sent
    copies = _find_copies(ours, report.original_message_id.strip().strip("<>"), now)
    named = {told.address.lower() for told in report.recipients}
    meant = [copy for copy in copies if copy.recipient.lower() in named]
    if ours is not None and not meant and len(copies) == 1:
        return copies[0]
    return meant[0] if len(meant) == 1 else None


def _find_copies(email_id: UUID | None, header_id: str, now: datetime) -> list[SentMessage]:
    """Every recipient's message of the emails that a Message-ID names."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("feedback", "find_email_messages"),
            {
                "email_id": email_id,
                "header_id": "" if email_id else header_id.replace("\0", ""),
                "earliest": lowest_id(now - YOUNGEST),
            },
        )
        return [SentMessage(*row) for row in cursor.fetchall()]


def _list_named(report: Report, envelope_to: Sequence[str]) -> Iterator[UUID]:
    yield from _list_proven(report, envelope_to)
    if report.kind is ReportKind.COMPLAINT:
        yield from _read_message_id(report.original_message_id)


def _list_proven(report: Report, envelope_to: Sequence[str]) -> Iterator[UUID]:
    yield from _read_return_paths([*envelope_to, report.original_envelope_from])


def _read_return_paths(addresses: Iterable[str]) -> Iterator[UUID]:
    for address in addresses:
        message_id = _read_return_path(address)
        if message_id is not None:
            yield message_id


def _read_return_path(address: str) -> UUID | None:
    local = address.strip().strip("<>").rpartition("@")[0]
    return decode_return_path(local, keys=[_key()]) if local else None


def _read_message_id(text: str) -> Iterator[UUID]:
    left, _, domain = text.strip().strip("<>").partition("@")
    if domain.lower() == settings.MESSAGE_ID_DOMAIN and len(left) == 32:
        try:
            yield UUID(hex=left)
        except ValueError:
            return


@cache
def _key() -> bytes:
    return derive_key(settings.SECRET_KEY, RETURN_PATH_PURPOSE)
