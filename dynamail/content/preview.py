"""What one recipient would see, as a document of its own for a sandboxed frame.

The door that serves it sends `Content-Security-Policy: sandbox; …` with it; nothing here relies on the page around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from dynamail.content.compiling import CompiledEmail, EmailSource, compile_email
from dynamail.content.html import after_body_start
from dynamail.content.personalization import without_blanks
from dynamail.content.programs import PlainResolver
from dynamail.lib.clock import utc_now

_DARK_QUERY = re.compile(r"@media[^{]*prefers-color-scheme\s*:\s*(dark|light)[^{]*\{", re.IGNORECASE)
_PLAIN_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><meta name="viewport" '
    'content="width=device-width, initial-scale=1"></head><body style="margin:0;background:{back};color:{ink}">'
    '<pre style="margin:0;padding:24px;font:14px/1.6 ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;'
    'overflow-wrap:anywhere">{text}</pre></body></html>'
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """One recipient's copy. `html` is None for an email of plain text only."""

    subject: str
    html: str | None
    text: str


class VisibleNames(Mapping[str, object]):
    """Data whose missing values show their name: `{{ contact.city }}` reads [contact.city], unless it has a default."""

    def __init__(self, data: Mapping[str, object], path: str = "") -> None:
        self._data, self._path = data, path

    def __getitem__(self, key: str) -> object:
        value, path = self._data.get(key), f"{self._path}.{key}" if self._path else str(key)
        if isinstance(value, Mapping):
            return VisibleNames(value, path)
        return MissingValue(path) if value is None else value

    def __contains__(self, key: object) -> bool:
        return key in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)


class MissingValue:
    """Written as its name, in every other way nothing."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __str__(self) -> str:
        return f"[{self.path}]"

    def __liquid__(self) -> None:
        return None

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, MissingValue)

    def __hash__(self) -> int:
        return hash(None)

    def __getitem__(self, key: str) -> MissingValue:
        return MissingValue(f"{self.path}.{key}")


PREVIEW_URLS = PlainResolver({"unsubscribe": "#unsubscribe", "preferences": "#preferences", "view": "#view"})


def render_preview(source: EmailSource, context: Mapping[str, object], *, dark: bool = False) -> str:
    """The whole HTML document. Raises ContentError when the source cannot be compiled or rendered."""
    return preview_document(render_email(compile_email(source), context), dark=dark)


def render_email(compiled: CompiledEmail, context: Mapping[str, object]) -> Rendered:
    """One copy with plain links. Values that the contact lacks show their names."""
    data = VisibleNames(context)
    return Rendered(
        " ".join(compiled.subject.render(data, PREVIEW_URLS).split()),
        compiled.html.render(data, PREVIEW_URLS) if compiled.html else None,
        compiled.text.render(data, PREVIEW_URLS),
    )


def preview_document(rendered: Rendered, *, dark: bool = False) -> str:
    """The document that the frame shows: the HTML, or the plain text on a page."""
    if rendered.html is None:
        back, ink = ("#1b1b1f", "#e6e6ea") if dark else ("#ffffff", "#1b1b1f")
        return _PLAIN_PAGE.format(
            title=escape(rendered.subject), text=escape(rendered.text), back=back, ink=ink
        )
    return in_dark(rendered.html) if dark else in_light(rendered.html)


def in_dark(html: str) -> str:
    """As a mail program in dark mode shows it: the email's own dark styles, or else the colors turned around.

    The frame cannot be told a color scheme, so the media query is decided here.
    """
    if re.search(r"prefers-color-scheme\s*:\s*dark", html, re.IGNORECASE):
        return after_body_start(_decide(html, "dark"), "<style>:root{color-scheme:dark}</style>")
    style = (
        "<style>:root{color-scheme:light}html{background:#111;filter:invert(1) hue-rotate(180deg)}"
        "img,video,[background]{filter:invert(1) hue-rotate(180deg)}</style>"
    )
    return after_body_start(html, style)


def in_light(html: str) -> str:
    """As a mail program in light mode shows it, whatever the reader's own device prefers."""
    return after_body_start(_decide(html, "light"), "<style>:root{color-scheme:light}</style>")


def _decide(html: str, scheme: str) -> str:
    return _DARK_QUERY.sub(
        lambda match: "@media all {" if match[1].lower() == scheme else "@media not all {", html
    )


SAMPLE_PERSON: Mapping[str, object] = {
    "email": "alex@example.com",
    "name": "Alex Morgan",
    "first_name": "Alex",
    "last_name": "Morgan",
}


def sample_context(
    contact: Mapping[str, object] | None = None,
    *,
    account_name: str = "Acme",
    postal_address: str = "1 Main Street, Springfield",
    campaign_name: str = "Sample campaign",
    subject: str = "",
    now: datetime | None = None,
) -> dict[str, Any]:
    """Data for a preview: of the given contact and nobody else, or of a sample person."""
    return {
        "contact": without_blanks(SAMPLE_PERSON if contact is None else contact),
        "account": without_blanks({"name": account_name, "postal_address": postal_address}),
        "campaign": without_blanks({"name": campaign_name, "subject": subject}),
        "today": (now or utc_now()).date(),
    }
