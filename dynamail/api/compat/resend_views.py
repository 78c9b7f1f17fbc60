"""Emails as Resend tells them."""

from __future__ import annotations

import msgspec
from django.conf import settings

from dynamail.api.compat.log_words import last_word
from dynamail.lib.ids import to_public_id
from dynamail.messages.email_log import EmailLine, EmailView, MailState, RecipientView
from dynamail.messages.showing import NOTHING, show_content
from dynamail.protocols.mime import format_message_id

_WORDS = {
    MailState.ACCEPTED.value: "sent",
    MailState.DEFERRED.value: "delivery_delayed",
    MailState.EXPIRED.value: "failed",
    MailState.UNKNOWN.value: "sent",
}


class TagBody(msgspec.Struct, frozen=True):
    name: str
    value: str


class LineBody(msgspec.Struct, frozen=True, kw_only=True):
    """An email in a list."""

    id: str
    sender: str = msgspec.field(name="from")
    to: list[str]
    cc: list[str] | None
    bcc: list[str] | None
    subject: str
    created_at: str
    scheduled_at: str | None
    last_event: str


class EmailBody(LineBody, frozen=True, kw_only=True):
    """`html` and `text` are null when the retention of contents has ended."""

    object: str = "email"
    message_id: str
    reply_to: list[str] | None
    html: str | None
    text: str | None
    tags: list[TagBody]


class ListBody(msgspec.Struct, frozen=True):
    data: list[LineBody]
    has_more: bool
    object: str = "list"


class DoneBody(msgspec.Struct, frozen=True):
    id: str
    object: str = "email"


def describe_line(line: EmailLine) -> LineBody:
    return LineBody(
        id=to_public_id("eml", line.id),
        sender=_write(line.from_name, line.from_email),
        to=_list(line.recipients, "to"),
        cc=_list(line.recipients, "cc") or None,
        bcc=_list(line.recipients, "bcc") or None,
        subject=line.subject,
        created_at=line.at.isoformat(),
        scheduled_at=line.send_at.isoformat() if line.send_at else None,
        last_event=_WORDS.get(line.state.value, line.state.value),
    )


def describe_email(view: EmailView) -> EmailBody:
    email, word = view.email, last_word(view)
    shown = show_content(view.body) if view.body else NOTHING
    return EmailBody(
        id=email.public_id,
        sender=_write(email.from_name, email.from_email),
        to=_list(view.recipients, "to"),
        cc=_list(view.recipients, "cc") or None,
        bcc=_list(view.recipients, "bcc") or None,
        subject=email.subject,
        created_at=email.at.isoformat(),
        scheduled_at=_find_schedule(view),
        last_event=_WORDS.get(word, word),
        message_id=_find_header_id(view),
        reply_to=list(email.reply_to) or None,
        html=shown.html or None,
        text=shown.text or None,
        tags=[TagBody(name, value) for name, value in email.metadata.items()],
    )


def _find_schedule(view: EmailView) -> str | None:
    """The time in force: it may have been changed since the email was sent in."""
    if view.email.send_at is None:
        return None
    waiting = [one.run_at for one in view.waiting if one.run_at is not None]
    return min(waiting, default=view.email.send_at).isoformat()


def _find_header_id(view: EmailView) -> str:
    if view.email.header_id:
        return f"<{view.email.header_id}>"
    return format_message_id(view.email.id.hex, settings.MESSAGE_ID_DOMAIN)


def _list(recipients: tuple[RecipientView, ...], kind: str) -> list[str]:
    return [_write(one.name, one.email) for one in recipients if one.kind == kind]


def _write(name: str, email: str) -> str:
    return f"{name} <{email}>" if name else email
