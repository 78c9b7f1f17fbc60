"""Header fields that tell a mailbox provider who sends bulk mail and how to stop it.

List-Unsubscribe (RFC 2369 §3.2) with one-click (RFC 8058), List-Id (RFC 2919), Feedback-ID (Gmail's feedback loop).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dynamail.protocols.address import Address
from dynamail.protocols.mime import HeaderError, encode_structured, format_phrase

MAX_FEEDBACK_FIELDS = 4
SENDER_ID_LENGTHS = range(5, 16)

# RFC 2369 §2: no space, no bracket, no comma inside a URL of a List field.
_LIST_URL = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/[!#-+\--;=?-Z_a-z~%]*")
_SUBJECT = re.compile(r"[A-Za-z0-9._~-]{1,200}")
_LIST_ID = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?)+"
)
_FEEDBACK_FIELD = re.compile(r"[A-Za-z0-9._-]{1,100}")


def encode_list_unsubscribe(url: str, *, mailto: Address | None = None, mailto_subject: str = "") -> bytes:
    """List-Unsubscribe and List-Unsubscribe-Post (RFC 8058 §3.1): the URL is https and takes a POST without questions.

    Raises HeaderError.
    """
    if not _LIST_URL.fullmatch(url):
        raise HeaderError("The unsubscribe link must be an https URL without spaces, commas and brackets.")
    targets = [f"<{url}>"]
    if mailto is not None:
        targets.append(f"<{_format_mailto(mailto, mailto_subject)}>")
    return (
        encode_structured("List-Unsubscribe", ", ".join(targets))
        + b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    )


def encode_list_id(list_id: str, *, description: str = "") -> bytes:
    """List-Id: `Product news <news.example.com>` (RFC 2919 §3). Raises HeaderError."""
    if not _LIST_ID.fullmatch(list_id) or len(list_id) > 255:
        raise HeaderError("A list id looks like a domain name: letters, digits, dashes and at least one dot.")
    phrase = f"{format_phrase(description)} " if description else ""
    return encode_structured("List-Id", f"{phrase}<{list_id}>")


def encode_feedback_id(fields: Sequence[str], *, sender_id: str) -> bytes:
    """Feedback-ID: `campaign:account:stream:sender`. At most three fields and a sender id of 5 to 15 characters.

    Never give it anything about one recipient: Gmail reports by these fields only when many messages share them.
    Raises HeaderError.
    """
    if len(fields) + 1 > MAX_FEEDBACK_FIELDS:
        raise HeaderError("Feedback-ID has at most four fields.")
    if len(sender_id) not in SENDER_ID_LENGTHS:
        raise HeaderError("The sender id in Feedback-ID has 5 to 15 characters.")
    for field in (*fields, sender_id):
        if not _FEEDBACK_FIELD.fullmatch(field):
            raise HeaderError("Feedback-ID allows letters, digits, dots, dashes and underscores.")
    return encode_structured("Feedback-ID", ":".join((*fields, sender_id)))


def _format_mailto(address: Address, subject: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.+_=-]+@[a-z0-9.-]+", address.envelope):
        raise HeaderError("The unsubscribe address must be plain ASCII.")
    target = "mailto:" + address.envelope.replace("+", "%2B")
    if not subject:
        return target
    if not _SUBJECT.fullmatch(subject):
        raise HeaderError("The unsubscribe subject allows letters, digits, dots and dashes.")
    return f"{target}?subject={subject}"
