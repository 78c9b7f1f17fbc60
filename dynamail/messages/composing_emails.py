"""A single email becomes bytes on the wire, one copy for each recipient.

1. The header: From, To and Cc as the sender wrote them (a Bcc is never named), Reply-To, the sender's further fields.
2. Whatever belongs to us: Message-ID and Date, Feedback-ID, and with a topic List-Id and the one-click unsubscribe.
3. The body: `text | html`, pictures beside the HTML that shows them, files behind it.
4. DKIM-Signature fields in front when the sender's domain has keys.

A whole message that the sender composed is `composing_raw`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dynamail.messages.composing import (
    OWN_HEADERS,
    SENDER_ID,
    ComposingSettings,
    make_return_path,
    one_line,
)
from dynamail.messages.one_time import Rendered
from dynamail.messages.recipient_links import PAGES
from dynamail.messages.signing import SigningIdentity
from dynamail.messages.single_links import SingleLinks, track_html
from dynamail.messages.stored_emails import EmailFile, EmailTexts, HeaderRecipient, StoredEmail
from dynamail.protocols.address import Mailbox, parse_address, split_mailbox
from dynamail.protocols.dkim import sign_message
from dynamail.protocols.list_headers import encode_feedback_id, encode_list_id
from dynamail.protocols.mime import (
    HeaderError,
    Part,
    attachment_part,
    build_message,
    encode_addresses,
    encode_header,
    encode_structured,
    format_date,
    format_message_id,
    is_content_type,
    multipart,
    text_part,
)
from dynamail.protocols.smtp.envelopes import Envelope
from dynamail.tracking.tokens import LeaveToken

# Fields of lists: the sender's own are right where we write none.
LIST_HEADERS = frozenset(("list-unsubscribe", "list-unsubscribe-post", "list-id", "precedence"))
NEVER_HEADERS = (OWN_HEADERS - LIST_HEADERS) | {"cc", "resent-bcc"}
NEVER_PREFIXES = ("x-dynamail-", "content-", "arc-")
ANY_FILE = "application/octet-stream"
NOBODY_NAMED = "undisclosed-recipients:;"
_NOT_FOR_FEEDBACK = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class EmailCopy:
    """One recipient's copy of an email. `one_time` stands in for the kept texts."""

    message_id: UUID
    recipient: str
    contact_id: UUID | None = None
    one_time: Rendered | None = None


def compose_email(
    email: StoredEmail,
    copy: EmailCopy,
    *,
    settings: ComposingSettings,
    identity: SigningIdentity | None,
    now: datetime,
    token: object = None,
) -> Envelope:
    """The copy for one recipient. Raises AddressError and HeaderError; accepting has checked for both."""
    texts = email.texts or EmailTexts()
    identity = identity or SigningIdentity()
    boxes = _Addresses.read(email, texts, copy)
    subject = copy.one_time.subject if copy.one_time else email.subject
    fields = [
        encode_message_id(email, settings),
        f"Date: {format_date(now)}\r\n".encode("ascii"),
        *boxes.encode(),
        encode_header("Subject", one_line(subject)),
        *list_own_fields(email, copy, settings),
        *_list_further(email, copy, texts.headers),
    ]
    links = find_links(email, copy, settings, identity)
    message = build_message(fields, _make_content(email, texts, copy, links))
    if identity.signers:
        message = sign_message(message, identity.signers, now=now) + message
    return Envelope(
        make_return_path(copy.message_id, settings, domain=identity.return_path_domain),
        parse_address(copy.recipient).envelope,
        message,
        token,
        boxes.needs_smtputf8,
        wire_safe=True,
        wants_dialog=True,
        message_id=copy.message_id,
    )


def find_links(
    email: StoredEmail, copy: EmailCopy, settings: ComposingSettings, identity: SigningIdentity
) -> SingleLinks | None:
    """None when nothing of this email is counted."""
    if not (email.track_opens or email.track_clicks):
        return None
    return SingleLinks(
        settings.public_url,
        identity.tracking_url or settings.public_url,
        settings.token_keys,
        email.account_id,
        copy.message_id,
        copy.contact_id,
    )


# --- the header ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Who is named in the header."""

    author: Mailbox
    reply_to: tuple[Mailbox, ...]
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]

    @classmethod
    def read(cls, email: StoredEmail, texts: EmailTexts, copy: EmailCopy) -> _Addresses:
        named: Iterable[HeaderRecipient] = email.recipients
        if texts.separate:
            named = [
                HeaderRecipient(one.id, one.email, one.name) for one in named if one.id == copy.message_id
            ]
        return cls(
            _make_mailbox(email.from_name, email.from_email),
            tuple(map(split_mailbox, email.reply_to)),
            tuple(_make_mailbox(one.name, one.email) for one in named if one.kind == "to"),
            tuple(_make_mailbox(one.name, one.email) for one in named if one.kind == "cc"),
        )

    @property
    def needs_smtputf8(self) -> bool:
        return any(box.address.needs_smtputf8 for box in (self.author, *self.reply_to, *self.to, *self.cc))

    def encode(self) -> Iterator[bytes]:
        yield encode_addresses("From", [self.author])
        if self.to:
            yield encode_addresses("To", self.to)
        elif not self.cc:
            yield encode_structured("To", NOBODY_NAMED)
        if self.cc:
            yield encode_addresses("Cc", self.cc)
        if self.reply_to:
            yield encode_addresses("Reply-To", self.reply_to)


def _make_mailbox(name: str, email: str) -> Mailbox:
    return Mailbox(one_line(name), parse_address(email))


def encode_message_id(email: StoredEmail, settings: ComposingSettings) -> bytes:
    """The sender's own, or ours: the same for all recipients, so that replies and lists find together."""
    value = f"<{email.header_id}>" if email.header_id else ""
    return encode_structured(
        "Message-ID", value or format_message_id(email.id.hex, settings.message_id_domain)
    )


def list_own_fields(email: StoredEmail, copy: EmailCopy, settings: ComposingSettings) -> Iterator[bytes]:
    """Feedback-ID, and with a topic what lets its recipient leave it by one click."""
    account = email.account_uid.hex
    stream = _NOT_FOR_FEEDBACK.sub("-", email.stream)[:100] or "stream"
    yield encode_feedback_id((stream, account, email.stream_kind), sender_id=SENDER_ID)
    if email.topic_id is None:
        return
    list_id = f"topic-{email.topic_id}.{account}.{settings.message_id_domain}"
    yield encode_list_id(list_id, description=one_line(email.topic_name))
    if copy.contact_id is not None:
        leave = LeaveToken(email.account_id, copy.contact_id, email.topic_id, email.stream_uid)
        url = f"{settings.public_url}{PAGES['unsubscribe']}{leave.sign(settings.token_keys)}"
        yield encode_structured("List-Unsubscribe", f"<{url}>")
        yield b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    if email.is_marketing:
        yield b"Precedence: bulk\r\n"


def may_keep_header(name: str, *, has_topic: bool) -> bool:
    """May a field of the sender's own stand in the message? What we write ourselves, and what only receivers write, may not."""
    name = name.lower()
    if name in LIST_HEADERS:
        return not has_topic
    return name not in NEVER_HEADERS and not name.startswith(NEVER_PREFIXES)


def _list_further(email: StoredEmail, copy: EmailCopy, headers: Iterable[tuple[str, str]]) -> Iterator[bytes]:
    has_topic = email.topic_id is not None
    for name, value in headers:
        if may_keep_header(name, has_topic=has_topic):
            yield encode_header(name, one_line(value))


# --- the body --------------------------------------------------------------------------------------------------------


def _make_content(email: StoredEmail, texts: EmailTexts, copy: EmailCopy, links: SingleLinks | None) -> Part:
    html, text = (copy.one_time.html, copy.one_time.text) if copy.one_time else (texts.html, texts.text)
    if html and links is not None:
        # A link may hold a one-time value: counted, it would stand in its token, and in the log when it is followed.
        clicks = email.track_clicks and copy.one_time is None
        html = track_html(html, links, opens=email.track_opens, clicks=clicks)
    shown = [file for file in texts.attachments if file.content_id and html]
    behind = [file for file in texts.attachments if file not in shown]
    content = _make_readable(html, text, [_make_file(email, file) for file in shown], copy.message_id)
    if not behind:
        return content
    parts = [content, *(_make_file(email, file) for file in behind)]
    return multipart("mixed", parts, seed=b"mixed" + copy.message_id.bytes)


def _make_readable(html: str, text: str, shown: list[Part], message_id: UUID) -> Part:
    if not html:
        return text_part(text)
    page = text_part(html, subtype="html")
    if shown:
        page = multipart("related", [page, *shown], seed=b"related" + message_id.bytes)
    if not text:
        return page
    return multipart("alternative", [text_part(text), page], seed=b"alternative" + message_id.bytes)


def _make_file(email: StoredEmail, file: EmailFile) -> Part:
    data = email.files.get(file.blob)
    if data is None:
        raise HeaderError(f"The file {file.filename!r} is not kept any more.")
    return attachment_part(
        data,
        filename=one_line(file.filename) or "attachment",
        content_type=find_file_type(file.content_type),
        content_id=file.content_id,
    )


def find_file_type(content_type: str) -> str:
    """Messages and multiparts may not be base64 (RFC 2046 §5.1, §5.2.1), and a file is to arrive as it is."""
    plain = content_type.partition(";")[0].strip()
    found = next((one for one in (content_type, plain) if is_content_type(one)), "")
    return ANY_FILE if found.lower().startswith(("message/", "multipart/")) else found or ANY_FILE
