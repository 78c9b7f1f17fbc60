"""The parts of a foreign message: a flat, bounded walk through MIME that expects nothing to be right.

Limits are on depth, on parts and on bytes, so that neither 10,000 levels nor 10,000,000 lines cost more than a glance. What is
cut off is not missed: reports say what they have to say at their beginning.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_MESSAGE = 10_000_000  # bytes; the rest of a larger message is not looked at
MAX_HEADERS = 64_000  # bytes of one header section
MAX_FIELD = 4_000  # characters of one field
MAX_FIELDS = 500
MAX_DEPTH = 8
MAX_PARTS = 40
MAX_LOOKS = 1_000  # at lines that begin like a delimiter
MAX_TEXT = 128_000  # bytes of one part

_BLANK_LINE = re.compile(rb"\r?\n[ \t]*\r?\n")
_FIELD = re.compile(r"([!-9;-~]{1,80})[ \t]*:[ \t]*(.*)", re.DOTALL)
_PARAMETER = re.compile(r";\s*([!-~]{1,40}?)\s*=\s*(?:\"([^\"]{0,200})\"|([^\s;]{1,200}))")
_ENCODED_WORD = re.compile(
    r"=\?([\w.:-]{1,40})(?:\*[\w-]{0,20})?\?([bq])\?([^?\s]{0,1000})\?=(?:[ \t]+(?==\?))?", re.IGNORECASE
)
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Python knows codecs that are slow, or that are no charsets at all.
_CHARSETS = re.compile(
    r"utf-?8|us-ascii|ascii|iso-?8859-?\d{1,2}|latin-?1|(?:windows|cp)-?(?:125\d|874|932|936|949|950|866|437|850|852)|koi8-[rut]|"
    r"iso-2022-(?:jp(?:-[123])?|kr)|shift[_-]?jis|x-sjis|sjis|euc-?(?:jp|kr)|gb2312|gbk|gb18030|big5|tis-620|"
    r"(?:unicode-1-1-)?utf-7|utf-16(?:[bl]e)?|mac-?(?:roman|cyrillic)"
)
_ALIASES = {"unicode-1-1-utf-7": "utf-7", "x-sjis": "shift_jis"}

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf: its lower-case type without parameters, its headers, and its decoded text with \\n line ends.

    `has_structure` is False for a message that promised parts and had none.
    """

    kind: str
    headers: Headers
    text: str


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    depth: int
    default: str = "text/plain"


def read_parts(raw: bytes) -> tuple[Headers, list[Part]]:
    """The headers of the message and its leaves in order. A message/rfc822 is a leaf: it is evidence, not part of the report."""
    raw = raw[:MAX_MESSAGE]
    top, body = read_headers(raw, 0, len(raw))
    parts: list[Part] = []
    waiting = [_Span(0, len(raw), 0)]
    while waiting and len(parts) < MAX_PARTS:
        span = waiting.pop()
        headers, body = read_headers(raw, span.start, span.end)
        kind, parameters = read_content_type(headers.get("content-type", span.default))
        if kind.startswith("multipart/") and span.depth < MAX_DEPTH:
            inner = list(_split_parts(raw, body, span, parameters.get("boundary", ""), kind))
            if inner:
                waiting.extend(reversed(inner))
                continue
            kind = "text/plain"
        parts.append(
            Part(kind, headers, _decode_body(raw[body : min(span.end, body + MAX_TEXT)], headers, parameters))
        )
    return top, parts


def read_headers(raw: bytes, start: int, end: int) -> tuple[Headers, int]:
    """The fields by lower-case name (the first of each name counts), unfolded and decoded, and where the body begins."""
    limit = min(end, start + MAX_HEADERS)
    if raw[start : start + 1] in (b"\n", b"\r"):
        return {}, start + (2 if raw[start : start + 2] == b"\r\n" else 1)
    blank = _BLANK_LINE.search(raw, start, limit)
    body = blank.end() if blank else limit
    return parse_fields(decode_text(raw[start : blank.start() if blank else limit], "")), body


def parse_fields(text: str) -> Headers:
    """Name to value; continuation lines are joined, anything that is no field is skipped."""
    fields: Headers = {}
    for name, value in list_fields(text):
        fields.setdefault(name, decode_words(value))
        if len(fields) >= MAX_FIELDS:
            break
    return fields


def list_fields(text: str) -> Iterator[tuple[str, str]]:
    """Each field in order as lower-case name and unfolded value."""
    name = ""
    lines: list[str] = []
    for line in text.split("\n"):
        if line[:1] in (" ", "\t") and name:
            if len(lines) < 100:
                lines.append(line.strip())
            continue
        if name:
            yield name, " ".join(lines)[:MAX_FIELD].strip()
        found = _FIELD.match(line[:MAX_FIELD])
        name, lines = (found[1].lower(), [found[2].strip()]) if found else ("", [])
    if name:
        yield name, " ".join(lines)[:MAX_FIELD].strip()


def read_content_type(value: str) -> tuple[str, dict[str, str]]:
    """The lower-case type and its parameters."""
    kind = value.partition(";")[0].strip().lower()
    parameters = {
        found[1].lower(): found[2] or found[3] or "" for found in _PARAMETER.finditer(value[:2_000])
    }
    return kind or "text/plain", parameters


def decode_words(value: str) -> str:
    """RFC 2047 words in a header field as text; what cannot be decoded stays."""
    if "=?" not in value:
        return value
    return _INVISIBLE.sub(" ", _ENCODED_WORD.sub(_decode_word, value))


def decode_text(data: bytes, charset: str) -> str:
    """Text in the named charset, or what is most likely; \\n line ends, and no control characters but tab and line feed."""
    charset = charset.strip().strip("\"'").lower()
    name = _ALIASES.get(charset, charset) if _CHARSETS.fullmatch(charset) else "utf-8"
    if b"\x1b$" in data[:20_000]:
        name = "iso-2022-jp"
    text = _decode(data, name)
    return _INVISIBLE.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode(name)
    except (UnicodeError, LookupError):
        return data.decode("utf-8" if name == "us-ascii" else name if _is_known(name) else "utf-8", "replace")


def _is_known(name: str) -> bool:
    try:
        return bool("".encode(name) or True)
    except LookupError:
        return False


def _decode_word(word: re.Match[str]) -> str:
    charset, encoding, data = word[1], word[2].lower(), word[3].encode("ascii", "replace")
    if encoding == "b":
        return decode_text(_decode_base64(data), charset)
    return decode_text(quopri.decodestring(data, header=True), charset)


def _decode_body(data: bytes, headers: Headers, parameters: dict[str, str]) -> str:
    encoding = headers.get("content-transfer-encoding", "").strip().lower()
    if encoding == "base64":
        data = _decode_base64(data)
    elif encoding == "quoted-printable":
        data = quopri.decodestring(data)
    return decode_text(data, parameters.get("charset", ""))


def _decode_base64(data: bytes) -> bytes:
    data = re.sub(rb"[^A-Za-z0-9+/]+", b"", data)
    if len(data) % 4 == 1:
        data = data[:-1]
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4))


def _split_parts(raw: bytes, body: int, span: _Span, boundary: str, kind: str) -> Iterator[_Span]:
    """The bodies between the delimiter lines (RFC 2046 §5.1.1). A missing end is forgiven."""
    delimiter = b"--" + boundary.encode("utf-8", "replace")
    if len(delimiter) < 3:
        return
    default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
    begin = -1
    for _ in range(MAX_PARTS):
        line = _find_delimiter(raw, delimiter, body, span.end)
        if line < 0:
            break
        if begin >= 0:
            yield _Span(begin, line, span.depth + 1, default)
        after = raw.find(b"\n", line + len(delimiter), span.end)
        is_last = raw[line + len(delimiter) : line + len(delimiter) + 2] == b"--"
        begin = body = after + 1 if after >= 0 else span.end
        if is_last:
            return
    if 0 <= begin < span.end:
        yield _Span(begin, span.end, span.depth + 1, default)


def _find_delimiter(raw: bytes, delimiter: bytes, start: int, end: int) -> int:
    """Where a line is this delimiter, or -1. Another boundary may begin with the same characters."""
    for _ in range(MAX_LOOKS):
        if not raw.startswith(delimiter, start, end):
            start = raw.find(b"\n" + delimiter, max(start - 1, 0), end) + 1
            if not start:
                return -1
        after = start + len(delimiter)
        if raw[after : after + 1] in (b"", b"\n", b"\r", b" ", b"\t") or raw[after : after + 2] == b"--":
            return start
        start = after
    return -1
