"""Liquid source cut into pieces in one linear pass.

The grammar is that of python-liquid's lexer, but an unclosed delimiter costs one scan, not one scan per delimiter
(its regular expressions need quadratic time for a megabyte of `{% raw %}`), and each piece knows its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

MAX_SOURCE_BYTES = 1_000_000
MAX_EXPRESSION_CHARS = 5_000
MAX_PIECES = 20_000

VERBATIM_TAGS = frozenset({"raw", "comment", "doc"})
_TAG_NAME = re.compile(r"-?\s*(#|\w+)")
_END_TAGS = {name: re.compile(r"\{%-?\s*end" + name + r"\s*-?%\}") for name in VERBATIM_TAGS}
_COMMENT_TAG = re.compile(r"\{%-?\s*(comment|endcomment)\b[^%]*?%\}")
_STRING = re.compile(r"\"[^\"]*\"|'[^']*'")


class Kind(StrEnum):
    TEXT = "text"
    OUTPUT = "output"  # {{ … }}
    TAG = "tag"  # {% … %}
    VERBATIM = "verbatim"  # {% raw %}…{% endraw %}, {% comment %}…, {% doc %}…, with the tags
    UNCLOSED = "unclosed"  # a delimiter or verbatim tag without its end, up to the end of the source


@dataclass(frozen=True)
class Piece:
    """A stretch of the source. `name` is the tag's name, empty for text and output."""

    kind: Kind
    start: int
    text: str
    name: str = ""

    @cached_property
    def code(self) -> str:
        """What stands between the delimiters, without whitespace control."""
        return self.text[2:-2].removeprefix("-").removesuffix("-").strip()

    @cached_property
    def argument(self) -> str:
        """A tag's code without its name."""
        return self.code[len(self.name) :].strip()

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def scan_liquid(source: str) -> Iterator[Piece]:
    """The pieces of the source in order; their texts joined are the source."""
    position, size = 0, len(source)
    while position < size:
        start = _next_delimiter(source, position)
        if start > position:
            yield Piece(Kind.TEXT, position, source[position:start])
        if start == size:
            return
        piece = _piece_at(source, start)
        yield piece
        position = piece.end


def _next_delimiter(source: str, position: int) -> int:
    start = source.find("{", position)
    while start >= 0:
        if source.startswith(("{{", "{%"), start):
            return start
        start = source.find("{", start + 1)
    return len(source)


def _piece_at(source: str, start: int) -> Piece:
    if source.startswith("{{", start):
        end = source.find("}}", start + 2)
        return _piece(Kind.OUTPUT, source, start, end)
    end = source.find("%}", start + 2)
    match = _TAG_NAME.match(source, start + 2)
    name = match[1] if match else ""
    if end >= 0 and name in VERBATIM_TAGS:
        return _verbatim(source, start, end + 2, name)
    return _piece(Kind.TAG, source, start, end, name)


def _piece(kind: Kind, source: str, start: int, end: int, name: str = "") -> Piece:
    if end < 0:
        return Piece(Kind.UNCLOSED, start, source[start:], name)
    return Piece(kind, start, source[start : end + 2], name)


def _verbatim(source: str, start: int, body: int, name: str) -> Piece:
    end = _end_of_comment(source, body) if name == "comment" else _end_of(source, body, name)
    if end is None:
        return Piece(Kind.UNCLOSED, start, source[start:], name)
    return Piece(Kind.VERBATIM, start, source[start:end], name)


def _end_of(source: str, position: int, name: str) -> int | None:
    match = _END_TAGS[name].search(source, position)
    return match.end() if match else None


def _end_of_comment(source: str, position: int) -> int | None:
    depth = 1  # comments nest
    for match in _COMMENT_TAG.finditer(source, position):
        depth += 1 if match[1] == "comment" else -1
        if not depth:
            return match.end()
    return None


def without_strings(code: str) -> str:
    """The code with the content of its quoted strings blanked, lengths kept."""
    return _STRING.sub(lambda match: match[0][0] + " " * (len(match[0]) - 2) + match[0][0], code)


def without_comments(source: str) -> str:
    """The source with the inside of comments blanked and every place kept.

    python-liquid's lexer goes on looking for `raw` blocks inside comments, at quadratic cost.
    """
    if "comment" not in source and "doc" not in source:
        return source
    return "".join(_blanked(piece) for piece in scan_liquid(source))


def _blanked(piece: Piece) -> str:
    if piece.kind is not Kind.VERBATIM or piece.name == "raw":
        return piece.text
    opener = piece.text.index("%}") + 2
    closer = piece.text.rindex("{%")
    inside = re.sub(r"[^\n]", " ", piece.text[opener:closer])
    return piece.text[:opener] + inside + piece.text[closer:]
