"""Who a delivery is about: a contact, or an address that is nobody's contact, known by a number made from it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid5

from dynamail.contacts.aliases import list_identities
from dynamail.contacts.models import Contact
from dynamail.protocols.address import AddressError, parse_address

_SPACE = UUID("5a2f2d0e-6c0b-4f0e-9a57-2b1f0c6f7d11")


@dataclass(frozen=True, slots=True)
class Person:
    """Everything one person is known by: their contact and those merged into it, and their addresses."""

    contact_ids: list[UUID]
    addresses: list[str]  # as messages were sent to them
    ids: list[UUID]  # as attempts name them


def identify_address(account_id: int, key: str) -> UUID:
    """`key` is the folded address (`protocols.address`): the same person, however it was written; another one in each account."""
    return uuid5(_SPACE, f"{account_id}:{key}")


def find_address_id(account_id: int, text: object) -> UUID | None:
    """None for what is no address."""
    try:
        return identify_address(account_id, parse_address(str(text or "")).key)
    except AddressError:
        return None


def describe_contact(contact: Contact) -> Person:
    """With what was told before a merge, and in mail that named no contact."""
    known = list_identities(contact)
    keys = {one.email_key for one in known}
    return Person(
        [one.id for one in known],
        sorted({one.email for one in known} | keys),
        [*(one.id for one in known), *(identify_address(contact.account_id, key) for key in sorted(keys))],
    )


def describe_address(account_id: int, text: str) -> Person:
    """Somebody who is no contact. Raises AddressError."""
    address = parse_address(text.strip())
    return Person(
        [], sorted({address.text, address.envelope, address.key}), [identify_address(account_id, address.key)]
    )
