"""Which encoding a text file is in: UTF-8, UTF-16 and Windows-1251 are told apart, anything else is refused."""

from __future__ import annotations

import re
import unicodedata

from django.utils.translation import gettext as _

from dynamail.contacts.importing.problems import ImportProblem

BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
UTF_32_BOMS = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")

# What a member may choose when the guess is wrong.
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "cp1251": "Windows-1251 (Cyrillic)",
    "koi8-r": "KOI8-R (Cyrillic)",
    "cp866": "CP866 (Cyrillic, DOS)",
    "cp1252": "Windows-1252 (Western Europe)",
    "cp1250": "Windows-1250 (Central Europe)",
}

_PLAIN_CONTROLS = frozenset("\t\n\r\x0b\x0c\x1a")
_FOREIGN_WORD = re.compile(r"\w*[^\W\d_]\w*")
_TYPOGRAPHY = frozenset("№«»„“”‘’‚–—…•·°§©®™±¦€ \u00a0\u00ad")


def detect_encoding(head: bytes, *, complete: bool) -> str:
    """The codec of a file that begins with `head` (`complete`: it is the whole file). Raises ImportProblem."""
    if head.startswith(UTF_32_BOMS):
        raise _unknown()
    for bom, name in BOMS:
        if head.startswith(bom):
            return name
    if head.count(0) * 20 > len(head):
        return _detect_utf16(head)
    if _decodes_as_utf8(head, complete=complete):
        _refuse_binary(head.decode("utf-8", "ignore"))
        return "utf-8"
    text = head.decode("cp1251", "replace")
    _refuse_binary(text)
    if not _looks_like_cp1251(text):
        raise _unknown()
    return "cp1251"


def skip_bom(head: bytes) -> int:
    """How many bytes of byte order mark the file begins with."""
    return next((len(bom) for bom, _name in BOMS if head.startswith(bom)), 0)


def _detect_utf16(head: bytes) -> str:
    """Without a mark: separators, digits and line ends have their zero byte on one side only."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    name = "utf-16-le" if odd > even else "utf-16-be"
    few = min(even, odd) * 20 > max(even, odd)
    text = head[: len(head) // 2 * 2].decode(name, "replace")
    if (
        few
        or max(even, odd) * 8 < len(head) // 2
        or "\x00" in text
        or text.count("\ufffd") * 100 > len(text) + 100
    ):
        raise not_a_table()
    _refuse_binary(text)
    return name


def _decodes_as_utf8(head: bytes, *, complete: bool) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The sample may end inside a character.
        return not complete and error.start >= len(head) - 3 and error.reason == "unexpected end of data"
    return True


def _refuse_binary(text: str) -> None:
    controls = sum(1 for letter in text if letter < " " and letter not in _PLAIN_CONTROLS)
    if controls * 50 > len(text):
        raise not_a_table()


def _looks_like_cp1251(text: str) -> bool:
    """Cyrillic words as people write them: small letters after the first, no Latin letters between."""
    foreign = [letter for letter in text if letter > "\x7f" and letter not in _TYPOGRAPHY]
    cyrillic = sum(1 for letter in foreign if unicodedata.name(letter, "").startswith("CYRILLIC"))
    if cyrillic * 10 < len(foreign) * 9:
        return False
    words = [word for word in _FOREIGN_WORD.findall(text) if not word.isascii()]
    mixed = sum(1 for word in words if re.search(r"[a-zA-Z]", word))
    inverted = sum(1 for word in words if len(word) > 2 and word[0].islower() and word[1:].isupper())
    return mixed * 5 <= len(words) and inverted * 5 <= len(words)


def _unknown() -> ImportProblem:
    return ImportProblem(
        "encoding",
        _(
            "The encoding of this file is not recognized. Save it as “CSV UTF-8” in your spreadsheet and upload it again."
        ),
    )


def not_a_table() -> ImportProblem:
    return ImportProblem(
        "not_a_table",
        _(
            "This is not a table of contacts. Upload a CSV, TSV or XLSX file, as spreadsheets and mailing services export it."
        ),
    )
