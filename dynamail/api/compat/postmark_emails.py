"""Postmark's emails as ours."""

from __future__ import annotations

from typing import Any

import msgspec

from dynamail.api.compat.doors import unfit
from dynamail.api.compat.reading import (
    count_recipients,
    decode_file,
    keep_texts,
    missing,
    read_recipients,
    split_addresses,
    template_name,
)
from dynamail.messages.new_email import NewAttachment, NewEmail, NewRecipient, RecipientKind

MAX_BATCH = 500
MAX_RECIPIENTS = 50
MAX_EMAIL_BYTES = 10 * 2**20  # texts and files, before base 64
STREAMS = {"outbound": "", "broadcast": "marketing"}  # Postmark's own names; others are keys of ours
TOPIC = "top_"  # the id of a topic in the place of a stream: the mail goes to those alone who agreed to it
LINKS = {"None": False, "HtmlAndText": True, "HtmlOnly": True, "TextOnly": True}


class SaidHeader(msgspec.Struct, frozen=True, rename="pascal"):
    name: str
    value: str


class SaidFile(msgspec.Struct, frozen=True, rename="pascal"):
    name: str
    content: str
    content_type: str | None = None
    content_id: str | None = msgspec.field(name="ContentID", default=None)


class Said(msgspec.Struct, frozen=True, rename="pascal", kw_only=True):
    """`/email`. Fields that Postmark does not know are let pass, as it does."""

    sender: str | None = msgspec.field(name="From", default=None)
    to: str | None = None
    cc: str | None = None
    bcc: str | None = None
    subject: str | None = None
    tag: str | None = None
    html_body: str | None = None
    text_body: str | None = None
    reply_to: str | None = None
    metadata: dict[str, Any] | None = None
    headers: list[SaidHeader] | None = None
    track_opens: bool | None = None
    track_links: str | None = None
    attachments: list[SaidFile] | None = None
    message_stream: str | None = None


class SaidTemplate(Said, frozen=True, rename="pascal", kw_only=True):
    """`/email/withTemplate`. `InlineCss` is let pass: our templates have their styles inline."""

    template_id: int | str | None = None
    template_alias: str | None = None
    template_model: dict[str, Any] | None = None


class SaidBatch(msgspec.Struct, frozen=True, rename="pascal"):
    """`/email/batchWithTemplates`."""

    messages: list[msgspec.Raw]


def to_email(said: Said) -> NewEmail:
    """Raises Problem."""
    if not (said.sender and said.sender.strip()):
        raise missing("From", "The 'From' address is required.")
    named = said.message_stream or ""
    topic = named if named.startswith(TOPIC) else ""
    email = NewEmail(
        sender=said.sender,
        recipients=_read_recipients(said),
        subject=said.subject or "",
        html=said.html_body or "",
        text=said.text_body or "",
        reply_to=tuple(split_addresses(said.reply_to or "")),
        template=_read_template(said),
        data=(said.template_model or {}) if isinstance(said, SaidTemplate) else {},
        headers=tuple((header.name, header.value) for header in said.headers or ()),
        attachments=tuple(_read_file(file, place) for place, file in enumerate(said.attachments or ())),
        tags=(said.tag,) if said.tag else (),
        metadata=keep_texts(said.metadata),
        stream="" if topic else STREAMS.get(named, named),
        topic=topic,
        track_opens=said.track_opens,
        track_clicks=_read_links(said.track_links),
    )
    _check_content(email)
    return email


def _read_recipients(said: Said) -> tuple[NewRecipient, ...]:
    to = read_recipients(said.to, RecipientKind.TO, "To")
    if not to:
        raise missing("To", "Zero recipients specified: name at least one in 'To'.")
    cc = read_recipients(said.cc, RecipientKind.CC, "Cc")
    bcc = read_recipients(said.bcc, RecipientKind.BCC, "Bcc")
    return count_recipients([*to, *cc, *bcc], most=MAX_RECIPIENTS)


def _read_template(said: Said) -> str:
    if not isinstance(said, SaidTemplate):
        return ""
    named = said.template_alias or said.template_id
    if named is None or named == "":
        raise missing("TemplateId", "Either 'TemplateId' or 'TemplateAlias' is required.")
    if said.html_body or said.text_body:
        text = "'HtmlBody' and 'TextBody' do not go with a template: leave them out."
        raise unfit("two_contents", "HtmlBody", text)
    return template_name(named)


def _read_links(said: str | None) -> bool | None:
    if said is None:
        return None
    if said not in LINKS:
        raise unfit("invalid", "TrackLinks", f"'TrackLinks' must be one of {', '.join(LINKS)}.")
    return LINKS[said]


def _read_file(said: SaidFile, place: int) -> NewAttachment:
    return NewAttachment(
        said.name,
        decode_file(said.content, f"Attachments[{place}].Content"),
        content_type=said.content_type or "",
        content_id=(said.content_id or "").removeprefix("cid:"),
    )


def _check_content(email: NewEmail) -> None:
    if not (email.template or email.html or email.text):
        raise missing("TextBody", "Provide either email TextBody or HtmlBody or both.")
    size = len(email.html) + len(email.text) + sum(len(file.content or b"") for file in email.attachments)
    if size > MAX_EMAIL_BYTES:
        raise unfit("too_large", "Attachments", "The email is larger than 10 MB, its files included.")
