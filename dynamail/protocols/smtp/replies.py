"""Replies of a server: bounded parsing (RFC 5321 §4.2), enhanced codes (RFC 2034), text made harmless."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_REPLY_LINE = 4_096  # bytes; RFC 5321 §4.5.3.1.5 says 512, real servers exceed it
MAX_REPLY = 65_536  # bytes of one multi-line reply
MAX_REPLY_TEXT = 2_000  # characters that we keep

RawReply = tuple[int, Sequence[bytes]]

_CODES = {str(code).encode("ascii"): code for code in range(200, 600)}
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: +|$)")
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """What the server said. `enhanced` is "" when it gave none; `text` has no control characters and at most 2,000 characters."""

    code: int
    enhanced: str
    text: str

    @property
    def is_permanent(self) -> bool:
        return self.code >= 500

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)


class SmtpError(Exception):
    """The server, the network or TLS refused the connection or a command. `code` is 0 when no reply caused it."""

    def __init__(self, *, permanent: bool, code: int, enhanced: str, command: str, text: str) -> None:
        super().__init__(f"{command}: {SmtpReply(code, enhanced, text) if code else text}")
        self.permanent = permanent
        self.code = code
        self.enhanced = enhanced
        self.command = command
        self.text = text


class ReplyParser:
    """Cuts a byte stream into replies. After garbage or a reply beyond the bounds `error` is set and nothing more is read."""

    __slots__ = ("_code", "_lines", "_rest", "_size", "error")

    def __init__(self) -> None:
        self.error = ""
        self._rest = b""
        self._lines: list[bytes] = []
        self._code = 0
        self._size = 0

    def feed(self, data: bytes) -> list[RawReply]:
        """The replies that are complete now, in order; see `error` afterwards."""
        if self.error:
            return []
        if self._rest:
            data = self._rest + data
        replies: list[RawReply] = []
        lines = data.split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            code = _CODES.get(line[:3])
            separator = line[3:4]
            if code and separator == b" " and not self._lines and len(line) <= MAX_REPLY_LINE:
                replies.append((code, (line,)))
            elif not self._take_line(line, code, separator, replies):
                return replies
        if len(self._rest) > MAX_REPLY_LINE:
            self.error = "The server sent a line that is too long."
        return replies

    def discard(self) -> None:
        """Forget what arrived so far: it came before TLS and may be forged (RFC 3207 §4.2)."""
        self._rest, self._lines, self._size = b"", [], 0

    def _take_line(self, line: bytes, code: int | None, separator: bytes, replies: list[RawReply]) -> bool:
        self._size += len(line)
        if len(line) > MAX_REPLY_LINE or self._size > MAX_REPLY:
            self.error = "The server sent a reply that is too long."
        elif code is None or separator not in (b" ", b"-", b"", b"\r"):
            self.error = f"The server sent something that is not an SMTP reply: {clean_text(line[:80])}"
        elif self._lines and code != self._code:
            self.error = "The lines of the server's reply have different codes."
        if self.error:
            return False
        self._lines.append(line)
        self._code = code or 0
        if separator != b"-":
            replies.append((self._code, self._lines))
            self._lines, self._size = [], 0
        return True


def read_reply(raw: RawReply) -> SmtpReply:
    """Make a reply readable: join its lines, separate the enhanced code, remove what a log or a page must not contain."""
    code, lines = raw
    enhanced = ""
    texts = []
    for line in lines:
        text = clean_text(line[4:])
        match = _ENHANCED.match(text)
        # RFC 2034 §4: every line repeats the code, and its class agrees with the reply's.
        if match and match[1][0] == str(code)[0]:
            enhanced = enhanced or match[1]
            text = text[match.end() :]
        texts.append(text)
    return SmtpReply(code, enhanced, " ".join(texts)[:MAX_REPLY_TEXT].strip())


def clean_text(data: bytes) -> str:
    """UTF-8 with replacements; control characters and direction marks become spaces."""
    return _INVISIBLE.sub(" ", data.decode("utf-8", "replace")).strip()
