"""`/t/c/<token>` and `/t/o/<token>` as a plain ASGI application: the hot path of the web process.

1. The token is verified: no database.  2. A click's destination comes from memory (`link_cache.py`), that of a single message's link
from the token.  3. Person or machine is
decided from the headers, in memory.  4. The hit goes to the segment file.  5. The answer: a redirect, or a transparent pixel.

Consent is asked when the segment is shipped (`sql/settle_hits.sql`), a second later. Nothing here logs a request, and neither the
recipient's address on the net nor their browser leaves this module (promise P2.1).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from dynamail.lib.signing import BadToken
from dynamail.tracking.classification import is_machine
from dynamail.tracking.destinations import is_rendered_from, to_location
from dynamail.tracking.hits import CLICKED, MACHINE, NO_LINK, OPENED, Hit, pack_hit
from dynamail.tracking.hits import SINGLE as SINGLE_HIT
from dynamail.tracking.link_cache import Destination, LinkCache
from dynamail.tracking.segments import SegmentWriter
from dynamail.tracking.tokens import SINGLE, RawClick, TokenKeys, read_click, read_open

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

CLICK_PATH, OPEN_PATH = "/t/c/", "/t/o/"
MAX_TOKEN_CHARACTERS = 2_200
COMPLAIN_SECONDS = 60.0  # between two lines about the same trouble

# 1×1, transparent.
PIXEL: Final = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
_COMMON: Headers = [(b"cache-control", b"no-store"), (b"x-robots-tag", b"noindex, nofollow")]
_CLICK: Headers = [*_COMMON, (b"content-length", b"0"), (b"referrer-policy", b"no-referrer")]
_OPEN: Headers = [*_COMMON, (b"content-type", b"image/gif"), (b"content-length", str(len(PIXEL)).encode())]
PAGE_POLICY: Final = b"default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'"
_HTML: Headers = [
    (b"content-security-policy", PAGE_POLICY),
    *_COMMON,
    (b"content-type", b"text/html; charset=utf-8"),
    (b"x-content-type-options", b"nosniff"),
]

log = logging.getLogger(__name__)


class TrackingEndpoints:
    """The ASGI application. `pages` makes the page for a status (404 or 503) in the visitor's language."""

    def __init__(
        self,
        *,
        keys: TokenKeys,
        links: LinkCache,
        writer: SegmentWriter,
        pages: Callable[[int, str], bytes],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._links = links
        self._writer = writer
        self._pages = pages
        self._clock = clock
        self._complained_at = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if method not in ("GET", "HEAD"):
            await _answer(send, 405, [*_COMMON, (b"allow", b"GET, HEAD"), (b"content-length", b"0")])
        elif path.startswith(CLICK_PATH):
            await self._follow_link(path[len(CLICK_PATH) :], scope, send)
        elif path.startswith(OPEN_PATH):
            await self._show_pixel(path[len(OPEN_PATH) :], scope, send)
        else:
            await self._show_page(404, scope, send)

    async def _follow_link(self, text: str, scope: Scope, send: Send) -> None:
        try:
            click, address = read_click(self._keys, _limit(text))
        except BadToken:
            await self._show_page(404, scope, send)
            return
        if click.flags & SINGLE:
            await self._follow_single(click, address, scope, send)
            return
        where = (click.account_id, click.source, click.link_number)
        link = self._links.find_fresh(*where)
        if link is None:
            try:
                link = await self._links.find(*where)
            except Exception as error:  # the pool's and the driver's many ways to say "not now"
                self._complain("Links cannot be looked up: %s", error)
                await self._show_page(503, scope, send)
                return
        location = find_location(link, address)
        if location is None:
            await self._show_page(404, scope, send)
            return
        self._note(click.account_id, click.source, click.contact, click.link_number, CLICKED, scope)
        await _answer(send, 302, [(b"location", location), *_CLICK])

    async def _follow_single(self, click: RawClick, address: str, scope: Scope, send: Send) -> None:
        location = to_location(address)
        if location is None:
            await self._show_page(404, scope, send)
            return
        hit = (click.account_id, click.source, click.contact, click.link_number, CLICKED, scope)
        self._note(*hit, flags=SINGLE_HIT, address=location)
        await _answer(send, 302, [(b"location", location), *_CLICK])

    async def _show_pixel(self, text: str, scope: Scope, send: Send) -> None:
        try:
            opened = read_open(self._keys, _limit(text.removesuffix(".gif")))
        except BadToken:
            await self._show_page(404, scope, send)
            return
        flags = SINGLE_HIT if opened.flags & SINGLE else 0
        self._note(opened.account_id, opened.source, opened.contact, NO_LINK, OPENED, scope, flags=flags)
        await _answer(send, 200, _OPEN, b"" if scope["method"] == "HEAD" else PIXEL)

    def _note(
        self,
        account_id: int,
        source: bytes,
        contact: bytes,
        link_number: int,
        kind: int,
        scope: Scope,
        *,
        flags: int = 0,
        address: bytes = b"",
    ) -> None:
        """A full disk costs the hit, never the redirect."""
        if is_machine(scope["method"], scope["headers"]):
            flags |= MACHINE
        moment = int(self._clock() * 1000)
        # The record has a signed number of 16 bits.
        hit = Hit(account_id, moment, source, contact, min(link_number, 32_767), kind, flags, address)
        try:
            self._writer.append(pack_hit(hit))
        except OSError as error:
            self._complain("Opens and clicks are not recorded: %s", error)

    async def _show_page(self, status: int, scope: Scope, send: Send) -> None:
        body = self._pages(status, _header(scope, b"accept-language").decode("latin-1"))
        headers = [*_HTML, (b"content-length", str(len(body)).encode())]
        if status == 503:
            headers.append((b"retry-after", b"30"))
        await _answer(send, status, headers, b"" if scope["method"] == "HEAD" else body)

    def _complain(self, sentence: str, error: Exception) -> None:
        if self._clock() - self._complained_at > COMPLAIN_SECONDS:
            self._complained_at = self._clock()
            log.error(sentence, error)


def find_location(link: Destination | None, address: str) -> bytes | None:
    """Where a click leads; None when the link is gone, leads nowhere on the web, or is not of the token's kind."""
    if link is None or link.is_dynamic != bool(address):
        return None
    if not link.is_dynamic:
        return link.location
    return to_location(address) if is_rendered_from(address, link.url) else None


def _limit(text: str) -> str:
    if len(text) > MAX_TOKEN_CHARACTERS:
        raise BadToken("too long")
    return text


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")


async def _answer(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
