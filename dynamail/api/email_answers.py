"""What is told of single emails: what was taken, how they fare, what they say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

import msgspec
from django.conf import settings

from dynamail.api.errors import FieldError, Problem
from dynamail.events.models import Event
from dynamail.lib.ids import to_public_id
from dynamail.messages.email_log import EmailLine, EmailView, RecipientView
from dynamail.messages.new_email import AcceptedEmail, AcceptedRecipient, AcceptResult, RefusedEmail
from dynamail.messages.showing import list_header_fields, show_content
from dynamail.protocols.address import write_mailbox


class TakenRecipient(msgspec.Struct, omit_defaults=True):
    """One recipient's copy. `refused` says why nothing is sent to this one."""

    id: str
    email: str
    kind: str
    refused: str = ""


class TakenEmail(msgspec.Struct):
    """An email that is on its way."""

    id: str
    state: Literal["queued", "scheduled"]
    at: datetime
    send_at: datetime
    recipients: list[TakenRecipient]


class EmailResult(msgspec.Struct, omit_defaults=True):
    """What became of one email of a batch: `accepted` with its id, or `refused` with the reasons."""

    result: Literal["accepted", "refused"]
    id: str = ""
    state: str = ""
    recipients: list[TakenRecipient] = []
    code: str = ""
    errors: tuple[FieldError, ...] = ()


class BatchResults(msgspec.Struct):
    accepted: int
    refused: int
    results: list[EmailResult]


class EmailRecipientBody(msgspec.Struct, omit_defaults=True):
    """One recipient's copy and how it fared. `next_attempt_at` while it waits, `at` when it has ended."""

    id: str
    email: str
    name: str
    kind: str
    state: str
    at: datetime | None = None
    next_attempt_at: datetime | None = None
    attempts: int = 0
    code: int = 0
    enhanced_code: str = ""
    reply: str = ""
    bounce_class: str = ""
    contact: str = ""


class EmailLineBody(msgspec.Struct):
    """An email in a list."""

    id: str
    at: datetime
    state: str
    source: str
    stream: str
    sender: str = msgspec.field(name="from")
    subject: str
    recipients: list[EmailRecipientBody]
    tags: list[str]
    send_at: datetime | None
    is_test: bool


class MomentBody(msgspec.Struct, omit_defaults=True):
    """One entry of the timeline: `accepted`, `scheduled`, or an event such as `message.delivered` with its data."""

    at: datetime
    type: str
    message: str = ""
    data: dict[str, Any] = {}


class EmailBodyView(msgspec.Struct):
    """An email with all that is known of it. `size_bytes` is the size on the wire of the first copy that was sent, null before."""

    id: str
    at: datetime
    state: str
    source: str
    stream: str
    sender: str = msgspec.field(name="from")
    reply_to: list[str]
    subject: str
    recipients: list[EmailRecipientBody]
    tags: list[str]
    metadata: dict[str, str]
    template: str | None
    track_opens: bool
    track_clicks: bool
    send_at: datetime | None
    is_test: bool
    message_id: str
    size_bytes: int | None
    has_content: bool
    has_one_time_values: bool
    timeline: list[MomentBody]


class FileBody(msgspec.Struct):
    filename: str
    content_type: str
    content_id: str
    size_bytes: int


class ContentBody(msgspec.Struct):
    """What an email says, while it is kept, without one-time values. `headers` are as they leave; `raw` is a message that came whole."""

    subject: str
    html: str
    text: str
    headers: list[list[str]]
    attachments: list[FileBody]
    raw: str | None


def name_code(refused: RefusedEmail) -> str:
    codes = {fault.code for fault in refused.faults}
    return codes.pop() if len(codes) == 1 else "invalid"


def tell_taken(email: AcceptedEmail) -> TakenEmail:
    return TakenEmail(
        to_public_id("eml", email.id),
        "scheduled" if email.send_at > email.at else "queued",
        email.at,
        email.send_at,
        [_tell_recipient(one) for one in email.recipients],
    )


def _tell_recipient(one: AcceptedRecipient) -> TakenRecipient:
    return TakenRecipient(to_public_id("msg", one.message_id), one.email, one.kind.value, str(one.refused))


def tell_result(result: AcceptResult) -> EmailResult:
    if isinstance(result, AcceptedEmail):
        taken = tell_taken(result)
        return EmailResult("accepted", taken.id, taken.state, taken.recipients)
    errors = tuple(FieldError(fault.field or "email", fault.text) for fault in result.faults)
    return EmailResult("refused", code=name_code(result), errors=errors)


def _describe_recipient(one: RecipientView) -> EmailRecipientBody:
    return EmailRecipientBody(
        one.public_id,
        one.email,
        one.name,
        one.kind,
        one.state.value,
        one.at,
        one.run_at,
        one.attempts,
        one.smtp_code,
        one.enhanced_code,
        one.reply,
        one.bounce_class,
        to_public_id("con", one.contact_id) if one.contact_id else "",
    )


def describe_line(row: EmailLine) -> EmailLineBody:
    return EmailLineBody(
        id=row.public_id,
        at=row.at,
        state=row.state.value,
        source=row.source_kind,
        stream=row.stream,
        sender=write_mailbox(row.from_name, row.from_email),
        subject=row.subject,
        recipients=[_describe_recipient(one) for one in row.recipients],
        tags=list(row.tags),
        send_at=row.send_at,
        is_test=row.is_test,
    )


def describe_email(view: EmailView) -> EmailBodyView:
    email = view.email
    return EmailBodyView(
        id=email.public_id,
        at=email.at,
        state=view.state.value,
        source=email.source_kind,
        stream=email.stream,
        sender=write_mailbox(email.from_name, email.from_email),
        reply_to=list(email.reply_to),
        subject=email.subject,
        recipients=[_describe_recipient(one) for one in view.recipients],
        tags=list(email.tags),
        metadata=email.metadata,
        template=to_public_id("tpl", email.template_uid) if email.template_uid else None,
        track_opens=email.track_opens,
        track_clicks=email.track_clicks,
        send_at=email.send_at,
        is_test=email.is_test,
        message_id=email.header_id or f"{email.id.hex}@{settings.MESSAGE_ID_DOMAIN}",
        size_bytes=view.size,
        has_content=view.body is not None,
        has_one_time_values=email.one_time,
        timeline=list(_tell_timeline(view)),
    )


def _tell_timeline(view: EmailView) -> Iterator[MomentBody]:
    email = view.email
    yield MomentBody(email.at, "accepted")
    if email.send_at is not None and email.send_at > email.at:
        yield MomentBody(email.at, "scheduled", data={"send_at": email.send_at})
    for event in view.timeline:
        yield _tell_event(event)


def _tell_event(event: Event) -> MomentBody:
    message = to_public_id("msg", event.message_id) if event.message_id else ""
    return MomentBody(event.at, event.kind, message, event.data)


def describe_content(view: EmailView) -> ContentBody:
    """Raises Problem (410)."""
    body = view.body
    if body is None:
        raise Problem(410, "content_gone", "The content of this email is not kept any more.")
    shown = show_content(body)
    return ContentBody(
        view.email.subject,
        shown.html,
        shown.text,
        [list(pair) for pair in list_header_fields(view)],
        [FileBody(one.filename, one.content_type, one.content_id, one.size) for one in shown.files],
        bytes(body.raw).decode("utf-8", "replace") if body.raw is not None else None,
    )
