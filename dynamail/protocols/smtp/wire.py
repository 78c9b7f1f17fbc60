"""What may follow DATA: bodies that end where we say and nowhere else (RFC 5321 §4.1.1.4, §4.5.2).

SMTP smuggling hides `<LF>.<CR><LF>MAIL FROM…` and its relatives in a body and hopes that the next server ends the message
there. A body that leaves here has CRLF line ends only (a bare CR or LF becomes CRLF), no NUL, and every line that begins
with a dot is stuffed; so none of these sequences survives, whatever the next server's reading is.
"""

from __future__ import annotations

import re

_ANY_LINE_END = re.compile(rb"\r\n|\r|\n")
_UNSAFE_ADDRESS = re.compile("[\x00-\x20\x7f-\xa0<>\u2028\u2029\ud800-\udfff]")
MAX_PATH = 254  # octets between the brackets, RFC 5321 §4.5.3.1.3


class UnsafeBody(ValueError):
    """The body contains NUL, which no SMTP extension that we use allows (RFC 5321 §4.5.2, RFC 6152 §3)."""


def is_wire_safe(body: bytes) -> bool:
    """Whether the body may be written after DATA as it is: what our own encoders promise, and tests check."""
    return _has_clean_lines(body) and not body.startswith(b".") and b"\n." not in body


def make_wire_safe(body: bytes, *, stuff_dots: bool) -> bytes:
    """Normalize line ends to CRLF, end with one, and stuff dots for DATA (BDAT counts bytes instead). Raises UnsafeBody."""
    if not _has_clean_lines(body):
        if b"\0" in body:
            raise UnsafeBody("The message contains a NUL byte.")
        body = _ANY_LINE_END.sub(b"\r\n", body)
        if not body.endswith(b"\r\n"):
            body += b"\r\n"
    if stuff_dots:
        body = body.replace(b"\n.", b"\n..")
        if body.startswith(b"."):
            body = b"." + body
    return body


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
    )
