"""What the log needs of a message that a program composed itself: the fields of its header, read without trusting them."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from email.errors import HeaderParseError, MessageError
from email.header import decode_header, make_header

from django.utils.translation import gettext as _

from dynamail.messages.header_fields import read_message_id
from dynamail.protocols.address import AddressError, Mailbox, parse_address, write_mailbox
from dynamail.protocols.raw_messages import read_address_pairs, split_message

MAX_HEADER_BYTES = 256 * 1024
MAX_NAME = 200
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_WANTED = frozenset(("from", "to", "cc", "subject", "message-id", "reply-to"))


class RawMessageError(ValueError):
    """The message cannot be sent as it is. `code` is stable."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class RawHead:
    """`to` and `cc` map the keys of addresses to names."""

    sender: Mailbox
    subject: str = ""
    message_id: str = ""
    reply_to: tuple[str, ...] = ()
    to: dict[str, str] = field(default_factory=dict)
    cc: dict[str, str] = field(default_factory=dict)


def read_head(raw: bytes) -> RawHead:
    """Raises RawMessageError: no header, or not exactly one From with one address."""
    fields = _split_fields(raw)
    if len(fields.get("from", ())) != 1:
        raise RawMessageError("bad_from", _("The message needs exactly one From field."))
    senders = _read_boxes(fields["from"])
    if len(senders) != 1 or len(read_address_pairs(fields["from"])) != 1:
        raise RawMessageError(
            "bad_from", _("The From field needs exactly one address that can be written to.")
        )
    return RawHead(
        senders[0],
        _one_line(" ".join(fields.get("subject", ()))),
        read_message_id("".join(fields.get("message-id", [""])[:1])),
        tuple(
            write_mailbox(box.name, box.address.text) for box in _read_boxes(fields.get("reply-to", []))[:10]
        ),
        {box.address.key: box.name for box in _read_boxes(fields.get("to", []))},
        {box.address.key: box.name for box in _read_boxes(fields.get("cc", []))},
    )


def _split_fields(raw: bytes) -> dict[str, list[str]]:
    """By the same reading as that of composing: what counts as From here is what leaves as From."""
    message = split_message(raw[:MAX_HEADER_BYTES])
    if len(raw) > MAX_HEADER_BYTES and not message.body.strip(b"\r\n"):
        raise RawMessageError("bad_message", _("The message has no end of its header within 256 KB."))
    fields: dict[str, list[str]] = {}
    for one in message.fields:
        if one.key in _WANTED:
            fields.setdefault(one.key, []).append(one.text)
    return fields


def _read_boxes(values: list[str]) -> list[Mailbox]:
    """Those that can be read; a group or nonsense between them is left out."""
    boxes = []
    for name, text in read_address_pairs(values):
        try:
            boxes.append(Mailbox(_one_line(name)[:MAX_NAME], parse_address(text)))
        except AddressError:
            continue
    return boxes


def _one_line(text: str) -> str:
    """Encoded words become what they say; a line break in them becomes a space."""
    with suppress(HeaderParseError, MessageError, ValueError, LookupError):  # shown as it was written
        text = str(make_header(decode_header(text)))
    return " ".join(_UNSAFE.sub(" ", text).split())
