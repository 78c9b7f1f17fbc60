"""The words that the world's servers use for each reason. The first reason whose phrase occurs decides: the order is part of it.

A phrase is one line: `(a|b)` stands for both, `(a)` for a or nothing, ` * ` for up to 60 characters, `_who_` for whatever a
mailbox is called, `$` for the end of what was said; after `!` no letter follows. Phrases are compared with simplified text:
lower case, without addresses, "doesn't" written as "does not", one space between words.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass

from dynamail.protocols.reason_phrases import PHRASES, VAGUE_PHRASES
from dynamail.protocols.reasons import Reason

MAX_WORDS = 2_000  # characters that are looked at
GAP = 60

_ADDRESS = re.compile(r"<?[^\s<>()\[\]\"';:,@]{1,128}@[^\s<>()\[\]\"';:,@]{1,255}>?")
_HOLLOW = re.compile(
    r"\(\s{0,3}\)|\[\s{0,3}\]|\"\s{0,3}\"|'\s{0,3}'|<\s{0,3}>"
)  # what is left around a removed address
_LINK = re.compile(r"https?://([^/\s]{1,255})\S{0,1000}")
_CONTRACTIONS = (
    ("\u2019", "'"),
    ("`", "'"),
    ("_", " "),
    ("can't", "can not"),
    ("cannot", "can not"),
    ("won't", "will not"),
    ("n't", " not"),
    ("e-mail", "email"),
    ("mail box", "mailbox"),
    ("mail-box", "mailbox"),
    ("mailboxes", "mailbox"),
    ("recognised", "recognized"),
    ("organis", "organiz"),
    ("adress ", "address "),
)

_WHO = "user|recipient|mailbox|account|address|addressee|login|member|customer|subscriber|alias|maildrop|person|userid"

_GROUP = re.compile(r"\(([^()]*)\)")
_LETTER_AFTER = "(?![a-z])"
_LETTER_BEFORE = "(?<![a-z0-9])"


@dataclass(frozen=True, slots=True)
class _Phrase:
    """One or two patterns; with two, the second begins at most GAP characters after the first ends. Linear in the text."""

    triggers: frozenset[str]  # one of them occurs wherever the phrase does
    first: re.Pattern[str]
    second: re.Pattern[str] | None

    def occurs_in(self, words: str) -> bool:
        if self.second is None:
            return self.first.search(words) is not None
        starts = [found.start() for found in self.second.finditer(words)]
        for found in self.first.finditer(words) if starts else ():
            following = bisect_left(starts, found.end())
            if following < len(starts) and starts[following] - found.end() <= GAP:
                return True
        return False


def find_words(words: str) -> Reason | None:
    """The first reason whose words occur in simplified text (see `simplify_words`), or None."""
    return _PRECISE.find(words)


def find_vague_words(words: str) -> Reason | None:
    """As `find_words`, for words that are so general that a specific code says more."""
    return _VAGUE.find(words)


def simplify_words(text: str) -> str:
    """What phrases are compared with: bounded, lower case, no addresses, no paths of links, no contractions, single spaces."""
    text = _ADDRESS.sub(" ", text[:MAX_WORDS]).lower()
    text = _LINK.sub(r" \1 ", _HOLLOW.sub(" ", text))
    for old, new in _CONTRACTIONS:
        if old in text:
            text = text.replace(old, new)
    return " ".join(text.split())[:MAX_WORDS]


def _compile_phrase(line: str) -> _Phrase:
    written = line.replace("_who_", _WHO).split(" * ")
    parts = [_compile_part(part, is_whole=part is not written[-1]) for part in written]
    if len(parts) > 2 or set(_GROUP.sub("", line)) & set("()"):
        raise ValueError(f"more than one gap, or a group in a group: {line}")
    triggers = max(
        (_find_triggers(part) for part in line.replace("_who_", _WHO).split(" * ")), key=_rate_triggers
    )
    return _Phrase(triggers, parts[0], parts[1] if len(parts) == 2 else None)


def _compile_part(part: str, *, is_whole: bool) -> re.Pattern[str]:
    """Words begin where the phrase begins; before a gap they also end there. At the end of a phrase a stem is enough."""
    pattern, position = [_LETTER_BEFORE if part.lstrip("(")[0].isascii() else ""], 0
    for group in _GROUP.finditer(part):
        pattern.append(_escape(part[position : group.start()]))
        choices = group[1].split("|")
        pattern.append(
            f"(?:{'|'.join(_escape(choice) for choice in choices)}){'?' if len(choices) == 1 else ''}"
        )
        position = group.end()
    pattern.append(_escape(part[position:]) + (_LETTER_AFTER if is_whole else ""))
    return re.compile("".join(pattern))


def _escape(literal: str) -> str:
    if literal == "$":
        return r" ?(?:\(|$)"
    return re.escape(literal.removesuffix("!")) + (_LETTER_AFTER if literal.endswith("!") else "")


def _find_triggers(part: str) -> frozenset[str]:
    """Of the pieces of this part that must occur, the ones that occur least by chance."""
    pieces = [frozenset((literal.strip(" !"),)) for literal in _GROUP.sub("\0", part).split("\0")]
    pieces += [
        frozenset(choice.strip(" !") for choice in group[1].split("|"))
        for group in _GROUP.finditer(part)
        if "|" in group[1]
    ]
    return max(pieces, key=_rate_triggers)


def _rate_triggers(triggers: frozenset[str]) -> tuple[int, int]:
    return min(len(trigger) for trigger in triggers), -len(triggers)


class _Table:
    """Phrases in their order; only those one of whose triggers occurs are tried."""

    def __init__(self, phrases: tuple[tuple[Reason, str], ...]) -> None:
        self.rules = [
            (reason, _compile_phrase(line.strip()))
            for reason, lines in phrases
            for line in lines.strip().splitlines()
        ]
        self._triggers: dict[str, list[int]] = {}
        for number, (_, phrase) in enumerate(self.rules):
            for trigger in phrase.triggers:
                self._triggers.setdefault(trigger, []).append(number)

    def find(self, words: str) -> Reason | None:
        candidates = {
            number for trigger, numbers in self._triggers.items() if trigger in words for number in numbers
        }
        for number in sorted(candidates):
            reason, phrase = self.rules[number]
            if phrase.occurs_in(words):
                return reason
        return None


_PRECISE = _Table(PHRASES)
_VAGUE = _Table(VAGUE_PHRASES)
