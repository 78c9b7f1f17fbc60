"""A person or a machine? Decided in memory from the request's headers, which are then forgotten (promise P2.1).

Mail systems fetch pixels and follow links before anybody reads: to check them, to keep a copy, to draw a preview. Such hits are
kept and marked, and not counted. In doubt a hit is a person's: a rule here needs a known signature.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

# Apple Mail Privacy Protection fetches every image through a proxy with nothing but this.
_APPLE_PRIVACY = "mozilla/5.0"
# Gmail fetches images in advance with this browser of 2015; when the reader opens, the same proxy says "GoogleImageProxy".
_GMAIL_ADVANCE = re.compile(r"edge/12\.246 mozilla/5\.0$")
_PROGRAMS = re.compile(
    r"bot\b|bots\b|crawl|spider|slurp|scanner|urlscan|virustotal|preview|headless|phantomjs|puppeteer|playwright|"
    r"python-|python/|aiohttp|httpx|^curl/|^wget/|^java/|okhttp|go-http-client|libwww|lwp::|^php|guzzle|node-fetch|axios|"
    r"^ruby|powershell|winhttp|httpclient|facebookexternalhit|embedly|google-safety|google-read-aloud|googleother|"
    r"barracuda|proofpoint|mimecast|trendmicro|symantec|messagelabs|forcepoint|ironport|fortinet|sophos|safelinks|"
    r"zscaler|cloudmark|checkpoint|bitdefender|kaspersky|mail\.ru_bot|yandeximages|datadog|uptime|monitor"
)
_IN_ADVANCE = {"prefetch", "prerender", "preview", "prefetch;prerender"}
_ADVANCE_HEADERS = frozenset((b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))


Header = tuple[bytes, bytes]


def is_machine(method: str, headers: Iterable[Header]) -> bool:
    """Was this request made without a person? The headers' names are lower-case, as ASGI gives them."""
    if method != "GET":
        return True
    agent = b""
    for name, value in headers:
        if name == b"user-agent":
            agent = value
        elif name in _ADVANCE_HEADERS and _asks_in_advance(value):
            return True
    return is_program(agent)


@lru_cache(maxsize=512)
def is_program(agent: bytes) -> bool:
    """Does this User-Agent name a program that nobody looks at? The few common ones are kept in memory, with nobody's name."""
    text = agent.decode("latin-1").strip().lower()
    return (
        not text
        or text == _APPLE_PRIVACY
        or _GMAIL_ADVANCE.search(text) is not None
        or _PROGRAMS.search(text) is not None
    )


def _asks_in_advance(value: bytes) -> bool:
    return value.decode("latin-1").split(";")[0].strip().lower() in _IN_ADVANCE
