"""The links of a single email: rewritten in its HTML when it is sent, each with its address in the token.

Only what the sender asked for is counted, and only links to the web; our own pages stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from dynamail.content.html import before_body_end
from dynamail.content.html_policy import HIDDEN_FROM_OTHERS, scheme_of
from dynamail.content.link_tags import pixel_html
from dynamail.content.markup import Token, Type, scan_markup, write_start
from dynamail.messages.recipient_links import PAGES
from dynamail.tracking.tokens import DYNAMIC, NOBODY, SINGLE, ClickToken, OpenToken, TokenKeys

_WEB = frozenset(("http", "https"))
_LINKED = frozenset(("a", "area"))
MOST_LINKS = 65_535  # the token counts them in 16 bits; those behind lead there directly


@dataclass(frozen=True, slots=True)
class SingleLinks:
    """Where the links of one recipient's copy lead. `tracking_url` is the sending domain's own host or ours."""

    public_url: str
    tracking_url: str
    keys: TokenKeys
    account_id: int
    message_id: UUID
    contact_id: UUID | None

    def click(self, number: int, url: str) -> str:
        """The counted address; the plain one when it does not fit into a token."""
        token = ClickToken(
            self.account_id, self.message_id, self.contact_id or NOBODY, number, SINGLE | DYNAMIC, url
        )
        try:
            return f"{self.tracking_url}/t/c/{token.sign(self.keys)}"
        except ValueError:
            return url

    def pixel(self) -> str:
        token = OpenToken(self.account_id, self.message_id, self.contact_id or NOBODY, SINGLE)
        return f"{self.tracking_url}/t/o/{token.sign(self.keys)}"

    def is_own(self, url: str) -> bool:
        return any(url.startswith(f"{self.public_url}{path}") for path in PAGES.values())


def track_html(html: str, links: SingleLinks, *, opens: bool, clicks: bool) -> str:
    """The HTML with counted links and a pixel, as asked; nothing else of it changes."""
    if clicks:
        html = _Rewriting(links).rewrite(html)
    return before_body_end(html, pixel_html(links.pixel())) if opens else html


class _Rewriting:
    def __init__(self, links: SingleLinks) -> None:
        self._links = links
        self._numbers: dict[str, int] = {}

    def rewrite(self, html: str, *, in_comment: bool = False) -> str:
        return "".join(self._write(token, in_comment) for token in scan_markup(html))

    def _write(self, token: Token, in_comment: bool) -> str:
        if token.type is Type.START:
            return self._write_start(token)
        hidden = HIDDEN_FROM_OTHERS.fullmatch(token.source) if token.type is Type.COMMENT else None
        if hidden and not in_comment:  # Outlook's copy of a button
            return f"<!--[if {hidden[1]}]>{self.rewrite(hidden[2], in_comment=True)}<![endif]-->"
        return token.source

    def _write_start(self, token: Token) -> str:
        href = (token.get("href") or "").strip()
        if token.name not in _LINKED and not token.name.startswith("v:"):
            return token.source
        if scheme_of(href) not in _WEB or self._links.is_own(href):
            return token.source
        number = self._numbers.setdefault(href, len(self._numbers) + 1)
        if number > MOST_LINKS:
            return token.source
        address = self._links.click(number, href)
        attributes = tuple(
            replace(one, value=address) if one.name == "href" else one for one in token.attributes
        )
        return write_start(token.written_name, attributes, self_closing=token.self_closing)
