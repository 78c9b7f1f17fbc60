"""What a program asks to send, as every door hands it to `emails.accept_emails`: the API, SMTP, the doors of other vendors' shapes.

Plain records; nothing is checked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class RecipientKind(StrEnum):
    TO = "to"
    CC = "cc"
    BCC = "bcc"


@dataclass(frozen=True, slots=True)
class NewRecipient:
    """`text` is an address, or a name with one: `Ann Lee <ann@example.com>`; `name` goes before a name in the text."""

    text: str
    name: str = ""
    kind: RecipientKind = RecipientKind.TO


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """Either `content` or `media`, the public id of a file in the account's media. With a `content_id` it is shown inline."""

    filename: str
    content: bytes | None = None
    media: str = ""
    content_type: str = ""  # none: by the filename
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class OneTime:
    """A value for the template that is used and never kept: a code, a link with a secret."""

    value: Any


@dataclass(frozen=True, slots=True)
class NewEmail:
    """One email to its recipients. Either html/text, or a template with `data`, or `raw`.

    `raw` is a whole message (RFC 5322) that the sender composed; `recipients` are then those of the envelope, all of kind BCC unless the
    header names them. `data` may hold OneTime at any depth. `separate`: every recipient gets a copy that names nobody else.
    """

    sender: str  # an address, or `Acme <hello@acme.example>`
    recipients: tuple[NewRecipient, ...]
    subject: str = ""
    html: str = ""
    text: str = ""
    text_from_html: bool = False  # without a text, the text part is made from the HTML
    reply_to: tuple[str, ...] = ()
    template: str = ""  # a public id, or the template's name
    data: Mapping[str, Any] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[NewAttachment, ...] = ()
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    stream: str = ""  # a stream's key; none: transactional, or marketing where a topic is named
    topic: str = ""  # a topic's public id: then it goes to those alone who agreed to it
    track_opens: bool | None = None  # none: as the stream says
    track_clicks: bool | None = None
    send_at: datetime | None = None
    raw: bytes | None = None
    separate: bool = False


@dataclass(frozen=True, slots=True)
class EmailFault:
    """Why an email cannot be accepted. `code` is stable, `field` names the place ("to[2]"), `text` says what to do."""

    code: str
    field: str
    text: str


@dataclass(frozen=True, slots=True)
class AcceptedRecipient:
    """`refused` names why nothing is sent to this one (a `consent.gate.Reason`); empty: it is on its way."""

    message_id: UUID
    email: str
    kind: RecipientKind
    refused: str = ""


@dataclass(frozen=True, slots=True)
class AcceptedEmail:
    """It is committed together with the caller's transaction. `at` is the moment of acceptance, `send_at` when it leaves."""

    id: UUID
    at: datetime
    send_at: datetime
    recipients: tuple[AcceptedRecipient, ...]


@dataclass(frozen=True, slots=True)
class RefusedEmail:
    """Nothing of it was kept."""

    faults: tuple[EmailFault, ...]


AcceptResult = AcceptedEmail | RefusedEmail
