"""Resend's emails as ours."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import msgspec

from dynamail.api.compat.doors import unfit
from dynamail.api.compat.reading import (
    count_recipients,
    decode_file,
    keep_texts,
    missing,
    read_recipients,
    read_time,
    split_addresses,
    template_name,
)
from dynamail.messages.new_email import NewAttachment, NewEmail, NewRecipient, RecipientKind

MAX_BATCH = 100
MAX_RECIPIENTS = 50
_FROM_NOW = re.compile(r"in (\d{1,5}|an?) (min|minute|hour|day)s?", re.IGNORECASE)
_UNITS = {"min": "minutes", "minute": "minutes", "hour": "hours", "day": "days"}


class SaidTag(msgspec.Struct, frozen=True):
    name: str
    value: str


class SaidBytes(msgspec.Struct, frozen=True):
    """What JSON.stringify makes of Node's Buffer."""

    data: list[int]


class SaidFile(msgspec.Struct, frozen=True):
    filename: str | None = None
    content: str | list[int] | SaidBytes | None = None
    path: str | None = None
    content_type: str | None = None
    content_id: str | None = None
    inline_content_id: str | None = None


class SaidTemplate(msgspec.Struct, frozen=True):
    id: str
    variables: dict[str, Any] | None = None


class Said(msgspec.Struct, frozen=True):
    """`POST /emails`. Fields that Resend does not know are let pass, as it does."""

    sender: str | None = msgspec.field(name="from", default=None)
    to: str | list[str] | None = None
    cc: str | list[str] | None = None
    bcc: str | list[str] | None = None
    reply_to: str | list[str] | None = None
    subject: str | None = None
    html: str | None = None
    text: str | None = None
    headers: dict[str, str] | None = None
    attachments: list[SaidFile] | None = None
    tags: list[SaidTag] | None = None
    scheduled_at: str | None = None
    template: SaidTemplate | None = None
    topic_id: str | None = None


def to_email(said: Said, now: datetime) -> NewEmail:
    """Raises Problem."""
    if not (said.sender and said.sender.strip()) and said.template is None:
        raise missing("from", "Missing `from` field.")
    if not said.to:
        raise missing("to", "Missing `to` field.")
    tags = said.tags or []
    return NewEmail(
        sender=said.sender or "",
        recipients=_read_recipients(said),
        subject=said.subject or "",
        html=said.html or "",
        text=said.text or "",
        text_from_html=said.text is None and bool(said.html),
        reply_to=tuple(one for text in _list(said.reply_to) for one in split_addresses(text)),
        template=template_name(said.template.id) if said.template else "",
        data=(said.template.variables or {}) if said.template else {},
        headers=tuple((said.headers or {}).items()),
        attachments=tuple(_read_file(one, place) for place, one in enumerate(said.attachments or ())),
        tags=tuple(f"{tag.name}:{tag.value}" for tag in tags),
        metadata=keep_texts({tag.name: tag.value for tag in tags}),
        topic=said.topic_id or "",
        send_at=read_schedule(said.scheduled_at, now) if said.scheduled_at else None,
    )


def read_schedule(text: str, now: datetime) -> datetime:
    """ISO 8601, or `in 5 minutes`; other words for times are refused. Raises Problem."""
    from_now = _FROM_NOW.fullmatch(" ".join(text.split()))
    if from_now is None:
        return read_time(text, "scheduled_at")
    count = 1 if from_now[1].lower().startswith("a") else int(from_now[1])
    return now + timedelta(**{_UNITS[from_now[2].lower()]: count})


def _read_recipients(said: Said) -> tuple[NewRecipient, ...]:
    to = read_recipients(said.to, RecipientKind.TO, "to")
    cc = read_recipients(said.cc, RecipientKind.CC, "cc")
    bcc = read_recipients(said.bcc, RecipientKind.BCC, "bcc")
    return count_recipients([*to, *cc, *bcc], most=MAX_RECIPIENTS)


def _read_file(said: SaidFile, place: int) -> NewAttachment:
    field = f"attachments[{place}]"
    if said.path is not None:
        text = (
            f"{field}: files are not fetched from an address here. Send the file's content instead of a path."
        )
        raise unfit("invalid_attachment", f"{field}.path", text)
    if said.content is None:
        raise unfit("invalid_attachment", f"{field}.content", f"{field} has no content.")
    return NewAttachment(
        said.filename or "",
        _read_content(said.content, f"{field}.content"),
        content_type=said.content_type or "",
        content_id=said.content_id or said.inline_content_id or "",
    )


def _read_content(said: str | list[int] | SaidBytes, field: str) -> bytes:
    if isinstance(said, str):
        return decode_file(said, field)
    octets = said.data if isinstance(said, SaidBytes) else said
    try:
        return bytes(octets)
    except ValueError:
        raise unfit("invalid_attachment", field, f"{field} holds numbers that are no bytes.") from None


def _list(said: str | list[str] | None) -> list[str]:
    return [said] if isinstance(said, str) else said or []
