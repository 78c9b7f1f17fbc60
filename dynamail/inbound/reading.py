"""The parts of a message that came in: text, HTML, the new part of an answer, the files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.policy import compat32

from dynamail.protocols.address import AddressError, parse_address
from dynamail.protocols.raw_messages import read_address_pairs
from dynamail.protocols.reports.parts import decode_text, decode_words, list_fields, read_headers
from dynamail.senders.mailbox import ReadMessage, read_message

MOST_FILES = 100
MAX_FILENAME = 255
# How mail programs introduce what is quoted, in the languages of the product and of its neighbors.
_INTRODUCTION = re.compile(
    r"^(?:on\b.{0,200}\bwrote|am\b.{0,200}\bschrieb.{0,80}|le\b.{0,200}\ba écrit|.{0,200}\b(?:пишет|писал\(?а?\)?|написал\(?а?\)?|піша|напісаў|pisze|napisał\(?a?\)?)\b.{0,80})\s*:\s*$",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(
    r"^\s*(?:-{2,}\s*(?:original message|forwarded message|исходное сообщение|пересылаемое сообщение|ursprüngliche nachricht|"
    r"message d'origine|пачатковае паведамленне)\s*-{2,}|_{10,}|from:\s.+|от(?:правитель)?:\s.+|von:\s.+)\s*$",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"^-- ?$")


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file of a message. Its name is hostile text: nothing of it is ever used as a path."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class From:
    """Who says to have written it."""

    email: str = ""
    name: str = ""

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2].lower()


def read_from(raw: bytes) -> From:
    """The first mailbox of From; an address that cannot be one is left out.

    The name is decoded after the address is cut off, so that neither quotes nor encoded words can show another address in it.
    """
    _headers, body = read_headers(raw, 0, len(raw))
    fields = list_fields(decode_text(raw[:body], ""))
    value = next((value for name, value in fields if name == "from"), "")
    shown, text = next(iter(read_address_pairs([value])), ("", ""))
    name = " ".join(decode_words(shown).split())
    try:
        return From(parse_address(text).text, name[:200])
    except AddressError:
        return From("", name[:200])


def read_parts_of(raw: bytes) -> ReadMessage:
    """Never fails: what cannot be taken apart is shown as its source."""
    try:
        return read_message(raw)
    except (RecursionError, ValueError, LookupError, AttributeError, KeyError, TypeError):
        headers, body = read_headers(raw, 0, len(raw))
        text = raw[body:].decode("utf-8", "replace")
        return ReadMessage(tuple(headers.items()), "", text, (), raw.decode("utf-8", "replace"), ())


def find_files(raw: bytes) -> list[ReceivedFile]:
    """In order; those that other parts show count too."""
    try:
        return list(_iter_files(message_from_bytes(raw, policy=compat32)))[:MOST_FILES]
    except (RecursionError, ValueError, LookupError, AttributeError, KeyError, TypeError):
        return []


def _iter_files(message: Message) -> Iterator[ReceivedFile]:
    for part in message.walk():
        if part.is_multipart():
            continue
        _decode_plain_fields(part)
        filename = part.get_filename()
        kind = part.get_content_type()
        if (
            filename is None
            and part.get_content_disposition() != "attachment"
            and kind in ("text/plain", "text/html")
        ):
            continue
        content = part.get_payload(decode=True)
        yield ReceivedFile(
            _name_file(str(filename or "")), kind[:100], content if isinstance(content, bytes) else b""
        )


def _decode_plain_fields(part: Message) -> None:
    """UTF-8 that stands in a header as it is (RFC 6532), of which the library would make question marks."""
    for name in ("Content-Disposition", "Content-Type"):
        said = next((value for key, value in part.raw_items() if key.lower() == name.lower()), "")
        if not said.isascii():
            part.replace_header(name, said.encode("ascii", "surrogateescape").decode("utf-8", "replace"))


def _name_file(said: str) -> str:
    """On one line and without a path, for programs that save files by their name (RFC 2183 §2.3)."""
    shown = " ".join(decode_words(said).replace("\0", "").split())
    name = re.split(r"[/\\]", shown)[-1].strip()
    return "" if name in (".", "..") else name[:MAX_FILENAME]


def find_new_text(text: str) -> str:
    """What the person wrote, without the message that they answer and without their signature."""
    kept: list[str] = []
    lines = text.replace("\r\n", "\n").split("\n")
    for place, line in enumerate(lines):
        if _SIGNATURE.match(line) or (kept and _SEPARATOR.match(line)):
            break
        introduction = " ".join(lines[place : place + 2]) if line[:1] not in (">", "") else ""
        if _INTRODUCTION.match(line) or (
            _INTRODUCTION.match(introduction) and _is_quote_ahead(lines, place + 2)
        ):
            break
        if not line.startswith(">"):
            kept.append(line)
    return "\n".join(kept).strip()


def _is_quote_ahead(lines: list[str], place: int) -> bool:
    return any(line.startswith(">") for line in lines[place : place + 3])
