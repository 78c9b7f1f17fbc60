"""What one server or another has been seen to take for the end of a message (SMTP smuggling), and its neighbors."""

from __future__ import annotations

import re
from itertools import product

VICTIM = "victim@elsewhere.example"
SMUGGLED = f"MAIL FROM:<evil@{VICTIM}>\r\nRCPT TO:<{VICTIM}>\r\nDATA\r\nSubject: smuggled\r\n\r\nboo\r\n.\r\n".encode()

_LINE_ENDS = (b"\n", b"\r", b"\r\n", b"\r\r\n", b"\n\r")
# Twenty-five pairs of line ends around a dot, and the published one with NUL: twenty-six.
SEQUENCES = [before + b"." + after for before, after in product(_LINE_ENDS, _LINE_ENDS)] + [b"\r\n\0.\r\n"]
NEIGHBORS = [
    b"\r\n.\0\r\n",
    b"\0\r\n.\r\n",
    b"\n\n.\r\n",
    b"\r\r.\r\r",
    b"\n\n.\n\n",
    b"\r\n\r.\r\n",
    b"\r\n..\r\n",
    b"\n..\n",
    b"\r\n.\x0b\r\n",
    b"\x85.\x85",
    b"\xe2\x80\xa8.\xe2\x80\xa8",
    b"\r\n. \r\n",
    b"\r\n.\r\n.\r\n",
    b".\r\n",
    b"\r\n.",
    b"\0",
    b"\r",
    b"\n",
]
# A header, so that the sequences cannot lie in the envelope's reading; the text around them tells whether it is whole.
BODIES = [b"before" + ending + SMUGGLED + b"after\r\n" for ending in SEQUENCES + NEIGHBORS]
BODIES += [ending + SMUGGLED for ending in (b".\r\n", b"\n.\r\n", b"\r.\r")]
BODIES += [b"all: " + bytes(range(256)) * 3, (b"\r.\r" * 700), b"." * 3000, "ж".encode() * 3000]


def as_sent(body: bytes) -> bytes:
    """What may change on the way: line ends become CRLF, NUL becomes a space, a line of more than 998 is broken."""
    unified = re.sub(rb"\r\n|\r|\n", b"\r\n", body.replace(b"\0", b" "))
    return unified if unified.endswith(b"\r\n") else unified + b"\r\n"


def unbreak(body: bytes) -> bytes:
    return body.replace(b"\r\n ", b"")
