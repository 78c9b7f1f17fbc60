"""The links of an email: found, numbered, given tracking tags.

A link's `href` becomes `{% dynamail_link 3 %}https://…{% enddynamail_link %}`, so that whoever delivers decides per recipient what
stands there: the plain address or a signed one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from dynamail.content.html_policy import HIDDEN_FROM_OTHERS, scheme_of
from dynamail.content.markup import Attribute, Token, Type, scan_markup, write_start
from dynamail.content.protecting import Code, Protected

LINK_TAG, PIXEL_TAG = "dynamail_link", "dynamail_pixel"
OWN_URLS: Mapping[str, str] = {
    "unsubscribe_url": "unsubscribe",
    "preferences_url": "preferences",
    "view_url": "view",
}
_OWN_URL = re.compile(rf"\b(?:{'|'.join(OWN_URLS)})\b")
_TRACKED = frozenset({"http", "https"})
_LEFT_ALONE = frozenset({"mailto", "tel", "sms", "cid"})
MAX_LABEL = 120


@dataclass(frozen=True, slots=True)
class Link:
    """One link. `url` is as the author wrote it, with its Liquid when `is_dynamic`; `label` is what the reader sees."""

    number: int
    url: str
    is_dynamic: bool
    label: str


@dataclass(frozen=True, slots=True)
class Utm:
    """Tags that web analytics read. Empty ones are left out; a tag that the link already has wins."""

    source: str = ""
    medium: str = "email"
    campaign: str = ""
    content: str = ""


@dataclass
class _Numbering:
    protected: Protected
    links: list[Link] = field(default_factory=list)
    for_outlook: dict[str, int] = field(default_factory=dict)  # links first seen in a conditional comment
    open_link: int | None = None  # index into `links` of the <a> we are inside of
    label: list[str] = field(default_factory=list)


def number_links(html: str, protected: Protected) -> tuple[str, list[Link]]:
    """The HTML with its tracked links marked, and the links in the order of the page.

    Left alone: our own unsubscribe, preferences and view addresses, mailto and tel, fragments, relative addresses.
    Outlook's copy of a button inside a conditional comment shares the number of the button.
    """
    numbering = _Numbering(protected)
    marked = _mark(numbering, html, in_comment=False)
    return marked, numbering.links


def _mark(numbering: _Numbering, html: str, *, in_comment: bool) -> str:
    out: list[str] = []
    for token in scan_markup(html):
        match token.type:
            case Type.START:
                out.append(_mark_start(numbering, token, in_comment=in_comment))
            case Type.COMMENT if not in_comment and (match := HIDDEN_FROM_OTHERS.fullmatch(token.source)):
                out.append(f"<!--[if {match[1]}]>{_mark(numbering, match[2], in_comment=True)}<![endif]-->")
            case _:
                _follow_label(numbering, token)
                out.append(token.source)
    return "".join(out)


def _follow_label(numbering: _Numbering, token: Token) -> None:
    if token.type is Type.TEXT and numbering.open_link is not None:
        numbering.label.append(token.source)
    elif token.type is Type.END and token.name == "a":
        _close_label(numbering)


def _close_label(numbering: _Numbering) -> None:
    if numbering.open_link is None:
        return
    text = " ".join(numbering.protected.restore("".join(numbering.label)).split())
    link = numbering.links[numbering.open_link]
    numbering.links[numbering.open_link] = Link(link.number, link.url, link.is_dynamic, text[:MAX_LABEL])
    numbering.open_link = None


def _mark_start(numbering: _Numbering, token: Token, *, in_comment: bool) -> str:
    if token.name == "img" and numbering.open_link is not None and (alt := token.get("alt")):
        numbering.label.append(alt)
    href = token.get("href")
    if href is None or not (token.name in ("a", "area") or token.name.startswith("v:")):
        return token.source
    if token.name == "a":
        _close_label(numbering)
    if not is_tracked(href, numbering.protected):
        return token.source
    number = _number_of(numbering, href, in_comment=in_comment)
    if token.name == "a" and not in_comment:
        numbering.open_link, numbering.label = number - 1, []
    marked = numbering.protected.add(
        Code(link_source(number, numbering.protected.restore(href.strip())), LINK_TAG)
    )
    attributes = tuple(Attribute(a.name, marked if a.name == "href" else a.value) for a in token.attributes)
    return write_start(token.written_name, attributes, self_closing=token.self_closing)


def link_source(number: int, url: str) -> str:
    return f"{{% {LINK_TAG} {number} %}}{url}{{% end{LINK_TAG} %}}"


def is_tracked(href: str, protected: Protected) -> bool:
    """Is this an address on the web, or one that Liquid will write?"""
    codes = protected.codes_in(href)
    if any(_OWN_URL.search(code.text) for code in codes):
        return False
    scheme = scheme_of(href)
    return scheme in _TRACKED or (bool(codes) and scheme not in _LEFT_ALONE and not href.startswith("#"))


def _number_of(numbering: _Numbering, href: str, *, in_comment: bool) -> int:
    known = numbering.for_outlook.get(href) if in_comment else numbering.for_outlook.pop(href, None)
    if in_comment and known is None:
        known = next(
            (
                link.number
                for link in reversed(numbering.links)
                if link.url == numbering.protected.restore(href)
            ),
            None,
        )
    if known is not None:
        return known
    number = len(numbering.links) + 1
    url = numbering.protected.restore(href.strip())
    numbering.links.append(Link(number, url, bool(numbering.protected.codes_in(href)), ""))
    if in_comment:
        numbering.for_outlook[href] = number
    return number


def safe_link(url: str) -> str:
    """A rendered dynamic address, or "#" when it is none: data decides here, and data may say `javascript:`."""
    url = url.strip()
    return url if scheme_of(url) in _TRACKED | _LEFT_ALONE else "#"


def with_utm(url: str, utm: Utm) -> str:
    """The address with the tags added to its query. Only for http(s); everything else stays as it is."""
    if scheme_of(url) not in _TRACKED:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    present = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    wanted = {"source": utm.source, "medium": utm.medium, "campaign": utm.campaign, "content": utm.content}
    added = urlencode(
        {f"utm_{name}": value for name, value in wanted.items() if value and f"utm_{name}" not in present}
    )
    if not added:
        return url
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))
