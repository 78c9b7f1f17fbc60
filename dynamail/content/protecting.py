"""Liquid exchanged for inert tokens while MJML and HTML are worked on, and put back afterwards.

Without it an editor's `&quot;` or `&nbsp;` inside braces breaks Liquid, and a bare `<` in a condition breaks MJML. A token
is a word of lower-case letters and digits: it passes through text, attribute values, URLs and CSS unchanged.
"""

from __future__ import annotations

import hashlib
import re
import sys
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from html import unescape

from dynamail.content.liquid_help import BLOCKS, BRANCHES
from dynamail.content.liquid_source import Kind, Piece, scan_liquid

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_DELIMITER = re.compile(r"\{\{|\{%")
_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Code:
    """What a token stands for. `name` is a tag's name; empty for an output or a literal delimiter."""

    text: str
    name: str = ""

    @property
    def is_output(self) -> bool:
        return not self.name

    def without_whitespace_control(self) -> str:
        """Inside an HTML tag, `-` could join two words into one that nobody checked."""
        if len(self.text) < 5 or self.text[0] != "{":
            return self.text
        text = self.text
        if text[2] == "-":
            text = text[:2] + " " + text[3:]
        return text[:-3] + " " + text[-2:] if text[-3] == "-" else text


class Protected:
    """A source whose Liquid is tokens. `text` may be worked on; `restore` puts the Liquid back."""

    def __init__(self, source: str) -> None:
        self._prefix = _unused_prefix(source)
        self._codes: list[Code] = []
        self.pattern = re.compile(rf"{self._prefix}n(\d+)q")
        self._anchors: list[tuple[int, int]] = []  # (offset in `text`, offset in the source) of each piece
        parts, length = [], 0
        for piece in scan_liquid(source):
            self._anchors.append((length, piece.start))
            parts.append(self._protect(piece))
            length += len(parts[-1])
        self.text = "".join(parts)

    def origin(self, offset: int) -> int:
        """The place in the source of a place in `text`."""
        index = bisect_right(self._anchors, (offset, sys.maxsize)) - 1
        start, original = self._anchors[index] if index >= 0 else (0, 0)
        return original + offset - start

    def add(self, code: Code) -> str:
        """A new token for a piece of Liquid."""
        self._codes.append(code)
        return f"{self._prefix}n{len(self._codes) - 1}q"

    def absorb(self, source: str) -> str:
        """Another source with its Liquid as tokens of this one."""
        other = Protected(source.replace(self._prefix, "lq"))
        return other.pattern.sub(lambda match: self.add(other._codes[int(match[1])]), other.text)

    def codes_in(self, text: str) -> list[Code]:
        return [self._codes[int(number)] for number in self.pattern.findall(text)]

    def holds_token(self, text: str) -> bool:
        return self._prefix in text

    def restore(self, text: str) -> str:
        """The text with its Liquid back. Braces that are not from a token stay braces.

        Cleaning may join what stood apart (`{<link>{ x }}`) and decode what was escaped (`&#123;{ x }}`); nobody checked that.
        """
        parts: list[str] = []
        position = 0
        for match in self.pattern.finditer(text):
            parts += (
                _literal(text[position : match.start()], before_code=True),
                self._codes[int(match[1])].text,
            )
            position = match.end()
        return "".join(parts) + _literal(text[position:], before_code=False)

    def code_of(self, token: str) -> Code | None:
        """The code of a text that is exactly one token."""
        match = self.pattern.fullmatch(token)
        return self._codes[int(match[1])] if match else None

    def _protect(self, piece: Piece) -> str:
        if piece.kind is Kind.TEXT or piece.kind is Kind.UNCLOSED:
            return piece.text
        if piece.kind is Kind.VERBATIM:
            return self._protect_verbatim(piece)
        return self.add(Code(_repaired(piece.text), piece.name))

    def _protect_verbatim(self, piece: Piece) -> str:
        if piece.name != "raw":
            opener, closer = piece.text.index("%}") + 2, piece.text.rindex("{%")
            return self.add(Code(piece.text[:opener] + piece.text[closer:], "comment"))
        inside = piece.text[piece.text.index("%}") + 2 : piece.text.rindex("{%")]
        return _DELIMITER.sub(lambda match: self.add(Code(_verbatim(match[0]), "raw")), inside)


class Unprotected(Protected):
    """A source in final words, where no brace means anything: nothing of it is a token."""

    def __init__(self, source: str) -> None:
        self.text = source
        self.pattern = _NEVER

    def restore(self, text: str) -> str:
        return text

    def holds_token(self, text: str) -> bool:
        return False


def _literal(text: str, *, before_code: bool) -> str:
    text = _DELIMITER.sub(lambda match: _verbatim(match[0]), text)
    return text[:-1] + _verbatim("{") if before_code and text.endswith("{") else text


def _verbatim(text: str) -> str:
    return f"{{% raw %}}{text}{{% endraw %}}"


def _unused_prefix(source: str) -> str:
    """A word that the source does not hold, and that no author can write into it: it depends on every character."""
    lowered, salt = source.lower(), 0
    while True:
        data = f"{salt}{source}".encode("utf-8", "surrogatepass")
        prefix = f"lq{hashlib.blake2b(data, digest_size=8).hexdigest()}"
        if prefix not in lowered:
            return prefix
        salt += 1


def _repaired(code: str) -> str:
    return _ENTITY.sub(lambda match: unescape(match[0]), code).replace("\xa0", " ")


def aligned(source: str) -> str:
    """The source with the entities inside its Liquid decoded and padded, so that every place stays where it was."""
    return "".join(
        _padded(piece.text) if piece.kind in (Kind.OUTPUT, Kind.TAG) else piece.text
        for piece in scan_liquid(source)
    )


def _padded(code: str) -> str:
    code = _ENTITY.sub(lambda match: unescape(match[0]).ljust(len(match[0]))[: len(match[0])], code)
    return code.replace("\xa0", " ")


def is_balanced(codes: Iterable[Code]) -> bool:
    """Do the blocks that these pieces open also end among them?"""
    opened: list[str] = []
    for code in codes:
        if code.name in BLOCKS:
            opened.append(BLOCKS[code.name])
        elif code.name in BLOCKS.values():
            if not opened or opened.pop() != code.name:
                return False
        elif code.name in BRANCHES and not opened:
            return False
    return not opened


FLOW_TAGS = frozenset({"if", "unless", "case", "for", *BRANCHES, "endif", "endunless", "endcase", "endfor"})
