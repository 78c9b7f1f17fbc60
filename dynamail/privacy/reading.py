"""A policy's plain text as blocks for a page, and what changed between two versions. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["heading", "paragraph", "list"]
SIMILAR = 0.5  # two blocks at least this alike are one block that was edited
_HEADING = re.compile(r"(\d+)\. \S[^\n]*")
_WORDS = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True)
class Block:
    """A heading, a paragraph or a list; `anchor` is set for headings."""

    kind: Kind
    lines: tuple[str, ...]
    anchor: str = ""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True)
class Run:
    """Words that stayed, came or went."""

    change: Literal["same", "added", "removed"]
    text: str


@dataclass(frozen=True)
class Change:
    """One block of the newer text, or one that is gone, as runs of words."""

    kind: Kind
    runs: tuple[Run, ...]

    @property
    def is_changed(self) -> bool:
        return any(run.change != "same" for run in self.runs)


def read_blocks(body: str) -> list[Block]:
    """Blocks are apart by an empty line; "3. Word" alone is a heading, lines that start with "- " are a list."""
    return [_read_block(part) for part in re.split(r"\n{2,}", body.strip()) if part.strip()]


def compare_texts(older: str, newer: str) -> list[Change]:
    """The newer text with its differences to the older one, word by word inside edited blocks."""
    before, after = read_blocks(older), read_blocks(newer)
    matcher = SequenceMatcher(
        a=[block.text for block in before], b=[block.text for block in after], autojunk=False
    )
    changes: list[Change] = []
    for operation, a1, a2, b1, b2 in matcher.get_opcodes():
        if operation == "equal":
            changes += [Change(block.kind, (Run("same", block.text),)) for block in after[b1:b2]]
        else:
            changes += _pair_blocks(before[a1:a2], after[b1:b2])
    return changes


def keep_changed(changes: list[Change]) -> list[Change]:
    """The edited blocks alone, each under the heading of its section."""
    kept: list[Change] = []
    heading: Change | None = None
    for change in changes:
        if change.kind == "heading":
            heading = change
        if not change.is_changed:
            continue
        if heading is not None and heading is not change:
            kept.append(heading)
        kept.append(change)
        heading = None
    return kept


def _read_block(part: str) -> Block:
    lines = tuple(line.strip() for line in part.strip().splitlines())
    if all(line.startswith("- ") for line in lines):
        return Block("list", tuple(line[2:] for line in lines))
    if len(lines) == 1 and (match := _HEADING.fullmatch(lines[0])):
        return Block("heading", lines, anchor=f"section-{match[1]}")
    return Block("paragraph", lines)


def _pair_blocks(before: list[Block], after: list[Block]) -> Iterator[Change]:
    left = list(before)
    for block in after:
        partner = max(left, key=lambda candidate: _alike(candidate, block), default=None)
        if partner is None or _alike(partner, block) < SIMILAR:
            yield Change(block.kind, (Run("added", block.text),))
            continue
        for skipped in left[: left.index(partner)]:
            yield Change(skipped.kind, (Run("removed", skipped.text),))
        left = left[left.index(partner) + 1 :]
        yield Change(block.kind, tuple(_compare_words(partner.text, block.text)))
    for gone in left:
        yield Change(gone.kind, (Run("removed", gone.text),))


def _alike(one: Block, other: Block) -> float:
    return SequenceMatcher(a=_WORDS.findall(one.text), b=_WORDS.findall(other.text), autojunk=False).ratio()


def _compare_words(older: str, newer: str) -> Iterator[Run]:
    a, b = _WORDS.findall(older), _WORDS.findall(newer)
    for operation, a1, a2, b1, b2 in SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes():
        if operation == "equal":
            yield Run("same", "".join(b[b1:b2]))
            continue
        if a2 > a1:
            yield Run("removed", "".join(a[a1:a2]))
        if b2 > b1:
            yield Run("added", "".join(b[b1:b2]))
