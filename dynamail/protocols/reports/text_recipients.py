"""Whom a notice without machine-readable fields is about, and which of its lines are about which recipient.

Mail systems write addresses in few ways: at the beginning of a line, alone on a line, or after words such as "deliver to".
The first way that finds somebody is taken; an address in running text is the last resort.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

MAX_RECIPIENTS = 25  # of one report; our messages have one
MAX_NOTICE = 16_000  # characters of the notice that are looked at
MAX_BLOCK = 2_000  # characters about one recipient

_ADDRESS = r"([^\s<>()\[\]\"';:,@|/]{1,64}@[^\s<>()\[\]\"';:,@]{1,190}[^\s<>()\[\]\"';:,@.…])"
_PLAIN = re.compile(_ADDRESS)
_BEFORE = (
    r"recipients?(?: address(?:es)?)?|addressed to|envelope-to|original-recipient|failed recipient|rcpt[ _]to|"
    r"(?:un)?deliver(?:ed|ing|able)?(?: (?:your|the|this|a))?(?: e?-?mail| message)?(?: of)? to|(?:mail|message)s? (?:was )?(?:sent )?to|"
    r"(?:to|for|user|address|account|mailbox|recipient|member|group|unknown user|user unknown|invalid final delivery userid|"
    r"exceeds allowed size|attempts|following address(?:es)?|宛先|送信先)"
)
# 550 5.1.1 <ann@example.com>... User unknown
_TRANSCRIPT = re.compile(
    rf"^[ \t]{{0,8}}[45]\d\d[ -](?:[45]\.\d\.\d{{1,3}} )?<?{_ADDRESS}>? ?\.\.\.[^\n]*", re.MULTILINE
)
_WAYS = (
    # <ann@example.com>: host said …        <ann@example.com>... Deferred
    re.compile(rf"^[ \t>*]{{0,12}}<{_ADDRESS}>", re.MULTILINE),
    # ann@example.com alone, "ann@example.com": or ann@example.com<mailto:ann@example.com>, * ann@example.com
    re.compile(
        rf"^[ \t>*•-]{{0,12}}[\"']?{_ADDRESS}[\"']?(?: ?[<(\[](?:mailto:)?[^\s>)]{{1,255}}[>)\]]){{0,2}}[ \t]*[:;,]?[ \t]*$",
        re.MULTILINE,
    ),
    # Ann<mailto:ann@example.com>
    re.compile(rf"^[^\n<]{{0,80}}<mailto:{_ADDRESS}>", re.MULTILINE | re.IGNORECASE),
    _TRANSCRIPT,
    # >>> RCPT To:<ann@example.com>
    re.compile(rf"rcpt to:? ?<{_ADDRESS}>", re.IGNORECASE),
    # ann@example.com: Domain does not exist      ann@example.com [User unknown]      ann@example.com on 4/29/99
    re.compile(rf"^[ \t*]{{0,12}}{_ADDRESS}[:;,]?[ \t]+(?=[\[(\w])", re.MULTILINE),
    # c=US;a= ;p=Example;dda:SMTP=ann@example.com;
    re.compile(rf"SMTP[=:]{_ADDRESS}"),
    # Recipient address: ann@example.com     could not be delivered to <ann@example.com>
    re.compile(
        rf"(?<![A-Za-z])(?:{_BEFORE})(?:\s{{0,4}}:\s{{0,40}}|\s{{1,40}}|(?=[<(\[]))[<\"'(\[]?{_ADDRESS}",
        re.IGNORECASE,
    ),
)
_OFFICES = re.compile(
    r"(?:postmaster|mailer-daemon|mail-daemon|abuse|support|help ?desk|webmaster|hostmaster|root|no-?reply|info|admin(?:istrator)?|"
    r"noc|unblock\w*|removeme|delisting|spam\w*|security)@",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A recipient and the text about it: what follows its address until the next recipient."""

    address: str
    text: str


def find_blocks(notice: str, *, strangers: frozenset[str]) -> list[Block]:
    """The recipients that a notice names. `strangers` are lower-case addresses that are none: sender and reporter."""
    notice = notice[:MAX_NOTICE]
    if "@" not in notice:
        return []
    for way in _WAYS:
        found = [hit for hit in way.finditer(notice) if _is_recipient(hit[1], strangers)]
        if found and way is _TRANSCRIPT:
            ends = [0, *(hit.end() for hit in found)]
            texts = [notice[start:end][-MAX_BLOCK:] for start, end in pairwise(ends)]
            return _join_blocks(
                [(hit[1], _cut_session(text)) for hit, text in zip(found, texts, strict=True)]
            )
        if found:
            return _cut_blocks(notice, found)
    found = [hit for hit in _PLAIN.finditer(notice) if _is_recipient(hit[1], strangers)]
    return _cut_blocks(notice, found[:1]) if found else []


def find_block_of(address: str, notice: str, others: list[str]) -> str:
    """The text about a recipient that is known from elsewhere; with one recipient all of the notice is about it."""
    notice = notice[:MAX_NOTICE]
    position = notice.find(address)
    if position < 0:
        return "" if others else notice[:MAX_BLOCK]
    following = [notice.find(other, position + len(address)) for other in others[:MAX_RECIPIENTS]]
    end = min((place for place in following if place >= 0), default=len(notice))
    return notice[position : min(end, position + MAX_BLOCK)]


def find_address(text: str) -> str:
    """The first address in a field, or ""."""
    found = _PLAIN.search(text[:2_000]) if "@" in text else None
    return clean_address(found[1]) if found else ""


def clean_address(address: str) -> str:
    return address.strip().strip(".…")


def _is_recipient(address: str, strangers: frozenset[str]) -> bool:
    return (
        clean_address(address).lower() not in strangers
        and _OFFICES.match(address) is None
        and ".." not in address
    )


def _cut_blocks(notice: str, found: list[re.Match[str]]) -> list[Block]:
    """What is said about a recipient follows its address; a block begins with the line of the address."""
    starts = [notice.rfind("\n", 0, hit.start() + 1) + 1 for hit in found]
    ends = [*starts[1:], len(notice)]
    return _join_blocks(
        [
            (hit[1], notice[start : max(start, end)][:MAX_BLOCK])
            for hit, start, end in zip(found, starts, ends, strict=True)
        ]
    )


def _cut_session(text: str) -> str:
    """What is said about a recipient precedes its address in a transcript; only the last session is about it."""
    return text[max(text.rfind("While talking to"), 0) :]


def _join_blocks(texts: list[tuple[str, str]]) -> list[Block]:
    """Blocks in order of appearance; what is said about one recipient in several places is joined."""
    joined: dict[str, str] = {}
    for written, text in texts[: 4 * MAX_RECIPIENTS]:
        address = clean_address(written)
        if address in joined or len(joined) < MAX_RECIPIENTS:
            joined[address] = (joined.get(address, "") + "\n" + text)[:MAX_BLOCK].lstrip("\n")
    return [Block(address, text) for address, text in joined.items()]
