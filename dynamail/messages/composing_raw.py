"""A message that its sender composed whole (SMTP submission, raw API) goes on as it came, as far as that is safe.

Kept: the body, and all fields that are the sender's to write. Replaced: From, which shows nobody but whom the door let in; Message-ID
unless it was a good one; Feedback-ID, and with a topic the fields of lists. Removed: Bcc, and what only servers on the way may write. A field that does not fit on the wire is encoded
anew; so are parts with eight bits or lines that are too long, except in a signed message, which would no longer be what was signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from email.generator import BytesGenerator
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from io import BytesIO

from dynamail.content.markup import words
from dynamail.messages.composing import ComposingSettings, make_return_path, one_line
from dynamail.messages.composing_emails import (
    LIST_HEADERS,
    NOBODY_NAMED,
    EmailCopy,
    encode_message_id,
    find_links,
    list_own_fields,
)
from dynamail.messages.signing import SigningIdentity
from dynamail.messages.single_links import SingleLinks, track_html
from dynamail.messages.stored_emails import StoredEmail
from dynamail.protocols.address import AddressError, Mailbox, parse_address
from dynamail.protocols.dkim import sign_message
from dynamail.protocols.mime import (
    HeaderError,
    encode_addresses,
    encode_header,
    encode_structured,
    format_date,
)
from dynamail.protocols.raw_messages import MAX_LINE, RawField, RawMessage, read_address_pairs, split_message
from dynamail.protocols.seven_bit import has_too_many_parts, make_seven_bit
from dynamail.protocols.smtp.envelopes import Envelope
from dynamail.protocols.smtp.wire import make_wire_safe
from dynamail.protocols.transfer_encoding import declare_mime, write_part

_REMOVED = words(
    "from message-id feedback-id bcc resent-bcc return-path received received-spf dkim-signature domainkey-signature authentication-results "
    "x-mailru-msgtype x-postmaster-msgtype cfbl-address delivered-to x-original-to"
)
_REMOVED_PREFIXES = ("x-dynamail-", "arc-")
_ONCE = words(  # RFC 5322 §3.6: a second one is a defect
    "sender reply-to to cc subject date mime-version content-type content-transfer-encoding in-reply-to references"
)
_ADDRESSES = frozenset(("sender", "reply-to", "to", "cc", "resent-from", "resent-to", "resent-cc"))
_SEALED_TYPES = frozenset(
    ("multipart/signed", "multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
)
_POLICY = compat32.clone(linesep="\r\n", max_line_length=0)


def compose_raw(
    email: StoredEmail,
    copy: EmailCopy,
    *,
    settings: ComposingSettings,
    identity: SigningIdentity | None,
    now: datetime,
    token: object = None,
) -> Envelope:
    """The copy for one recipient of a message that came whole. Raises AddressError and HeaderError."""
    identity = identity or SigningIdentity()
    raw = split_message(email.raw or b"")
    header, needs_smtputf8 = _make_header(email, copy, raw, settings, now)
    message = header + b"\r\n" + raw.body
    if (links := find_links(email, copy, settings, identity)) is not None:
        message = _track(message, links, opens=email.track_opens, clicks=email.track_clicks)
    message = _fit(message)
    if identity.signers:
        message = sign_message(message, identity.signers, now=now) + message
    return Envelope(
        make_return_path(copy.message_id, settings, domain=identity.return_path_domain),
        parse_address(copy.recipient).envelope,
        message,
        token,
        needs_smtputf8,
        wants_dialog=True,
        message_id=copy.message_id,
    )


# --- the header ------------------------------------------------------------------------------------------------------


def _make_header(
    email: StoredEmail, copy: EmailCopy, raw: RawMessage, settings: ComposingSettings, now: datetime
) -> tuple[bytes, bool]:
    """The fields, and whether they need SMTPUTF8."""
    kept = list(_list_kept(raw, has_topic=email.topic_id is not None))
    is_separate = email.texts is not None and email.texts.separate
    if is_separate:
        kept = [one for one in kept if one.key not in ("to", "cc")]
    author = Mailbox(one_line(email.from_name), parse_address(email.from_email))
    fields = [
        encode_message_id(email, settings),
        encode_addresses("From", [author]),
        *list_own_fields(email, copy, settings),
    ]
    names = {one.key for one in kept}
    if "date" not in names:
        fields.append(f"Date: {format_date(now)}\r\n".encode("ascii"))
    if is_separate:
        fields.append(encode_addresses("To", [Mailbox("", parse_address(copy.recipient))]))
    elif not names & {"to", "cc"}:
        fields.append(encode_structured("To", NOBODY_NAMED))
    header = b"".join((*fields, *map(_encode, kept)))
    return header, not header.isascii()


def _list_kept(raw: RawMessage, *, has_topic: bool) -> Iterator[RawField]:
    seen: set[str] = set()
    for one in raw.fields:
        key = one.key
        if key in _REMOVED or key.startswith(_REMOVED_PREFIXES) or (has_topic and key in LIST_HEADERS):
            continue
        if key in _ONCE and key in seen:
            continue
        seen.add(key)
        yield one


def _encode(one: RawField) -> bytes:
    if one.is_fit:
        return one.encode()
    text = one_line(one.text)
    if one.key in _ADDRESSES:
        return _encode_addresses(one.name, text)
    return encode_header(one.name, text)


def _encode_addresses(name: str, text: str) -> bytes:
    try:
        boxes = [
            Mailbox(one_line(shown), parse_address(email)) for shown, email in read_address_pairs([text])
        ]
    except AddressError as error:
        raise HeaderError(f"{name} cannot be written: {error}") from error
    return encode_addresses(name, boxes) if boxes else b""


# --- the body --------------------------------------------------------------------------------------------------------


def _fit(message: bytes) -> bytes:
    """Seven bits and short lines, where that breaks nothing."""
    body = message.partition(b"\r\n\r\n")[2]
    if body.isascii() and max(map(len, body.split(b"\r\n"))) <= MAX_LINE:
        return message
    converted = make_seven_bit(message)
    return make_wire_safe(message if converted is None else converted, stuff_dots=False)


def _track(message: bytes, links: SingleLinks, *, opens: bool, clicks: bool) -> bytes:
    """With counted links in its HTML; as it is when it is signed, encrypted or stranger than anybody reads."""
    if has_too_many_parts(message):
        return message
    try:
        parsed = BytesParser(policy=_POLICY).parsebytes(message)
        parts = list(parsed.walk())
        if any(part.get_content_type() in _SEALED_TYPES for part in parts):
            return message
        changed = [_track_part(part, links, opens=opens, clicks=clicks) for part in parts]
        if not any(changed):
            return message
        declare_mime(parsed)
        output = BytesIO()
        BytesGenerator(output, mangle_from_=False, policy=_POLICY).flatten(parsed)
    except (RecursionError, LookupError, ValueError):
        return message
    return output.getvalue()


def _track_part(part: Message, links: SingleLinks, *, opens: bool, clicks: bool) -> bool:
    if part.get_content_type() != "text/html" or part.get_content_disposition() == "attachment":
        return False
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return False
    html = data.decode(part.get_content_charset() or "utf-8", "strict")
    tracked = track_html(html, links, opens=opens, clicks=clicks)
    if tracked == html:
        return False
    part.set_param("charset", "utf-8")
    write_part(part, tracked.encode())
    return True
