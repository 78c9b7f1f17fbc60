"""Who is behind a contact id or an address that was merged into another contact.

Links in mail that went out carry the id of the contact it was mailed to, for years. After a merge they lead to the contact who
stays, and what the person says there counts for the address that the mail went to as well.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from dynamail.contacts.models import Contact, ContactAlias


@dataclass(frozen=True)
class Reached:
    """Whom a link leads to; `alias` when it was mailed to an address that was merged away."""

    contact: Contact
    alias: ContactAlias | None = None


def find_reached(account_id: int, contact_id: UUID, *, lock: bool = False) -> Reached | None:
    """With `lock`, in a transaction, no merge moves the person meanwhile: what they say is not lost between two rows."""
    if (contact := _find_contact(account_id, contact_id, lock)) is not None:
        return Reached(contact)
    alias = ContactAlias.objects.for_account(account_id).filter(id=contact_id).first()
    if alias is None or (contact := _find_contact(account_id, alias.contact_id, lock)) is None:
        return None
    return Reached(contact, alias)


def find_by_merged_address(account_id: int, email_key: str) -> Contact | None:
    """The contact that this address was merged into last."""
    aliases = ContactAlias.objects.for_account(account_id).filter(email_key=email_key).order_by("-merged_at")
    kept = aliases.values_list("contact_id", flat=True).first()
    return _find_contact(account_id, kept, lock=False) if kept else None


def list_aliases(account_id: int, contact_id: UUID) -> list[ContactAlias]:
    """Who was merged into this contact, the latest first."""
    rows = ContactAlias.objects.for_account(account_id).filter(contact_id=contact_id)
    return list(rows.order_by("-merged_at", "id"))


def list_identities(contact: Contact) -> list[Contact | ContactAlias]:
    """Whatever has an `id` that mail may have gone out by: the contact first, then who was merged into them, the latest first."""
    return [contact, *list_aliases(contact.account_id, contact.id)]


def find_merged(account_id: int, contact_ids: Collection[UUID]) -> dict[UUID, ContactAlias]:
    """Those of the ids that were merged into somebody."""
    rows = ContactAlias.objects.for_account(account_id).filter(id__in=contact_ids)
    return {alias.id: alias for alias in rows} if contact_ids else {}


def _find_contact(account_id: int, contact_id: UUID, lock: bool) -> Contact | None:
    rows = Contact.objects.for_account(account_id).filter(id=contact_id)
    return (rows.select_for_update(no_key=True) if lock else rows).first()
