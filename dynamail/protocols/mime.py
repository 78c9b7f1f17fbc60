"""Messages as bytes: header fields, body parts, multiparts (RFC 5322, 2045–2047, 2231).

Two rules hold for every function here. A header value, name or filename with a control character, a line or paragraph
separator or a lone surrogate is refused (`HeaderError`), never cleaned: a line break in a subject is an attack or a defect.
And what leaves is *wire safe*: CRLF line ends only, no NUL, no line that begins with a dot or is longer than 998 octets.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from dynamail.protocols.address import Mailbox
from dynamail.protocols.quoted_printable import encode_quoted_printable, encode_text

FOLD_AT = 78  # RFC 5322 §2.1.1, without CRLF
MAX_LINE = 998  # RFC 5322 §2.1.1, without CRLF
MAX_ENCODED_WORD = 75  # RFC 2047 §2
MAX_ENCODED_LINE = 76  # RFC 2047 §2: a line that holds an encoded word
MAX_HEADER_NAME = 76

_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_PLAIN_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_FOLD_POINT = re.compile(r" *[^ ]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTABLE = re.compile(r"[ -~]*")
_CONTENT_TYPE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
    r"(?:; ?[A-Za-z0-9-]{1,40}=[A-Za-z0-9!#$&^_.+-]{1,100}){0,5}"
)
# RFC 2392 wants an @; senders write a plain word, and every reader finds it.
_CONTENT_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,200}(?:@[A-Za-z0-9.-]{1,200})?")
_MESSAGE_ID_LEFT = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_PLAIN_FILENAME = re.compile(r"[A-Za-z0-9 ._+@,()-]{1,60}")
_LINE_END = re.compile(r"\r\n|\r|\n")
_PLAIN_TEXT = re.compile(r"[\t\n\r -~]*")
_UNFIT_LINE = re.compile(r"(?m)^(?:\.|From )|[ \t]$")
# RFC 2047 §5 rule 3: what Q may leave as it is even inside a display name.
_Q_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")
_Q_TABLE = tuple(
    "_" if octet == 0x20 else chr(octet) if octet in _Q_SAFE else f"={octet:02X}" for octet in range(256)
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class HeaderError(ValueError):
    """A value that must not enter a header field."""


@dataclass(frozen=True, slots=True)
class Part:
    """One MIME entity: its Content-* header fields and its encoded body, both wire safe."""

    headers: bytes
    body: bytes


# --- header fields ---------------------------------------------------------------------------------------------------


def check_header_value(name: str, value: str) -> None:
    """Refuse a value that could begin another header field or hide from a reader. Raises HeaderError."""
    found = _FORBIDDEN.search(value)
    if found:
        raise HeaderError(
            f"{name} contains a character that is not allowed in a header: U+{ord(found[0]):04X}"
        )


def encode_header(name: str, value: str) -> bytes:
    """An unstructured field such as Subject, folded, with its CRLF. Any other Unicode becomes encoded words (RFC 2047).

    A reader that decodes the field gets exactly `value`. Raises HeaderError.
    """
    _check_header_name(name)
    plain = _PLAIN_VALUE.fullmatch(value) and "=?" not in value
    if plain and len(name) + 2 + len(value) <= FOLD_AT:
        return f"{name}: {value}\r\n".encode("ascii")
    check_header_value(name, value)
    if not value:
        return f"{name}: \r\n".encode("ascii")
    if plain:
        lines = _fold(name, value)
        if max(map(len, lines)) <= MAX_LINE:
            return _join_lines(lines)
    return _encode_as_words(name, value)


def encode_structured(name: str, value: str) -> bytes:
    """A field whose value already obeys its own grammar (List-Unsubscribe, References); folded at its spaces.

    UTF-8 passes as it is, for messages that travel by SMTPUTF8 (RFC 6532). Raises HeaderError, also for a line above 998.
    """
    _check_header_name(name)
    check_header_value(name, value)
    lines = _fold(name, value.strip(" "))
    folded = _join_lines(lines)
    if any(len(line) > MAX_LINE for line in folded.split(b"\r\n")):
        raise HeaderError(f"{name} is too long for one line and has no place to fold it.")
    return folded


def encode_addresses(name: str, mailboxes: Sequence[Mailbox]) -> bytes:
    """An address field (From, To, Cc, Reply-To). Raises HeaderError."""
    return encode_structured(name, ", ".join(format_mailbox(box) for box in mailboxes))


def format_mailbox(mailbox: Mailbox) -> str:
    """`Ann Lee <ann@example.com>`, the name quoted or encoded where it must be; the domain in A-labels."""
    name, address = mailbox.name, mailbox.address.envelope
    if not name:
        return address
    return f"{format_phrase(name)} <{address}>"


def format_date(at: datetime) -> str:
    """RFC 5322 §3.3 date of an aware datetime: `Fri, 21 Nov 2025 09:55:06 +0300`. English in every locale."""
    offset = at.utcoffset()
    if offset is None:
        raise ValueError("format_date needs an aware datetime")
    minutes = round(offset.total_seconds() / 60)
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02d} {_MONTHS[at.month - 1]} {at.year:04d} "
        f"{at.hour:02d}:{at.minute:02d}:{at.second:02d} {sign}{minutes // 60:02d}{minutes % 60:02d}"
    )


def format_message_id(left: str, domain: str) -> str:
    """`<left@domain>` (RFC 5322 §3.6.4). Raises HeaderError."""
    if not _MESSAGE_ID_LEFT.fullmatch(left) or not _DOMAIN.fullmatch(domain) or len(left) + len(domain) > 240:
        raise HeaderError("The message id contains a character that is not allowed there.")
    return f"<{left}@{domain}>"


def _check_header_name(name: str) -> None:
    if not _HEADER_NAME.fullmatch(name) or len(name) > MAX_HEADER_NAME:
        raise HeaderError(f"{name[:80]!r} is not a valid header name.")


def _fold(name: str, value: str) -> list[str]:
    """Break before spaces so that lines have at most 78 characters where the words allow it."""
    lines, line = [], f"{name}:"
    for index, word in enumerate(_FOLD_POINT.findall(" " + value)):
        if index and len(line) + len(word) > FOLD_AT:
            lines.append(line)
            line = word
        else:
            line += word
    lines.append(line)
    return lines


def _join_lines(lines: Sequence[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n").encode()


def _encode_as_words(name: str, value: str) -> bytes:
    room = MAX_ENCODED_LINE - len(name) - 2
    if room < MAX_ENCODED_WORD // 2:
        return _join_lines([f"{name}:", *(f" {word}" for word in _encoded_words(value, MAX_ENCODED_WORD))])
    first, *rest = _encoded_words(value, room)
    return _join_lines([f"{name}: {first}", *(f" {word}" for word in rest)])


def _encoded_words(value: str, first_room: int) -> list[str]:
    """Encoded words in Q or B, whichever is shorter; no code point is split (RFC 2047 §5)."""
    data = value.encode()
    q_length = sum(len(_Q_TABLE[octet]) for octet in data)
    if q_length <= 4 * ((len(data) + 2) // 3):
        return _q_words(value, first_room)
    return _b_words(data, first_room)


def _q_words(value: str, room: int) -> list[str]:
    room = min(room, MAX_ENCODED_WORD) - len("=?utf-8?q??=")
    words, word = [], ""
    for character in value:
        escaped = "".join(_Q_TABLE[octet] for octet in character.encode())
        if len(word) + len(escaped) > room:
            words.append(f"=?utf-8?q?{word}?=")
            word, room = "", MAX_ENCODED_WORD - len("=?utf-8?q??=")
        word += escaped
    words.append(f"=?utf-8?q?{word}?=")
    return words


def _b_words(data: bytes, room: int) -> list[str]:
    room = min(room, MAX_ENCODED_WORD)
    words, start = [], 0
    while start < len(data):
        end = start + (room - len("=?utf-8?b??=")) // 4 * 3
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        words.append(f"=?utf-8?b?{base64.b64encode(data[start:end]).decode('ascii')}?=")
        start, room = end, MAX_ENCODED_WORD
    return words


def format_phrase(name: str) -> str:
    """A phrase (RFC 5322 §3.2.5) as atoms, quoted or encoded. Raises HeaderError."""
    check_header_value("The display name", name)
    if "=?" not in name and len(name) <= MAX_LINE // 2:
        if _ATOMS.fullmatch(name):
            return name
        if _QUOTABLE.fullmatch(name):
            return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return " ".join(_encoded_words(name, MAX_ENCODED_WORD - len("Reply-To: ")))


# --- parts -----------------------------------------------------------------------------------------------------------


def text_part(text: str, *, subtype: str = "plain") -> Part:
    """text/plain or text/html in UTF-8: 7bit when it may stay as it is, else the shorter of quoted-printable and base64.

    Line ends become CRLF. Lone surrogates become U+FFFD.
    """
    if is_fit_for_7bit(text):
        return _text_part(subtype, "7bit", _LINE_END.sub("\r\n", text).encode("ascii"))
    quoted = encode_quoted_printable(text)
    data = encode_text(_LINE_END.sub("\r\n", text))
    if len(quoted) <= len(data) * 1.37:
        return _text_part(subtype, "quoted-printable", quoted)
    return _text_part(subtype, "base64", _encode_base64(data))


def attachment_part(
    content: bytes, *, filename: str, content_type: str = "application/octet-stream", content_id: str = ""
) -> Part:
    """A file, base64. With a `content_id` (`logo@example.com`) it is an inline image for `cid:` links. Raises HeaderError."""
    if not is_content_type(content_type):
        raise HeaderError(f"{content_type[:80]!r} is not a valid content type.")
    if content_id and not _CONTENT_ID.fullmatch(content_id):
        raise HeaderError("The content id of an inline file is a word such as logo or logo@example.com.")
    disposition = "inline" if content_id else "attachment"
    headers = [
        encode_structured("Content-Type", content_type),
        b"Content-Transfer-Encoding: base64\r\n",
        encode_structured("Content-Disposition", f"{disposition}; {_format_filename(filename)}"),
    ]
    if content_id:
        headers.append(encode_structured("Content-ID", f"<{content_id}>"))
    return Part(b"".join(headers), _encode_base64(content))


def is_content_type(text: str) -> bool:
    """Such as `text/calendar; method=REQUEST`, as it may stand in a header."""
    return _CONTENT_TYPE.fullmatch(text) is not None


def multipart(subtype: str, parts: Sequence[Part], *, seed: bytes) -> Part:
    """multipart/alternative, /mixed or /related. The boundary depends on `seed` alone, so the same message has the same bytes."""
    if not _HEADER_NAME.fullmatch(subtype):
        raise HeaderError(f"{subtype[:80]!r} is not a valid multipart subtype.")
    boundary = make_boundary(seed, parts)
    delimiter = b"--" + boundary.encode("ascii")
    body = b"".join(b"%b\r\n%b\r\n%b\r\n" % (delimiter, part.headers, part.body) for part in parts)
    headers = encode_structured("Content-Type", f'multipart/{subtype}; boundary="{boundary}"')
    return Part(headers, body + delimiter + b"--\r\n")


def make_boundary(seed: bytes, parts: Sequence[Part] = ()) -> str:
    """A boundary that occurs in no part. `=_` never occurs in quoted-printable and base64 (RFC 2045 §6.7)."""
    for attempt in range(1000):
        digest = hashlib.sha256(b"boundary %d %b" % (attempt, seed)).digest()
        boundary = "=_" + base64.b32encode(digest[:15]).decode("ascii").lower()
        needle = boundary.encode("ascii")
        if not any(needle in part.body or needle in part.headers for part in parts):
            return boundary
    raise AssertionError("a thousand boundaries occur in one message")


def build_message(header_fields: Iterable[bytes], content: Part) -> bytes:
    """The whole message. Fields come from the encoders above; MIME-Version is added; the last line ends with CRLF."""
    end = b"" if content.body.endswith(b"\r\n") else b"\r\n"
    return b"".join(
        (*header_fields, b"MIME-Version: 1.0\r\n", content.headers, b"\r\n", content.body, end),
    )


def is_fit_for_7bit(text: str) -> bool:
    """Plain ASCII, no long line, nothing that a relay or a mailbox file would change on the way."""
    if not _PLAIN_TEXT.fullmatch(text):
        return False
    unified = _LINE_END.sub("\n", text)
    return not _UNFIT_LINE.search(unified) and all(len(line) <= MAX_LINE for line in unified.split("\n"))


def _text_part(subtype: str, encoding: str, body: bytes) -> Part:
    if not _HEADER_NAME.fullmatch(subtype):
        raise HeaderError(f"{subtype[:80]!r} is not a valid text subtype.")
    headers = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"
    return Part(headers.encode("ascii"), body)


def _encode_base64(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def _format_filename(filename: str) -> str:
    """`filename=` for plain names, else RFC 2231: UTF-8, percent-encoded, in numbered pieces when it is long."""
    check_header_value("The file name", filename)
    if not filename:
        raise HeaderError("The file name is empty.")
    if _PLAIN_FILENAME.fullmatch(filename) and filename == filename.strip(" "):
        return f'filename="{filename}"'
    pieces, piece = [], "utf-8''"
    for character in filename:
        escaped = quote(character, safe="!#$&+^_`{}~")
        if len(piece) + len(escaped) > 55:
            pieces.append(piece)
            piece = ""
        piece += escaped
    pieces.append(piece)
    if len(pieces) == 1:
        return f"filename*={pieces[0]}"
    return "; ".join(f"filename*{index}*={value}" for index, value in enumerate(pieces))
