"""Addresses on the web that an account may send people to by a link of ours: its own."""

from __future__ import annotations

from urllib.parse import urlsplit

from dynamail.senders.domains import find_verified_domain
from dynamail.tracking.destinations import to_location

MAX_LENGTH = 1_000


def is_own_page(account_id: int, url: str) -> bool:
    """Is it https, at a verified sending domain of the account or below one? Without a user and a port in it."""
    location = to_location(url) if len(url) <= MAX_LENGTH else None
    if location is None or location.decode("ascii") != url:  # what a browser would read in another way
        return False
    parts = urlsplit(url)
    if parts.scheme != "https" or "@" in parts.netloc or ":" in parts.netloc:
        return False
    return find_verified_domain(account_id, parts.hostname or "") is not None
