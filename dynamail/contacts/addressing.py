"""From what somebody typed to what a contact row holds about an address."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from dynamail.lib.mailbox_providers import find_lane
from dynamail.protocols.address import AddressError, parse_address

SAMPLES = 1_000  # a contact belongs to one of these equal shares, forever

__all__ = ["AddressError", "ContactAddress", "find_sample", "read_address"]


@dataclass(frozen=True, slots=True)
class ContactAddress:
    """An accepted address: as written, folded for comparison, and the mailbox provider's lane."""

    email: str
    key: str
    lane: int


def read_address(text: str) -> ContactAddress:
    """Check one address; spaces around it do not count, anything else is kept or refused. Raises AddressError."""
    address = parse_address(text.strip(" \u00a0"))
    return ContactAddress(address.text, address.key, find_lane(address.domain))


def find_sample(contact_id: UUID) -> int:
    """The stable random share, 0…999, that an id falls into."""
    return contact_id.int % SAMPLES
