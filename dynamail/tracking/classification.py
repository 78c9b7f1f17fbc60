"""A person or a machine? Decided in memory from the request's headers, which are then forgotten (promise P2.1).

Mail systems fetch pixels and follow links before anybody reads: to check them, to keep a copy, to draw a preview. Such hits are
kept and marked, and not counted. In doubt a hit is a person's: a rule here needs a known signature.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

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
_ADVANCE_HEADERS = (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")


def is_machine(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Was this request made without a person? `headers` has lower-case names."""
    if method != "GET":
        return True
    agent = headers.get(b"user-agent", b"").decode("latin-1").strip().lower()
    if not agent or agent == _APPLE_PRIVACY or _GMAIL_ADVANCE.search(agent) or _PROGRAMS.search(agent):
        return True
    return any(_asks_in_advance(headers.get(name)) for name in _ADVANCE_HEADERS)


def _asks_in_advance(value: bytes | None) -> bool:
    return value is not None and value.decode("latin-1").split(";")[0].strip().lower() in _IN_ADVANCE
