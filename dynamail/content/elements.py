"""Images and links where the author wrote them, for problems with a line and column.

They are read from the source, MJML or HTML alike, not from what was compiled out of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dynamail.content.markup import RAW_TEXT, Token, Type, scan_markup
from dynamail.content.problems import Positions
from dynamail.content.protecting import Protected


@dataclass(frozen=True, slots=True)
class Image:
    """`alt` is None when the attribute is missing: not the same as an empty one, which marks decoration."""

    src: str
    alt: str | None
    width: str | None
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link as written, Liquid included."""

    href: str
    is_dynamic: bool
    line: int
    column: int


_LINKING = frozenset(
    {"a", "area", "mj-button", "mj-image", "mj-navbar-link", "mj-social-element", "mj-carousel-image"}
)


def find_images(source: str) -> list[Image]:
    protected, positions = Protected(source), Positions(source)
    return [
        Image(
            protected.restore(token.get("src") or ""),
            _restored(protected, token.get("alt")),
            _width(token),
            *positions.at(protected.origin(token.start)),
        )
        for token in _starts(protected)
        if token.name in ("img", "mj-image")
    ]


def _restored(protected: Protected, value: str | None) -> str | None:
    return None if value is None else protected.restore(value)


def _width(token: Token) -> str | None:
    if token.name == "mj-image":
        return token.get("width") or "column"  # MJML gives it the column's width
    style = (token.get("style") or "").lower()
    return token.get("width") or ("style" if "width:" in style.replace(" ", "") else None)


def find_anchors(source: str) -> list[Anchor]:
    """Every element that links somewhere; one without an address is left out, one with an empty address is not."""
    protected, positions = Protected(source), Positions(source)
    found = []
    for token in _starts(protected):
        href = token.get("href")
        if token.name in _LINKING and href is not None:
            place = positions.at(protected.origin(token.start))
            found.append(Anchor(protected.restore(href.strip()), bool(protected.codes_in(href)), *place))
    return found


def _starts(protected: Protected) -> Iterator[Token]:
    return (token for token in scan_markup(protected.text, raw=RAW_TEXT) if token.type is Type.START)
