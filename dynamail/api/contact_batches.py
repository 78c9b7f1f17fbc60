"""Up to 500 contacts added or changed by their addresses, in a handful of statements. `docs/api/contacts.md`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

import msgspec

from dynamail.api.answering import refuse_nul
from dynamail.api.auth import Caller
from dynamail.api.contact_shapes import (
    Catalog,
    ContactInput,
    find_source,
    load_catalog,
    make_tags,
    read_values,
)
from dynamail.api.errors import FieldError
from dynamail.api.reading import Misfit, read_shape
from dynamail.contacts.addressing import AddressError, ContactAddress, read_address
from dynamail.contacts.external_ids import (
    MOST,
    ExternalIdTaken,
    find_contacts_by_external_ids,
    link_external_ids,
)
from dynamail.contacts.tags import clean_tag_name
from dynamail.contacts.upserting import ContactChanges, Upserted
from dynamail.contacts.upserting_many import Wish, find_contacts_by_keys, upsert_contacts


class ContactResultBody(msgspec.Struct, omit_defaults=True):
    """What became of one contact of a batch: created, changed, unchanged or refused."""

    result: str
    id: str = ""
    email: str = ""
    errors: tuple[FieldError, ...] = ()


class ContactResultsBody(msgspec.Struct, frozen=True):
    created: int
    changed: int
    unchanged: int
    refused: int
    results: list[ContactResultBody]


REFUSED = ContactResultBody("refused")
NOTHING = ContactChanges()
NOT_LINKED = (
    f"was not linked, all else was taken: the contact has {MOST} of them, or it was just given to another"
)


@dataclass(slots=True)
class _Item:
    """One contact of a batch on its way; what is refused has a result and no address."""

    said: ContactInput | None
    changes: ContactChanges = NOTHING
    address: ContactAddress | None = None
    result: ContactResultBody = REFUSED

    @property
    def external_id(self) -> str | None:
        return self.said.external_id if self.said else None

    def refuse(self, *errors: FieldError) -> None:
        self.address = None
        self.result = ContactResultBody("refused", email=self.said.email if self.said else "", errors=errors)


def upsert_contact_batch(caller: Caller, bodies: Sequence[msgspec.Raw]) -> ContactResultsBody:
    """A result for each, in order. What is wrong with one keeps no other out."""
    catalog = load_catalog(caller)
    items = [_read_item(body, catalog) for body in bodies]
    _add_tags(caller, catalog, [item for item in items if item.address])
    known = _refuse_taken(caller, items)
    sound = [item for item in items if item.address]
    wishes = [Wish(item.address, item.changes) for item in sound if item.address]
    source = find_source(caller)
    written = upsert_contacts(caller.account_id, wishes, source=source, by=caller.key, now=caller.now)
    for item, done in zip(sound, written, strict=True):
        is_changed = done.changed or (item.external_id and item.external_id not in known)
        word = "created" if done.is_new else "changed" if is_changed else "unchanged"
        item.result = ContactResultBody(word, done.contact.public_id, done.contact.email)
    _link_all(caller, sound, written)
    results = [item.result for item in items]
    counts = Counter(one.result for one in results)
    return ContactResultsBody(
        counts["created"], counts["changed"], counts["unchanged"], counts["refused"], results
    )


def _refuse_taken(caller: Caller, items: Sequence[_Item]) -> set[str]:
    """Those whose external id names somebody else, also somebody earlier in the batch. Returns the external ids that were known."""
    named = [(item, item.address, item.external_id) for item in items if item.address and item.external_id]
    if not named:
        return set()
    linked = find_contacts_by_external_ids(caller.account_id, {external_id for _, _, external_id in named})
    contacts = find_contacts_by_keys(caller.account_id, {address.key for _, address, _ in named})
    owners: dict[str, UUID | str] = {external_id: contact.id for external_id, contact in linked.items()}
    for item, address, external_id in named:
        contact = contacts.get(address.key)
        who = contact.id if contact else address.key
        if owners.setdefault(external_id, who) != who:
            item.refuse(FieldError("external_id", str(ExternalIdTaken(None))))
    return set(linked)


def _link_all(caller: Caller, items: Sequence[_Item], written: Sequence[Upserted]) -> None:
    pairs = zip(items, written, strict=True)
    wanted = {item.external_id: done.contact.id for item, done in pairs if item.external_id}
    made = {done.contact.id for done in written if done.is_new}
    linked = link_external_ids(caller.account_id, wanted, by=caller.key, now=caller.now, made=made)
    for item in items:
        if item.external_id and item.external_id not in linked:
            item.refuse(FieldError("external_id", NOT_LINKED))


def _read_item(body: msgspec.Raw, catalog: Catalog) -> _Item:
    """Checked, all but its tags."""
    item = _Item(None)
    try:
        said = msgspec.json.decode(body)
        refuse_nul(said)
        item.said = read_shape(said, ContactInput)
        item.changes = replace(read_values(catalog, item.said), email=None)
        item.address = read_address(item.said.email)
    except Misfit as misfit:
        item.refuse(*misfit.errors)
    except AddressError as error:
        item.refuse(FieldError("email", str(error)))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        item.refuse(FieldError("body", "is not JSON that can be read"))
    return item


def _add_tags(caller: Caller, catalog: Catalog, items: Sequence[_Item]) -> None:
    """All that are new are made at once, so that they are not asked for one by one."""
    with suppress(Misfit):  # each item that names too many is refused by itself
        named: dict[str, str] = {}  # the first spelling stays
        for item in items:
            for name in (item.said and item.said.tags) or ():
                named.setdefault(clean_tag_name(name).casefold(), name)
        make_tags(caller, catalog, list(named.values()))
        catalog = load_catalog(caller) if named else catalog
    for item in items:
        if item.said is None or item.said.tags is None:
            continue
        try:
            item.changes = replace(item.changes, tag_ids=make_tags(caller, catalog, item.said.tags))
        except Misfit as misfit:
            item.refuse(*misfit.errors)
