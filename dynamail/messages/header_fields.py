"""Header fields that a program adds to its email: which it may write, and what is kept of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.utils.translation import gettext as _

from dynamail.messages.new_email import EmailFault
from dynamail.protocols.mime import HeaderError, encode_header

MAX_HEADERS = 50
MAX_VALUE = 4_000  # characters
MAX_HEADER_ID = 250

# Said by libraries although the message is composed here.
IGNORED = frozenset(["mime-version", "content-type", "content-transfer-encoding", "date"])
# Fields that have a place of their own in a request, and those that only servers and signers may write.
FORBIDDEN = frozenset(
    [
        "from",
        "sender",
        "to",
        "cc",
        "bcc",
        "subject",
        "reply-to",
        "resent-from",
        "resent-sender",
        "resent-to",
        "resent-cc",
        "resent-bcc",
        "resent-date",
        "resent-message-id",
        "return-path",
        "received",
        "received-spf",
        "delivered-to",
        "dkim-signature",
        "domainkey-signature",
        "authentication-results",
        "arc-seal",
        "arc-message-signature",
        "arc-authentication-results",
        "feedback-id",
        "cfbl-address",
        "x-mailru-msgtype",
        "x-postmaster-msgtype",
        "content-id",
        "content-disposition",
        "content-description",
    ]
)
_MESSAGE_ID = re.compile(
    r"<?([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,180}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,120}[A-Za-z0-9])?)>?"
)

Headers = tuple[tuple[str, str], ...]


def check_headers(headers: Sequence[tuple[str, str]]) -> tuple[Headers, str, list[EmailFault]]:
    """The fields that are written, the sender's own Message-ID ("" for none or a malformed one), and what is wrong."""
    if len(headers) > MAX_HEADERS:
        sentence = _("An email has at most %d header fields of its own.") % MAX_HEADERS
        return (), "", [EmailFault("too_many", "headers", sentence)]
    kept: list[tuple[str, str]] = []
    faults: list[EmailFault] = []
    header_id = ""
    for name, value in headers:
        if name.lower() == "message-id":
            header_id = read_message_id(value)
        elif name.lower() not in IGNORED:
            fault = _find_fault(name, value)
            if fault is None:
                kept.append((name, value))
            else:
                faults.append(fault)
    return tuple(kept), header_id, faults


def read_message_id(text: str) -> str:
    """A Message-ID without its brackets; "" when it is not well formed."""
    match = _MESSAGE_ID.fullmatch(text.strip())
    return match[1] if match and len(match[1]) <= MAX_HEADER_ID else ""


def _find_fault(name: str, value: str) -> EmailFault | None:
    place = f"headers.{name[:80]}" if name.isprintable() else "headers"
    if name.lower() in FORBIDDEN:
        sentence = _(
            "The header %(name)s cannot be set here: DynaMail writes it, or the request has a field for it."
        )
        return EmailFault("header_not_allowed", place, sentence % {"name": name})
    if len(value) > MAX_VALUE:
        return EmailFault("too_long", place, _("A header has at most %d characters.") % MAX_VALUE)
    try:
        encode_header(name, value)
    except HeaderError as error:
        return EmailFault("bad_header", place, str(error))
    return None
