"""HTML cut into tokens as a browser would (WHATWG HTML §13.2.5), in one linear pass, each with its place.

Everything that reads or rewrites an email's HTML works on these tokens, so that what is not touched stays byte for byte:
Outlook's conditional comments and VML do not survive a parser that builds a tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from html import escape, unescape


def words(names: str) -> frozenset[str]:
    """A set of names written as one text."""
    return frozenset(names.split())


RAW_TEXT = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext"})
ESCAPABLE_RAW_TEXT = frozenset({"title", "textarea"})
VOID = words("area base br col embed hr img input link meta param source track wbr")

_NAME = re.compile(r"[^\s/>]+")
_ATTRIBUTE_NAME = re.compile(r"=?[^\s/>=]*")
_UNQUOTED = re.compile(r"[^\s>]*")
_SPACE = re.compile(r"[\s/]*")
_COMMENT_END = re.compile(r"--!?>")
_EQUALS = re.compile(r"\s*=\s*")
_ENDLESS_NUMBER = re.compile(r"&#\d{1000,};?")


class Type(StrEnum):
    TEXT = "text"
    START = "start"
    END = "end"
    COMMENT = "comment"  # <!-- … -->, and everything else that HTML reads as a comment
    DOCTYPE = "doctype"
    RAW = "raw"  # the content of <style>, <title> and their like


@dataclass(frozen=True, slots=True)
class Attribute:
    """`value` is decoded; None for an attribute without one. `start` is the name's offset."""

    name: str
    value: str | None
    start: int = 0


@dataclass(frozen=True, slots=True)
class Token:
    """`source` is the token as it was written, at offset `start`."""

    type: Type
    start: int
    source: str
    name: str = ""
    attributes: tuple[Attribute, ...] = ()
    self_closing: bool = False

    @property
    def written_name(self) -> str:
        """The name in its own case: Outlook's XML knows upper and lower."""
        start = 2 if self.type is Type.END else 1
        return self.source[start : start + len(self.name)]

    def get(self, name: str) -> str | None:
        """The value of an attribute, "" when it has none, None when it is absent."""
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute.value or ""
        return None


def scan_markup(
    source: str, *, raw: frozenset[str] = RAW_TEXT | ESCAPABLE_RAW_TEXT, is_xml: bool = False
) -> Iterator[Token]:
    """The tokens of the source in order; their sources joined are the source.

    The content of the elements named in `raw` is one RAW token. In XML such an element may close itself.
    """
    position = 0
    while position < len(source):
        token = _token_at(source, position)
        position += len(token.source)
        yield token
        if token.type is Type.START and token.name in raw and not (is_xml and token.self_closing):
            end = _end_of_raw(source, position, token.name)
            if end > position:
                yield Token(Type.RAW, position, source[position:end], token.name)
            position = end


def _token_at(source: str, start: int) -> Token:
    if source[start] != "<":
        return _text(source, start, start + 1)
    following = source[start + 1 : start + 2]
    if following.isascii() and following.isalpha():
        return _tag(source, start, start + 1, Type.START)
    if following == "/":
        return _end_tag(source, start)
    if following == "!":
        return _declaration(source, start)
    if following == "?":
        return _bogus_comment(source, start)
    return _text(source, start, start + 1)


def _text(source: str, start: int, search_from: int) -> Token:
    end = search_from
    while True:
        end = source.find("<", end)
        if end < 0:
            end = len(source)
            break
        following = source[end + 1 : end + 2]
        if following in ("/", "!", "?") or (following.isascii() and following.isalpha()):
            break
        end += 1
    return Token(Type.TEXT, start, source[start:end])


def _end_tag(source: str, start: int) -> Token:
    following = source[start + 2 : start + 3]
    if following.isascii() and following.isalpha():
        return _tag(source, start, start + 2, Type.END)
    return _bogus_comment(source, start) if following else Token(Type.TEXT, start, source[start:])


def _declaration(source: str, start: int) -> Token:
    if source.startswith("<!--", start):
        return _comment(source, start)
    if source[start : start + 9].lower() == "<!doctype":
        end = source.find(">", start)
        end = len(source) if end < 0 else end + 1
        return Token(Type.DOCTYPE, start, source[start:end])
    return _bogus_comment(source, start)


def _comment(source: str, start: int) -> Token:
    for early in ("<!-->", "<!--->"):
        if source.startswith(early, start):
            return Token(Type.COMMENT, start, early)
    match = _COMMENT_END.search(source, start + 4)
    return Token(Type.COMMENT, start, source[start : match.end() if match else len(source)])


def _bogus_comment(source: str, start: int) -> Token:
    end = source.find(">", start)
    return Token(Type.COMMENT, start, source[start : len(source) if end < 0 else end + 1])


def _tag(source: str, start: int, name_start: int, kind: Type) -> Token:
    written = _matched(_NAME, source, name_start)
    name, position = written.lower(), name_start + len(written)
    attributes: list[Attribute] = []
    seen: set[str] = set()
    while True:
        position = _skip(source, position)
        if position >= len(source):
            # A tag that never ends shows nothing in a browser.
            return Token(Type.COMMENT, start, source[start:])
        if source[position] == ">":
            closing = source[position - 1] == "/"
            return Token(kind, start, source[start : position + 1], name, tuple(attributes), closing)
        attribute, position = _attribute(source, position)
        if attribute.name not in seen:  # the first one wins
            seen.add(attribute.name)
            attributes.append(attribute)


def _skip(source: str, position: int) -> int:
    return position + len(_matched(_SPACE, source, position))


def _matched(pattern: re.Pattern[str], source: str, position: int) -> str:
    match = pattern.match(source, position)
    return match[0] if match else ""


def _attribute(source: str, start: int) -> tuple[Attribute, int]:
    written = _matched(_ATTRIBUTE_NAME, source, start)
    name, position = written.lower(), start + len(written)
    equals = _EQUALS.match(source, position)
    if not equals:
        return Attribute(name, None, start), max(position, start + 1)
    value, position = _value(source, equals.end())
    return Attribute(name, decode_entities(value), start), position


def _value(source: str, start: int) -> tuple[str, int]:
    quote = source[start : start + 1]
    if quote and quote in "\"'":
        end = source.find(quote, start + 1)
        return (source[start + 1 :], len(source)) if end < 0 else (source[start + 1 : end], end + 1)
    written = _matched(_UNQUOTED, source, start)
    return written, start + len(written)


def _end_of_raw(source: str, position: int, name: str) -> int:
    match = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(source, position)
    return match.start() if match else len(source)


def decode_entities(source: str) -> str:
    """`&amp;` and its like as the characters that they mean. Nobody's HTML breaks it."""
    try:
        return unescape(source)
    except ValueError:  # a number of more digits than Python reads (sys.set_int_max_str_digits)
        return unescape(_ENDLESS_NUMBER.sub("\ufffd", source))


def write_start(name: str, attributes: tuple[Attribute, ...], *, self_closing: bool = False) -> str:
    """A start tag that every reader understands the same way: lower-case names, double quotes, escaped values."""
    parts = [name]
    for attribute in attributes:
        if attribute.value is None:
            parts.append(attribute.name)
        else:
            parts.append(f'{attribute.name}="{escape_attribute(attribute.value)}"')
    return f"<{' '.join(parts)}{' /' if self_closing else ''}>"


def escape_attribute(value: str) -> str:
    return escape(value, quote=False).replace('"', "&quot;")


def strip_tags(source: str) -> str:
    """The text between the tags, still escaped as it was."""
    return "".join(token.source for token in scan_markup(source) if token.type is Type.TEXT)
