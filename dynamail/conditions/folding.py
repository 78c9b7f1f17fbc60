"""Texts without regard to letter case, in the same way here and in the database.

Each character by itself becomes its one small letter (the simple mapping of Unicode 16): what `lower()` does in PostgreSQL's
built-in `C.UTF-8`, whatever the database's locale. `str.lower()` differs: it looks at neighbors (Σ at the end of a word) and makes
two characters of İ.
"""

from __future__ import annotations

_LAST_CAPITAL = 0x1E921
# Pairs that Unicode 15 and 16 added: the Python at hand may not know them, and must not change what a segment means.
_NEW_PAIRS = {
    0x1C89: 0x1C8A,
    0xA7CB: 0x0264,
    0xA7CC: 0xA7CD,
    0xA7DA: 0xA7DB,
    0xA7DC: 0x019B,
    **{capital: capital + 0x20 for capital in range(0x10D50, 0x10D66)},
}


def _list_pairs() -> dict[int, int]:
    """Capital and small letter, by code point."""
    pairs = {0x130: 0x69}  # İ: its only small letter without a neighbor is i
    for code in range(_LAST_CAPITAL + 1):
        small = chr(code).lower()
        if len(small) == 1 and ord(small) != code:
            pairs[code] = ord(small)
    return pairs | _NEW_PAIRS


_PAIRS = _list_pairs()
# The same pairs as two texts of one length, for `translate()` in SQL.
UPPER = "".join(map(chr, _PAIRS))
LOWER = "".join(map(chr, _PAIRS.values()))


def fold(text: str) -> str:
    """The text in small letters, as many characters as before."""
    return text.lower() if text.isascii() else text.translate(_PAIRS)
