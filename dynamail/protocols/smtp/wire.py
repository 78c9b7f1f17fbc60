"""What may follow DATA: bodies that end where we say and nowhere else (RFC 5321 §4.1.1.4, §4.5.2).

SMTP smuggling hides `<LF>.<CR><LF>MAIL FROM…` and its relatives in a body and hopes that the next server ends the message
there. A body that leaves here has CRLF line ends only (a bare CR or LF becomes CRLF), no NUL (it becomes a space), no line
above 998 octets, and every line that begins with a dot is stuffed; so none of these sequences survives, whatever the next
server's reading is, and no server has a reason to change or refuse what it gets.

Our own encoders never write any of that. What is repaired here came from somebody else, unsigned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_LINE = 998  # octets without CRLF, RFC 5321 §4.5.3.1.6; the dot of stuffing does not count
MAX_PATH = 254  # octets between the brackets, RFC 5321 §4.5.3.1.3

_UNSAFE_ADDRESS = re.compile("[\x00-\x20\x7f-\xa0<>\u2028\u2029\ud800-\udfff]")


def is_wire_safe(body: bytes) -> bool:
    """Whether the body may be written after DATA as it is: what our own encoders promise, and tests check."""
    return _has_clean_lines(body) and not body.startswith(b".") and b"\n." not in body


def make_wire_safe(body: bytes, *, stuff_dots: bool) -> bytes:
    """Normalize line ends to CRLF, end with one, and stuff dots for DATA (BDAT counts bytes instead).

    NUL, which is allowed nowhere in a message (RFC 5321 §4.5.2, RFC 2045 §2.7), becomes a space. A line that is too long is
    broken before a space of ours: inside a header field that is folding, and everywhere no character is cut in two.
    """
    if not _has_clean_lines(body):
        body = body.replace(b"\0", b" ").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = body.removesuffix(b"\n").split(b"\n")
        if max(map(len, lines)) > MAX_LINE:
            lines = [piece for line in lines for piece in _break(line)]
        body = b"\r\n".join(lines) + b"\r\n"
    if stuff_dots:
        body = body.replace(b"\n.", b"\n..")
        if body.startswith(b"."):
            body = b"." + body
    return body


def _break(line: bytes) -> Iterator[bytes]:
    start, prefix = 0, b""
    while len(line) - start > MAX_LINE - len(prefix):
        end = start + MAX_LINE - len(prefix)
        for _ in range(3):  # a character of UTF-8 has at most three octets behind its first
            if line[end] & 0xC0 == 0x80:
                end -= 1
        yield prefix + line[start:end]
        start, prefix = end, b" "
    yield prefix + line[start:]


def is_address_safe(address: str) -> bool:
    """The last look before MAIL and RCPT: nothing that could end the path or the line. Refused, never repaired."""
    return _UNSAFE_ADDRESS.search(address) is None and len(address.encode()) <= MAX_PATH


def _has_clean_lines(body: bytes) -> bool:
    breaks = body.count(b"\n")
    return (
        body.endswith(b"\r\n")
        and breaks == body.count(b"\r")
        and breaks == body.count(b"\r\n")
        and b"\0" not in body
        and max(map(len, body.split(b"\r\n"))) <= MAX_LINE
    )
