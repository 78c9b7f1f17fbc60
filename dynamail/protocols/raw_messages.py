"""A message that somebody else composed, taken apart with care: its header fields one by one, its body as it is.

Nothing is parsed further than needed: what stays, stays octet for octet. Line ends become CRLF, for a bare CR or LF means the end of a
line to some servers and not to others (SMTP smuggling), and NUL, which no message may contain (RFC 5322 §2.1), a space.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import getaddresses

MAX_LINE = 998  # RFC 5322 §2.1.1, without CRLF

_LINE_END = re.compile(rb"\r\n|\r|\n")
_FIELD = re.compile(rb"([!-9;-~]{1,76})[ \t]*:(.*)", re.DOTALL)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class RawField:
    """One header field. `lines` is what stands behind the colon, folded as it came, without CRLF."""

    name: str
    lines: tuple[bytes, ...]

    @property
    def key(self) -> str:
        return self.name.lower()

    @property
    def text(self) -> str:
        """Unfolded and decoded: UTF-8, or else Latin-1, which takes any octets."""
        data = b"".join(self.lines).strip(b" \t")
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.decode("latin-1")

    @property
    def is_fit(self) -> bool:
        """May it leave as it came?"""
        long = len(self.name) + 1 + len(self.lines[0]) > MAX_LINE or any(
            len(line) > MAX_LINE for line in self.lines
        )
        blank = any(not line.strip(b" \t") for line in self.lines[1:])
        return not long and not blank and all(_is_clean(line) for line in self.lines)

    def encode(self) -> bytes:
        return self.name.encode("ascii") + b":" + b"\r\n".join(self.lines) + b"\r\n"


@dataclass(frozen=True, slots=True)
class RawMessage:
    """`body` has CRLF line ends and ends with one."""

    fields: tuple[RawField, ...]
    body: bytes

    def find(self, key: str) -> RawField | None:
        """The first field of that name, in lower case."""
        return next((one for one in self.fields if one.key == key), None)


def split_message(raw: bytes) -> RawMessage:
    """Take any octets apart. A line that is no field ends the header, as mail programs read it."""
    lines = _LINE_END.split(raw.replace(b"\0", b" "))
    if lines and lines[0].startswith(b"From "):  # of a mailbox file
        del lines[0]
    fields: list[tuple[str, list[bytes]]] = []
    rest = len(lines)
    for place, line in enumerate(lines):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1].append(line)
        elif match := _FIELD.fullmatch(line):
            fields.append((match[1].decode("ascii"), [match[2]]))
        else:
            rest = place if line else place + 1
            break
    body = b"\r\n".join(lines[rest:])
    return RawMessage(
        tuple(RawField(name, tuple(told)) for name, told in fields),
        body if body.endswith(b"\r\n") else body + b"\r\n",
    )


def remove_field(raw: bytes, key: str) -> bytes:
    """The message without the fields of that name, in lower case."""
    message = split_message(raw)
    return b"".join(one.encode() for one in message.fields if one.key != key) + b"\r\n" + message.body


def read_address_pairs(values: Sequence[str]) -> list[tuple[str, str]]:
    """Names and addresses of fields, as far as they can be read; nothing of one that is deeper or stranger than anybody reads."""
    try:
        return getaddresses(values)
    except (
        ValueError,
        IndexError,
        TypeError,
        RecursionError,
    ):  # what the standard library raises for hostile fields
        return []


def _is_clean(line: bytes) -> bool:
    return line.isascii() and not _CONTROL.search(line)
