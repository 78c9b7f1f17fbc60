"""Who the calls of one request in Segment's shape are about: by address, and by what the sender's system calls them.

All who are named are looked up at once. Then the calls are gone through in their order, and what is to be written is noted: who is new,
whose address changes, whom an id comes to name. It is written at once too, in an order in which every address is free when it is taken.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from dynamail.api.auth import Caller
from dynamail.api.contact_shapes import find_source
from dynamail.contacts.addressing import ContactAddress
from dynamail.contacts.editing import ContactExists
from dynamail.contacts.external_ids import (
    clean_external_id,
    find_contacts_by_external_ids,
    is_address,
    link_external_ids,
)
from dynamail.contacts.models import Contact, ContactState
from dynamail.contacts.upserting import ContactChanges, apply_changes
from dynamail.contacts.upserting_many import Wish, find_contacts_by_keys, upsert_contacts


@dataclass(slots=True, eq=False)
class Person:
    """A contact, or one that will be made with the address."""

    address: ContactAddress
    contact: Contact | None = None

    @property
    def is_restricted(self) -> bool:
        return self.contact is not None and self.contact.state == ContactState.RESTRICTED


@dataclass(slots=True)
class People:
    """Everybody whom a request names, and what becomes of them."""

    by_key: dict[str, Person] = field(default_factory=dict)
    by_external_id: dict[str, Person] = field(default_factory=dict)
    moves: list[tuple[Person, ContactAddress]] = field(default_factory=list)
    wishes: list[tuple[Person, ContactChanges]] = field(default_factory=list)
    links: dict[str, Person] = field(default_factory=dict)

    def meet(self, external_id: str, address: ContactAddress | None) -> Person | None:
        """Whom an `identify` is about; `external_id` may be empty. None: it names nobody, and no address.

        An id with another address than before: the person has a new address. Where somebody has that address, the id is theirs from now on.
        """
        linked = self.by_external_id.get(external_id)
        if address is None:
            return linked
        known = self.by_key.get(address.key)
        if linked is not None and known is None:
            self._move(linked, address)
            return linked
        if known is None:
            known = self.by_key[address.key] = Person(address)
        if external_id and known is not linked and not known.is_restricted:
            self.link(external_id, known)
        return known

    def link(self, external_id: str, person: Person) -> None:
        self.by_external_id[external_id] = self.links[external_id] = person

    def _move(self, person: Person, address: ContactAddress) -> None:
        if person.is_restricted:
            return
        if self.by_key.get(person.address.key) is person:
            del self.by_key[person.address.key]
        self.by_key[address.key] = person
        person.address = address
        if person.contact is not None:
            self.moves.append((person, address))

    def write(self, caller: Caller) -> set[str]:
        """Returns the external ids that could not be linked. Afterwards everybody who was met is a contact."""
        for person, address in self.moves:
            _change_address(caller, person, address)
        wishes = [Wish(person.address, changes) for person, changes in self.wishes]
        source = find_source(caller)
        done = upsert_contacts(caller.account_id, wishes, source=source, by=caller.key, now=caller.now)
        for (person, _changes), upserted in zip(self.wishes, done, strict=True):
            person.contact = upserted.contact
        made = {upserted.contact.id for upserted in done if upserted.is_new}
        wanted = {
            external_id: person.contact.id for external_id, person in self.links.items() if person.contact
        }
        return wanted.keys() - link_external_ids(
            caller.account_id, wanted, move=True, by=caller.key, now=caller.now, made=made
        )


def find_people(account_id: int, external_ids: Collection[str], keys: Collection[str]) -> People:
    """Those who are known by external ids and folded addresses."""
    linked = find_contacts_by_external_ids(account_id, external_ids)
    known = find_contacts_by_keys(account_id, set(keys))
    persons: dict[UUID, Person] = {}
    for contact in (*linked.values(), *known.values()):
        address = ContactAddress(contact.email, contact.email_key, contact.lane)
        persons.setdefault(contact.id, Person(address, contact))
    return People(
        {key: persons[contact.id] for key, contact in known.items()},
        {external_id: persons[contact.id] for external_id, contact in linked.items()},
    )


def read_external_id(said: Any) -> str:
    """Empty for none, and for an email address, which says itself who it is. Raises BadExternalId."""
    text = "" if said is None else str(said).strip()
    return clean_external_id(text) if text and not is_address(text) else ""


def _change_address(caller: Caller, person: Person, address: ContactAddress) -> None:
    """Whoever took the address meanwhile, or has it after the contact was deleted meanwhile, is whom the wish about it finds."""
    if person.contact is None:
        return
    try:
        changes = ContactChanges(email=address.email)
        person.contact = apply_changes(person.contact, changes, by=caller.key, now=caller.now).contact
    except (ContactExists, Contact.DoesNotExist):
        return
