"""Where a click may lead: to an address on the web, written so that it fits a Location header. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit, urlunsplit

# What RFC 3986 allows unescaped, with "%" because the author's own escapes stay.
_SAFE = "%/:?#[]@!$&'()*+,;=-._~"
_FORBIDDEN = re.compile(
    r"[\x00-\x20\x7f\\]"
)  # browsers read a backslash as a slash, and drop tabs and line breaks
_LIQUID = re.compile(r"\{\{|\{%")


def to_location(url: str) -> bytes | None:
    """The address in the octets of a Location header; None unless it is http(s) with a host.

    Spaces inside are escaped; other control characters and backslashes make it None.
    """
    url = url.strip().replace(" ", "%20")
    if _FORBIDDEN.search(url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # raises ValueError where it is no number
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or "%" in parts.netloc:
        return None
    try:
        netloc = parts.netloc if parts.netloc.isascii() else _to_ascii(parts.netloc, host)
    except UnicodeError:
        return None
    tail = (
        quote(part.encode("utf-8", "replace"), safe=_SAFE)
        for part in (parts.path, parts.query, parts.fragment)
    )
    return urlunsplit((parts.scheme, netloc, *tail)).encode("ascii")


def is_rendered_from(url: str, template: str) -> bool:
    """Could this address come from that link of the frozen content? Where the template names its host, the host must agree.

    A second bolt: the address is signed already, but a link that the account removed or changed must not live on in old tokens.
    """
    fixed = _LIQUID.split(template.strip(), maxsplit=1)[0]
    try:
        wanted, actual = urlsplit(fixed), urlsplit(url)
    except ValueError:
        return False
    host_is_fixed = bool(wanted.netloc) and len(fixed) > len(f"{wanted.scheme}://{wanted.netloc}")
    return not host_is_fixed or (actual.scheme, actual.netloc) == (wanted.scheme, wanted.netloc)


def _to_ascii(netloc: str, host: str) -> str:
    import idna

    encoded = idna.encode(host, uts46=True).decode("ascii")
    return netloc.lower().replace(host.lower(), encoded)
