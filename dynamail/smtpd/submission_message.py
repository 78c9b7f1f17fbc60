"""What a submitted message asks for: its header read into a NewEmail, and what leaves of it.

    X-DynaMail-Stream: receipts            X-DynaMail-Track-Opens: yes
    X-DynaMail-Tag: order                  X-DynaMail-Send-At: 2027-01-31T09:00:00Z
    X-DynaMail-Metadata-order: 1842        X-DynaMail-Template: Receipt
    X-DynaMail-Metadata: {"order": "1842"} X-DynaMail-Data: {"total": 12}

Bytes are cut, never parsed and written again: what is not removed leaves as it came. From alone is written anew, from the one mailbox that
was checked, so that no reader of the header can see another sender in it than we did.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from dynamail.messages.new_email import NewEmail, NewRecipient, RecipientKind
from dynamail.protocols.address import AddressError, Mailbox, parse_address, split_mailbox, write_mailbox
from dynamail.protocols.mime import HeaderError, encode_addresses, format_date
from dynamail.protocols.raw_messages import read_address_pairs
from dynamail.protocols.reports.parts import decode_words

MOST_HEADER_BYTES = 256 * 1024
MOST_FIELDS = 1_000
PREFIX = "x-dynamail-"
# Of other services, for programs that come from there.
ALSO_READ = {"x-pm-tag": "tag", "x-pm-message-stream": "stream"}
# What is ours to write, or says more than a recipient should read.
REMOVED = frozenset(
    (
        "bcc",
        "resent-bcc",
        "return-path",
        "received",
        "dkim-signature",
        "authentication-results",
        "feedback-id",
    )
)
_FIELD_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_YES, _NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


class Misread(ValueError):
    """A sentence for the person whose program sent it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a header: lower-case name, unfolded value, and its octets with the line end."""

    name: str
    value: str
    octets: bytes


@dataclass(frozen=True, slots=True)
class Submission:
    """`email.raw` is what leaves; with a template there is none. `idempotency_key`: "" for none."""

    email: NewEmail
    idempotency_key: str = ""


def read_submission(raw: bytes, *, recipients: Sequence[str], now: datetime) -> Submission:
    """Raises Misread. `raw` has CRLF line ends only."""
    if b"\0" in raw:
        raise Misread(
            "The message has a NUL octet, which no message may have (RFC 5322 section 3.5); encode the part."
        )
    fields, body = split_message(raw)
    sender = _read_sender(fields)
    options = _read_options(fields)
    email = NewEmail(
        sender=write_mailbox(sender.name, sender.address.text),
        recipients=_name_recipients(recipients, fields),
        subject=_decode(_first(fields, "subject"))[:998],
        reply_to=tuple(_list_mailboxes(fields, "reply-to")),
        **options.email,
    )
    if not email.template:
        email = replace(email, raw=_write(fields, body, sender, now))
    return Submission(email, options.idempotency_key)


# ── Octets ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def split_message(raw: bytes) -> tuple[list[Field], bytes]:
    """The fields in order, and what comes after them, from the empty line on. Raises Misread."""
    end = 0 if raw.startswith(b"\r\n") else raw.find(b"\r\n\r\n") + 2
    if end == 1:  # no empty line: a header alone
        end = len(raw)
    if end > MOST_HEADER_BYTES:
        raise Misread(f"The header is larger than {MOST_HEADER_BYTES} octets.")
    fields: list[Field] = []
    for octets in _cut_fields(raw[:end]):
        found = _FIELD_NAME.match(octets)
        if found is None:
            raise Misread(
                "The header has a line that is no field; between header and text stands an empty line."
            )
        value = " ".join(octets[found.end() :].replace(b"\0", b" ").decode("utf-8", "replace").split())
        fields.append(Field(found[1].decode("ascii").lower(), value, octets))
    if len(fields) > MOST_FIELDS:
        raise Misread(f"The header has more than {MOST_FIELDS} fields.")
    return fields, raw[end:] or b"\r\n"


def _cut_fields(header: bytes) -> list[bytes]:
    """A line that begins with white space continues the field before it."""
    return [one for one in re.split(rb"(?<=\r\n)(?![ \t])", header) if one]


def _write(fields: Sequence[Field], body: bytes, sender: Mailbox, now: datetime) -> bytes:
    try:
        lines = [
            encode_addresses("From", [sender]) if one.name == "from" else one.octets
            for one in _list_kept(fields)
        ]
    except HeaderError as error:
        raise Misread(f"From cannot be written: {error}") from None
    if not _first(fields, "date"):
        lines.append(f"Date: {format_date(now)}\r\n".encode())
    return b"".join(line if line.endswith(b"\r\n") else line + b"\r\n" for line in lines) + body


def _list_kept(fields: Sequence[Field]) -> list[Field]:
    return [
        one
        for one in fields
        if one.name not in REMOVED and one.name not in ALSO_READ and not one.name.startswith((PREFIX, "arc-"))
    ]


# ── Who ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _read_sender(fields: Sequence[Field]) -> Mailbox:
    values = [one.value for one in fields if one.name == "from"]
    if len(values) != 1:
        raise Misread("The message needs one From." if not values else "The message has more than one From.")
    try:
        return _read_mailbox(values[0])
    except AddressError as error:
        raise Misread(f"From is not one mailbox such as “Acme <hello@acme.example>”: {error}") from None


def _read_mailbox(text: str) -> Mailbox:
    """Raises AddressError. Encoded words are read after the address is cut off, so that none can hold one."""
    mailbox = split_mailbox(text)
    return Mailbox(_decode(mailbox.name), mailbox.address)


def _name_recipients(recipients: Sequence[str], fields: Sequence[Field]) -> tuple[NewRecipient, ...]:
    """Each address once; what To or Cc names is of that kind, everybody else is a blind copy."""
    named = {
        key: (kind, name)
        for kind in (RecipientKind.CC, RecipientKind.TO)
        for key, name in _list_named(fields, kind)
    }
    found: dict[str, NewRecipient] = {}
    for text in recipients:
        kind, name = named.get(_key_of(text), (RecipientKind.BCC, ""))
        found.setdefault(_key_of(text), NewRecipient(text, name=name, kind=kind))
    return tuple(found.values())


def _list_named(fields: Sequence[Field], kind: RecipientKind) -> list[tuple[str, str]]:
    pairs = read_address_pairs([one.value for one in fields if one.name == kind.value])
    return [(_key_of(address), _decode(name)[:200]) for name, address in pairs if address]


def _key_of(text: str) -> str:
    try:
        return parse_address(text).key
    except AddressError:
        return text


def _list_mailboxes(fields: Sequence[Field], name: str) -> list[str]:
    pairs = read_address_pairs([one.value for one in fields if one.name == name])
    boxes = []
    for shown, address in pairs:
        try:
            boxes.append(write_mailbox(_decode(shown), parse_address(address).text))
        except AddressError:
            continue  # it leaves as it was written; only the log lacks it
    return boxes


def _decode(text: str) -> str:
    """Encoded words become what they say, on one line."""
    return " ".join(decode_words(text).split())


def _first(fields: Sequence[Field], name: str) -> str:
    return next((one.value for one in fields if one.name == name), "")


# ── What else ────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(slots=True)
class _Options:
    email: dict[str, Any]
    idempotency_key: str = ""


def _read_options(fields: Sequence[Field]) -> _Options:
    tags: list[str] = []
    metadata: dict[str, str] = {}
    options = _Options({})
    for one in fields:
        name = one.name.removeprefix(PREFIX) if one.name.startswith(PREFIX) else ALSO_READ.get(one.name)
        if name is None:
            continue
        value = _decode(one.value)
        if name in ("tag", "tags"):
            tags += [tag for tag in (part.strip() for part in value.split(",")) if tag]
        elif name == "metadata":
            metadata |= {key: _as_text(item) for key, item in _read_object(one.name, value).items()}
        elif name.startswith("metadata-"):
            metadata[name.removeprefix("metadata-")] = value
        else:
            _read_option(options, one.name, name, value)
    options.email |= {"tags": tuple(dict.fromkeys(tags)), "metadata": metadata}
    return options


def _read_option(options: _Options, header: str, name: str, value: str) -> None:
    match name:
        case "stream" | "topic" | "template":
            options.email[name] = value
        case "data":
            options.email["data"] = _read_object(header, value)
        case "track-opens" | "track-clicks":
            options.email[name.replace("-", "_")] = _read_choice(header, value)
        case "send-at":
            options.email["send_at"] = _read_moment(header, value)
        case "idempotency-key":
            options.idempotency_key = value
        case _:
            raise Misread(f"There is no header {header}. See “Headers” in the documentation of SMTP.")


def _as_text(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)


def _read_object(header: str, value: str) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Misread(f"{header} is not a JSON object.")
    return found


def _read_choice(header: str, value: str) -> bool:
    if value.lower() in _YES:
        return True
    if value.lower() in _NO:
        return False
    raise Misread(f"{header} is neither “yes” nor “no”.")


def _read_moment(header: str, value: str) -> datetime:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        try:
            at = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError):
            raise Misread(f"{header} is not a time such as 2027-01-31T09:00:00Z.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
