"""The reply of a server as others quote it: its code, its enhanced code and its words out of a text."""

from __future__ import annotations

import re

# A code stands alone and begins something: sizes, ports, years and addresses must not be taken for one.
_CODE = re.compile(
    r"(?:^|(?<=[\s'\"#(<\[:=;,]))([45][0-57]\d)(?=[ :,;\-\])'\"<]|$)(?![ ]?(?:bytes|kb|mb|messages|characters|seconds|max))",
    re.MULTILINE,
)
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_AFTER_CODE = re.compile(r"[ :,;\-]{1,3}#?([45]\.\d{1,3}\.\d{1,3})(?![\d.])")


def find_reply_code(text: str) -> int:
    """The reply code that is most likely meant: one with an enhanced code after it, else the first; 0 when there is none."""
    found = _find_reply(text)
    return int(found[1]) if found else 0


def find_quoted_reply(text: str) -> str:
    """The reply that is most likely meant, from its code to the next blank line; "" when there is none."""
    found = _find_reply(text)
    if found is None:
        return ""
    end = text.find("\n\n", found.start())
    return text[found.start() : end if end >= 0 else len(text)]


def _find_reply(text: str) -> re.Match[str] | None:
    first: re.Match[str] | None = None
    for hit in _CODE.finditer(text):
        if _AFTER_CODE.match(text, hit.end()):
            return hit
        first = first or hit
    return first


def find_enhanced_code(text: str) -> str:
    """The first enhanced code that says something (not x.0.0), else the first, else ""."""
    first = ""
    for hit in _ENHANCED.finditer(text):
        if hit[1][0] == "2":
            continue
        if not hit[1].endswith(".0.0"):
            return hit[1]
        first = first or hit[1]
    return first
