"""A message of eight bits made one of seven, for servers without 8BITMIME (RFC 6152 §3): its parts are encoded. So are parts with
lines that are too long for SMTP.

Our own encoders write seven bits from the start. This is for messages that came from elsewhere.
"""

from __future__ import annotations

from email.generator import BytesGenerator
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from io import BytesIO

from dynamail.protocols.transfer_encoding import declare_mime, write_part

MAX_LINE = 998  # RFC 5322 §2.1.1, without CRLF

MOST_BOUNDARIES = 10_000  # lines that may be one

_IDENTITIES = ("7bit", "8bit", "binary", "")
_SEALED = ("dkim-signature", "arc-message-signature")  # would no longer be true
_POLICY = compat32.clone(linesep="\r\n", max_line_length=0)


def make_seven_bit(message: bytes) -> bytes | None:
    """The same message in ASCII. None when that would break a signature or the header fields themselves are not ASCII."""
    header, _, _ = message.replace(b"\r\n", b"\n").partition(b"\n\n")
    if not header.isascii() or has_too_many_parts(message):
        return None
    try:
        parsed = BytesParser(policy=_POLICY).parsebytes(message)
        if any(name in parsed for name in _SEALED) or not all(_convert(part) for part in parsed.walk()):
            return None
        declare_mime(parsed)
        output = BytesIO()
        BytesGenerator(output, mangle_from_=False, policy=_POLICY).flatten(parsed)
    except (RecursionError, LookupError, ValueError):
        return None  # deeper or stranger than anybody reads
    converted = output.getvalue()
    return converted if converted.isascii() else None


def has_too_many_parts(message: bytes) -> bool:
    """Parsing hundreds of thousands of parts would hold everybody up for minutes; nobody means them."""
    return message.count(b"\n--") > MOST_BOUNDARIES


def _convert(part: Message) -> bool:
    """Whether the part could be kept or converted."""
    if part.get_content_type() == "multipart/signed":
        return False
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if part.is_multipart():
        if encoding in ("8bit", "binary"):
            part.replace_header("Content-Transfer-Encoding", "7bit")
        return True
    if encoding not in _IDENTITIES:
        return True  # ASCII already, or found out in the end
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes) or (data.isascii() and not _has_long_line(data)):
        return True
    write_part(part, data)
    return True


def _has_long_line(data: bytes) -> bool:
    return max(map(len, data.split(b"\n"))) > MAX_LINE
