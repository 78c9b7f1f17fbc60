"""Quoted-printable in segments that can be encoded apart and joined (RFC 2045 §6.7).

A campaign's page is static bytes with slots. Static bytes are encoded once, a slot's value once per recipient, and the
message is their concatenation. The rule that makes this safe: **a segment begins at column 0 and leaves the line at
column 0**, by a line break of the text or by a soft one. So no line is longer than 76, whatever stands beside it, and no
line begins with a dot or with "From ": dot-stuffing has nothing to do and no relay rewrites the body.

Tabs and every second space of a run are escaped, so the encoded form is its own relaxed canonical form (RFC 6376 §3.4.4, but for
empty lines at the end): DKIM hashes it as it is.
"""

from __future__ import annotations

import re
from binascii import b2a_qp
from collections.abc import Iterable

MAX_LINE = 76  # RFC 2045 §6.7 rule 5, without CRLF

SHORT_SLOT = 24  # octets: every one may become three characters, and a guarded first one two more

SOFT_BREAK = b"=\r\n"
_ESCAPES = {bytes([octet]): b"=%02X" % octet for octet in range(256)}
_RUN, _ESCAPED_RUN = b"  ", b" =20"
_UNSAFE = re.compile(rb"[^ !-<>-~]")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_PLAIN_SLOT = re.compile(r"(?!\.|From )[ !-<>-~]{1,75}")


def qp_static(data: bytes) -> bytes:
    """Encode a segment of UTF-8 text; CR, LF and CRLF each become CRLF. An empty segment is empty."""
    if not data:
        return b""
    *whole_lines, rest = _LINE_END.split(data)
    encoded = [_encode_line(line) + b"\r\n" for line in whole_lines]
    if rest:
        encoded.append(_wrap(_escape_all(rest)) + SOFT_BREAK)
    return b"".join(encoded)


def qp_slot(value: str) -> bytes:
    """Encode one recipient's value. Lone surrogates become U+FFFD, for a bad value must not stop a campaign."""
    if _PLAIN_SLOT.fullmatch(value) and "  " not in value:
        return value.encode("ascii") + SOFT_BREAK
    data = encode_text(value)
    if len(data) <= SHORT_SLOT and value.isprintable():
        encoded = b2a_qp(data).replace(_RUN, _ESCAPED_RUN)  # In C; too short to need wrapping.
        return _guard_line_start(encoded) + SOFT_BREAK
    return qp_static(data)


def qp_join(segments: Iterable[bytes]) -> bytes:
    """Join segments to a whole body, whose last line must not end in a soft line break (RFC 2045 §6.7 rule 3)."""
    body = b"".join(segments)
    if not body.endswith(SOFT_BREAK):
        return body
    if body[-4:-3] == b" ":
        return body[:-4] + SOFT_BREAK + _ESCAPES[b" "]
    return body[:-3]


def encode_quoted_printable(text: str) -> bytes:
    """Encode a whole body. It decodes to the text with its line ends as CRLF."""
    return qp_join([qp_static(encode_text(text))])


def encode_text(text: str) -> bytes:
    """UTF-8, with lone surrogates replaced by U+FFFD (they have no encoding)."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return re.sub("[\ud800-\udfff]", "\ufffd", text).encode()


def _escape_all(line: bytes) -> bytes:
    return _UNSAFE.sub(_escape, line).replace(_RUN, _ESCAPED_RUN)


def _escape(match: re.Match[bytes]) -> bytes:
    return _ESCAPES[match[0]]


def _encode_line(line: bytes) -> bytes:
    """Encode a line that a hard break ends: a last space or tab would be lost on the way (rule 3)."""
    escaped = _escape_all(line)
    if escaped.endswith(b" "):
        escaped = escaped[:-1] + _ESCAPES[b" "]
    return _wrap(escaped)


def _wrap(escaped: bytes) -> bytes:
    """Break into lines of at most 76 without cutting an escape in two."""
    if len(escaped) < MAX_LINE - 4:
        return _guard_line_start(escaped)
    lines = []
    start, length = 0, len(escaped)
    while True:
        guarded = _guard_line_start(escaped[start : start + MAX_LINE])
        growth = len(guarded) - min(MAX_LINE, length - start)
        if length - start + growth < MAX_LINE:
            lines.append(guarded)
            return SOFT_BREAK.join(lines)
        cut = MAX_LINE - 1
        if guarded[cut - 1] == 0x3D:
            cut -= 1
        elif guarded[cut - 2] == 0x3D:
            cut -= 2
        lines.append(guarded[:cut])
        start += cut - growth


def _guard_line_start(line: bytes) -> bytes:
    if line.startswith(b"."):
        return b"=2E" + line[1:]
    if line.startswith(b"From "):
        return b"=46" + line[1:]
    return line
