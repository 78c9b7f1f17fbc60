"""A single email as the workers read it from `email` and `email_body`: what composing needs to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from dynamail.content.text_part import make_text_of_html


class HeaderRecipient(msgspec.Struct, frozen=True):
    """Somebody whom the email was addressed to. `kind`: to, cc, bcc; `id` is that of this recipient's message."""

    id: UUID
    email: str
    name: str = ""
    kind: str = "to"


class EmailFile(msgspec.Struct, frozen=True):
    """An attachment; with a `content_id` it is shown inside the HTML. Its octets are those of the blob."""

    blob: UUID
    filename: str
    content_type: str = ""
    content_id: str = ""
    size: int = 0


class EmailTexts(msgspec.Struct, frozen=True):
    """What `email_body.content` holds. `separate`: every copy names its own recipient alone.

    `text_from_html`: the sender left the text to us. It is not kept: `complete_texts` makes it for whoever sends or shows the email.
    """

    html: str = ""
    text: str = ""
    headers: list[tuple[str, str]] = []
    attachments: list[EmailFile] = []
    separate: bool = False
    text_from_html: bool = False


@dataclass(frozen=True, slots=True)
class StoredEmail:
    """Either `texts` or `raw` says what it is. `files` has the octets of its attachments by blob."""

    account_id: int
    id: UUID
    account_uid: UUID
    stream: str  # its key
    stream_uid: UUID
    stream_kind: str
    from_email: str
    subject: str
    recipients: tuple[HeaderRecipient, ...]
    texts: EmailTexts | None = None
    raw: bytes | None = None
    from_name: str = ""
    reply_to: tuple[str, ...] = ()
    topic_id: int | None = None
    topic_name: str = ""
    track_opens: bool = False
    track_clicks: bool = False
    header_id: str = ""
    files: dict[UUID, bytes] = field(default_factory=dict)

    @property
    def is_marketing(self) -> bool:
        return self.stream_kind == "marketing"


_RECIPIENTS = msgspec.json.Decoder(tuple[HeaderRecipient, ...])
_TEXTS = msgspec.json.Decoder(EmailTexts)
_REPLY_TO = msgspec.json.Decoder(tuple[str, ...])


def read_recipients(text: str) -> tuple[HeaderRecipient, ...]:
    """Raises msgspec.MsgspecError, as the next ones."""
    return _RECIPIENTS.decode(text)


def read_texts(text: str) -> EmailTexts:
    return _TEXTS.decode(text)


def complete_texts(texts: EmailTexts) -> EmailTexts:
    """As they leave: with the text part that is made from the HTML, where that was wanted. Takes a third of a second a megabyte."""
    if texts.text or not texts.text_from_html:
        return texts
    return msgspec.structs.replace(texts, text=make_text_of_html(texts.html), text_from_html=False)


def convert_texts(content: Mapping[str, Any] | None) -> EmailTexts:
    """The content of a row's column, as it leaves."""
    return complete_texts(read_kept_texts(content))


def read_kept_texts(content: Mapping[str, Any] | None) -> EmailTexts:
    """The content of a row's column, as it is kept."""
    return msgspec.convert(content or {}, EmailTexts)


def read_reply_to(text: str) -> tuple[str, ...]:
    return _REPLY_TO.decode(text)


def as_json(value: Any) -> str:
    """The same records as the columns hold them."""
    return msgspec.json.encode(value).decode()
