"""Delivery status notifications (RFC 3464, RFC 6533), also where they stand in the wrong part, in one block or without dots."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dynamail.protocols.reports.parts import Headers, decode_words, list_fields
from dynamail.protocols.reports.text_recipients import MAX_RECIPIENTS, find_address

MAX_STATUS = 400_000  # characters of delivery status that are looked at

_RECIPIENT_LINE = re.compile(r"^(?:final|original)-recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)
_FIRST_LINE = re.compile(
    r"^(?:reporting-mta|received-from-mta|arrival-date|original-envelope-id|action|status|(?:final|original)-recipient)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_TYPE = re.compile(r"\s*([\w.-]{1,40})\s*;\s*", re.ASCII)
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?!\d)")
_RECIPIENT_FIELDS = ("final-recipient", "original-recipient", "x-actual-recipient")
_DIAGNOSTIC_FIELDS = (
    "diagnostic-code",
    "diagnostic",
    "x-postfix-diagnostic",
    "x-diagnostic",
    "error",
    "x-smtp-error",
)


@dataclass(frozen=True, slots=True)
class StatusOfRecipient:
    """The fields about one recipient; `comment` is what followed the status in parentheses."""

    address: str
    action: str
    status: str
    comment: str
    diagnostic: str
    diagnostic_type: str
    remote_mta: str


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    reporting_mta: str
    arrived_at: str
    envelope_id: str
    recipients: list[StatusOfRecipient]


def cut_delivery_status(text: str) -> tuple[str, str]:
    """Words and the fields after them, where both stand in one part; the second is "" when there are no fields."""
    first = _FIRST_LINE.search(text) if _RECIPIENT_LINE.search(text) else None
    return (text[: first.start()], text[first.start() :]) if first else (text, "")


def read_delivery_status(text: str) -> DeliveryStatus:
    """At most MAX_RECIPIENTS of the recipients; fields of the message may stand anywhere."""
    about_message: Headers = {}
    recipients: list[StatusOfRecipient] = []
    for group in _group_fields(text[:MAX_STATUS]):
        if any(name in group for name in _RECIPIENT_FIELDS):
            recipients.append(_read_recipient(group))
        for name, value in group.items():
            about_message.setdefault(name, value)
        if len(recipients) >= MAX_RECIPIENTS:
            break
    return DeliveryStatus(
        reporting_mta=strip_type(about_message.get("reporting-mta", "")),
        arrived_at=about_message.get("arrival-date", "")[:100],
        envelope_id=about_message.get("original-envelope-id", "")[:200],
        recipients=recipients,
    )


def strip_type(value: str) -> str:
    """`dns; mx.example.com` without its type."""
    return _TYPE.sub("", value, count=1)[:255]


def read_address(value: str) -> str:
    """The address of a typed field (`rfc822;ann@example.com`, `utf-8;…` of RFC 6533), or ""."""
    kind = _TYPE.match(value)
    value = value[kind.end() :] if kind else value
    if kind and kind[1].lower() == "utf-8":
        value = _ESCAPED.sub(_unescape, value)
    return find_address(value)


def _unescape(found: re.Match[str]) -> str:
    """RFC 6533 §3: \\x{…} is a character; halves of a pair and what is beyond Unicode are none."""
    number = int(found[1], 16)
    return "\ufffd" if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF else chr(number)


def _group_fields(text: str) -> Iterator[Headers]:
    """Fields up to a blank line belong together, unless a second final recipient shows that the line was forgotten."""
    group: Headers = {}
    for block in re.split(r"\n[ \t]*\n", text):
        for name, value in list_fields(block):
            if name == "final-recipient" and name in group:
                yield group
                group = {}
            group.setdefault(name, decode_words(value))
        if group:
            yield group
        group = {}


def _read_recipient(fields: Headers) -> StatusOfRecipient:
    addresses = [
        read_address(fields.get(name, ""))
        for name in ("original-recipient", "final-recipient", "x-actual-recipient")
    ]
    diagnostic = next((fields[name] for name in _DIAGNOSTIC_FIELDS if name in fields), "")
    kind = _TYPE.match(diagnostic)
    status = fields.get("status", "")
    enhanced = _ENHANCED.search(status)
    return StatusOfRecipient(
        address=next((address for address in addresses if address), ""),
        action=fields.get("action", "").split(" ")[0].strip("();").lower()[:20],
        status=enhanced[1] if enhanced else "",
        comment=status.partition("(")[2].rstrip(") "),
        diagnostic=diagnostic[kind.end() :] if kind else diagnostic,
        diagnostic_type=kind[1].lower() if kind else "",
        remote_mta=strip_type(fields.get("remote-mta", "")),
    )
