"""Which way a message goes: by its stream, the domain in From and the domain of its recipient."""

from __future__ import annotations

from dynamail.delivery.records import MARKETING, TRANSACTIONAL
from dynamail.protocols.address import AddressError, parse_address

# A test of a campaign takes the campaign's way, or it would test another one.
_MARKETING_KINDS = frozenset(("campaign", "scenario", "test"))


def find_stream(source_kind: str) -> str:
    """The stream of what a message was made for."""
    return MARKETING if source_kind in _MARKETING_KINDS else TRANSACTIONAL


def find_domain(email: str) -> str:
    """The domain of an address, to compare and to look up: A-labels, lower case. What is no domain stays as it is."""
    domain = email.rpartition("@")[2].lower()
    if domain.isascii():
        return domain
    try:
        return parse_address(f"postmaster@{domain}").domain
    except AddressError:
        return domain
