"""What several vendors' requests have in common: lists of addresses, files in base 64, values for templates."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from dynamail.api.auth import ApiRequest
from dynamail.api.compat.doors import unfit
from dynamail.api.errors import Problem
from dynamail.api.misfits import name_fault
from dynamail.api.reading import decode_body, refuse
from dynamail.messages.checking import MAX_CONTENT
from dynamail.messages.new_email import NewEmail, NewRecipient, RecipientKind
from dynamail.protocols.address import AddressError, split_mailbox

MAX_TEXTS = 50 * 2**20  # characters of all emails of a request together
MAX_ADDRESSES = 1_000  # in one field; each vendor has a smaller limit for an email
_MARK = re.compile(r'\\.|[",<>]', re.DOTALL)

Read = TypeVar("Read")


def decode_said(request: ApiRequest, body: bytes, decoder: msgspec.json.Decoder[Read]) -> Read:
    """A JSON body as a record. Raises Problem (400, 415, 422)."""
    try:
        return decode_body(request, body, decoder.decode)
    except msgspec.ValidationError as error:
        raise refuse(name_fault(error)) from None


def decode_raw(raw: msgspec.Raw | str, decoder: msgspec.json.Decoder[Read]) -> Read:
    """A piece of a request that is JSON as a record. Raises Problem (422)."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise refuse(name_fault(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise unfit("bad_request", "body", "This is no JSON that can be read.") from None


def convert_said(value: Any, shape: type[Read]) -> Read:
    """Plain values as a record. Raises Problem (422)."""
    try:
        return msgspec.convert(value, shape, str_keys=True)
    except msgspec.ValidationError as error:
        raise refuse(name_fault(error)) from None


def read_object(text: str, field: str) -> dict[str, Any]:
    """A field of a form that holds a JSON object. Raises Problem."""
    try:
        value = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise unfit("invalid", field, f"The value of {field} must be a JSON object.")
    return value


def split_addresses(text: str) -> list[str]:
    """The pieces of `Ann <ann@a.example>, "Lee, Bob" <bob@b.example>` (RFC 5322 §3.4, without groups)."""
    pieces, start, quoted, bracketed = [], 0, False, False
    for mark in _MARK.finditer(text):
        match mark[0]:
            case '"' if not bracketed:
                quoted = not quoted
            case "<" | ">" if not quoted:
                bracketed = mark[0] == "<"
            case "," if not (quoted or bracketed):
                pieces.append(text[start : mark.start()])
                start = mark.end()
    pieces.append(text[start:])
    return [stripped for piece in pieces if (stripped := piece.strip())]


def read_recipients(texts: str | Iterable[str] | None, kind: RecipientKind, field: str) -> list[NewRecipient]:
    """Recipients of one kind from one text, or from several, each perhaps a list. Raises Problem for the first that is no address."""
    pieces = [texts] if isinstance(texts, str) else list(texts or ())
    found = [NewRecipient(one, kind=kind) for piece in pieces for one in split_addresses(piece)]
    if len(found) > MAX_ADDRESSES:
        raise unfit("too_many_recipients", field, f"{field} has more than {MAX_ADDRESSES} addresses.")
    for recipient in found:
        check_mailbox(recipient.text, field)
    return found


def check_mailbox(text: str, field: str) -> str:
    """The text, when it is an address or a name with one. Raises Problem."""
    try:
        split_mailbox(text)
    except AddressError as error:
        raise unfit(error.code, field, f"{field}: “{text[:100]}” is no address. {error}") from None
    return text


def count_recipients(recipients: Iterable[NewRecipient], *, most: int) -> tuple[NewRecipient, ...]:
    """The recipients of one email, when there are some and not too many. Raises Problem."""
    every = tuple(recipients)
    if not every:
        raise unfit("no_recipient", "to", "Name at least one recipient.")
    if len(every) > most:
        text = f"One email may have {most} recipients (to, cc and bcc together); this one has {len(every)}."
        raise unfit("too_many_recipients", "to", text)
    return every


def decode_file(text: str, field: str) -> bytes:
    """What a file holds. Clients break the lines of base 64 or leave its end off; anything else is refused. Raises Problem."""
    compact = "".join(text.split())
    try:
        return b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (NotBase64, ValueError):
        raise unfit("invalid_attachment", field, f"{field} is not base 64.") from None


class Room:
    """How much text a request may still become: many copies of one text, or marks that stand for long ones, fill no memory."""

    def __init__(self) -> None:
        self._left = MAX_TEXTS

    def take(self, email: NewEmail) -> NewEmail:
        """Raises Problem."""
        self._left -= len(email.html) + len(email.text)
        if self._left < 0:
            text = f"The emails of one request have up to {MAX_TEXTS >> 20} MB of text together. Send them with several requests."
            raise unfit("too_large", "content", text)
        return email


def check_growth(length: int, field: str) -> None:
    """Of a text into which values are put. Raises Problem."""
    if length > MAX_CONTENT:
        text = f"With its values, the text would be longer than {MAX_CONTENT} characters."
        raise unfit("too_large", field, text)


def keep_texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    """Metadata as texts: numbers and truth values as JSON writes them, nothing for null."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in (values or {}).items()
        if value is not None
    }


def read_time(text: str, field: str) -> datetime:
    """A moment in ISO 8601 with its offset. Raises Problem."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        example = "2026-08-05T11:52:01Z"
        raise unfit("invalid_time", field, f"Write {field} in ISO 8601 with an offset, such as {example}.")
    return moment


def template_name(value: str | int) -> str:
    """What we look a template up by: its id, or its name. A vendor's number is a name as well: call the template so."""
    return str(value).strip()


def missing(field: str, text: str) -> Problem:
    return unfit("required", field, text)
