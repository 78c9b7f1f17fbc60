"""Changes of a contact that name only what is to change, and contacts that are made where they are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from dynamail.accounts.audit import Actor
from dynamail.contacts.editing import (
    ContactExists,
    Profile,
    Source,
    add_contact,
    change_contact,
    clean_name,
    find_contact_by_email,
)
from dynamail.contacts.models import Contact
from dynamail.contacts.values import Value


@dataclass(frozen=True)
class ContactChanges:
    """None leaves a field alone. `attributes` holds values by attribute number, None to clear one; unnamed ones stay."""

    email: str | None = None
    name: str | None = None
    language: str | None = None
    timezone: str | None = None
    attributes: Mapping[int, Value | None] = field(default_factory=dict)
    tag_ids: Sequence[int] | None = None  # instead of those that the contact has
    added_tag_ids: Sequence[int] = ()
    removed_tag_ids: Sequence[int] = ()


@dataclass(frozen=True)
class Upserted:
    """`changed` names the fields that differ now; of a new contact, none."""

    contact: Contact
    is_new: bool
    changed: Sequence[str] = ()


def would_change(contact: Contact, changes: ContactChanges) -> bool:
    """Is there anything to do? Most of what a program sends again and again changes nothing."""
    return (
        (changes.email is not None and changes.email != contact.email)
        or (changes.name is not None and clean_name(changes.name) != contact.name)
        or (changes.language is not None and changes.language != contact.language)
        or (changes.timezone is not None and changes.timezone != contact.timezone)
        or any(contact.attributes.get(str(key)) != value for key, value in changes.attributes.items())
        or _choose_tags(contact, changes) != set(contact.tags)
    )


@transaction.atomic
def apply_changes(contact: Contact, changes: ContactChanges, *, by: Actor, now: datetime) -> Upserted:
    """Nothing that somebody else changes meanwhile is lost. Raises AddressError, ContactExists."""
    rows = Contact.objects.for_account(contact.account_id).filter(id=contact.id)
    held = rows.select_for_update(of=("self",)).get()
    profile = fill_profile(held, changes)
    changed = change_contact(held, profile, by=by, now=now)
    return Upserted(rows.get() if changed else held, False, changed)


@transaction.atomic
def upsert_contact(
    account_id: int, email: str, changes: ContactChanges, *, source: Source, by: Actor, now: datetime
) -> Upserted:
    """Change who has the address, also one that was merged into somebody; make a contact where nobody has it.

    It is no permission to write to them. Raises AddressError.
    """
    known = find_contact_by_email(account_id, email)
    if known is None:
        try:
            made = add_contact(account_id, make_profile(email, changes), source=source, by=by, now=now)
            return Upserted(made, True)
        except ContactExists as error:  # another request was faster
            if error.contact is None:
                raise
            known = error.contact
    return apply_changes(known, changes, by=by, now=now)


def fill_profile(contact: Contact, changes: ContactChanges) -> Profile:
    """What the contact is to be: what the changes name, and the rest as it is."""
    return Profile(
        email=contact.email if changes.email is None else changes.email,
        name=contact.name if changes.name is None else changes.name,
        language=contact.language if changes.language is None else changes.language,
        attributes=changes.attributes,
        tag_ids=sorted(_choose_tags(contact, changes)),
        timezone=changes.timezone,
    )


def make_profile(email: str, changes: ContactChanges) -> Profile:
    """Of somebody who is new."""
    tags = set(changes.tag_ids or ()) | set(changes.added_tag_ids)
    return Profile(
        email=email,
        name=changes.name or "",
        language=changes.language or "",
        attributes=changes.attributes,
        tag_ids=sorted(tags - set(changes.removed_tag_ids)),
        timezone=changes.timezone,
    )


def _choose_tags(contact: Contact, changes: ContactChanges) -> set[int]:
    tags = contact.tags if changes.tag_ids is None else changes.tag_ids
    return (set(tags) | set(changes.added_tag_ids)) - set(changes.removed_tag_ids)
