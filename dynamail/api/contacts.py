"""Contacts: found, made, changed, deleted, one or many at once. `docs/api/contacts.md`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.answering import answer, not_found, read_input, refuse_nul
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.contact_shapes import (
    Catalog,
    ContactChangeInput,
    ContactFields,
    ContactInput,
    FullContactBody,
    TagNames,
    describe_contact,
    find_source,
    load_catalog,
    make_tags,
    read_changes,
    read_values,
)
from dynamail.api.describing import described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.reading import Misfit, name_fault, read_body, read_shape, refuse
from dynamail.contacts.addressing import AddressError, ContactAddress, read_address
from dynamail.contacts.aliases import find_reached
from dynamail.contacts.editing import (
    ContactExists,
    Profile,
    add_contact,
    delete_contact,
    find_contact_by_email,
)
from dynamail.contacts.models import Contact
from dynamail.contacts.tags import clean_tag_name
from dynamail.contacts.upserting import (
    ContactChanges,
    Upserted,
    apply_changes,
    upsert_contact,
)
from dynamail.contacts.upserting_many import Wish, upsert_contacts
from dynamail.lib.ids import UnknownId, from_public_id

PATH = "/api/v1/contacts"
ONE = f"{PATH}/{{contact:str}}"
MAX_BATCH = 500

Answer = TypeVar("Answer")


class Mode(StrEnum):
    """What happens when somebody has the address: `create` refuses, `upsert` changes them."""

    CREATE = "create"
    UPSERT = "upsert"


class NewContactInput(ContactInput, forbid_unknown_fields=True, kw_only=True):
    mode: Mode = Mode.CREATE


class ContactBatchInput(msgspec.Struct, forbid_unknown_fields=True):
    contacts: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]


class ContactTagsInput(msgspec.Struct, forbid_unknown_fields=True):
    """Tags to give and to take; others stay."""

    add: TagNames = []
    remove: TagNames = []


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


# ── The routes ───────────────────────────────────────────────────────────────────────────────────────────────────────
@post(
    PATH,
    **described(
        "Add a contact",
        scope=Scope.WRITE_CONTACTS,
        body=NewContactInput,
        answers={201: FullContactBody, 200: FullContactBody},
        statuses=(409,),
    ),
)
async def create(request: ApiRequest) -> Response[FullContactBody]:
    """201; with the mode `upsert` 200 when somebody had the address. That is no permission to write to them."""
    said = await read_input(request, NewContactInput)

    def write(caller: Caller) -> tuple[Upserted, FullContactBody]:
        changes = read_changes(caller, load_catalog(caller), said)
        if said.mode is Mode.UPSERT:
            done = _upsert(caller, said.email, changes)
        else:
            done = Upserted(_add(caller, said, changes), True)
        return done, describe_contact(done.contact, load_catalog(caller))

    done, body = await in_account(request, lambda caller: refusing(lambda: write(caller)))
    return answer(body, status=201 if done.is_new else 200)


@post(
    f"{PATH}/batch",
    **described(
        "Add or change up to 500 contacts",
        scope=Scope.WRITE_CONTACTS,
        body=ContactBatchInput,
        items=ContactInput,
        answers={200: ContactResultsBody},
    ),
)
async def upsert_batch(request: ApiRequest) -> Response[ContactResultsBody]:
    """A result for each contact, in order. What is wrong with one keeps no other out."""
    try:
        batch = await read_body(request, msgspec.json.Decoder(ContactBatchInput).decode)
    except msgspec.ValidationError as error:
        raise refuse(name_fault(error)) from None
    return answer(await in_account(request, lambda caller: _upsert_all(caller, batch.contacts)))


@get(
    ONE,
    **described("Read a contact", scope=Scope.READ_CONTACTS, answers={200: FullContactBody}, statuses=(404,)),
)
async def get_(request: ApiRequest, contact: FromPath[str]) -> Response[FullContactBody]:
    """By the contact's id or email address."""

    def find(caller: Caller) -> FullContactBody:
        return describe_contact(find_contact(caller, contact), load_catalog(caller))

    return answer(await in_account(request, find))


@put(
    ONE,
    **described(
        "Add or change a contact",
        scope=Scope.WRITE_CONTACTS,
        body=ContactFields,
        answers={200: FullContactBody, 201: FullContactBody},
        statuses=(404,),
    ),
)
async def upsert(request: ApiRequest, contact: FromPath[str]) -> Response[FullContactBody]:
    """By an email address: 201 when nobody had it. By an id: 404 when nobody has it. What is left out stays."""
    said = await read_input(request, ContactFields)

    def write(caller: Caller) -> tuple[bool, FullContactBody]:
        changes = read_changes(caller, load_catalog(caller), said)
        if "@" in contact:
            done = _upsert(caller, contact, changes)
        else:
            done = apply_changes(find_contact(caller, contact), changes, by=caller.key, now=caller.now)
        return done.is_new, describe_contact(done.contact, load_catalog(caller))

    is_new, body = await in_account(request, lambda caller: refusing(lambda: write(caller)))
    return answer(body, status=201 if is_new else 200)


@patch(
    ONE,
    **described(
        "Change a contact",
        scope=Scope.WRITE_CONTACTS,
        body=ContactChangeInput,
        answers={200: FullContactBody},
        statuses=(404, 409),
    ),
)
async def change(request: ApiRequest, contact: FromPath[str]) -> Response[FullContactBody]:
    """What is left out stays. 409 when somebody else has the new address."""
    said = await read_input(request, ContactChangeInput)

    def write(caller: Caller) -> FullContactBody:
        changes = read_changes(caller, load_catalog(caller), said)
        done = apply_changes(find_contact(caller, contact), changes, by=caller.key, now=caller.now)
        return describe_contact(done.contact, load_catalog(caller))

    return answer(await in_account(request, lambda caller: refusing(lambda: write(caller))))


@delete(
    ONE,
    **described("Delete a contact", scope=Scope.WRITE_CONTACTS, answers={204: None}, statuses=(404,)),
)
async def remove(request: ApiRequest, contact: FromPath[str]) -> None:
    """The proof of consent, suppressions and the log of sent messages stay."""

    def write(caller: Caller) -> None:
        delete_contact(find_contact(caller, contact), by=caller.key, now=caller.now)

    await in_account(request, write)


@post(
    f"{ONE}/tags",
    **described(
        "Give and take tags of a contact",
        scope=Scope.WRITE_CONTACTS,
        body=ContactTagsInput,
        answers={200: FullContactBody},
        statuses=(404,),
    ),
)
async def change_tags(request: ApiRequest, contact: FromPath[str]) -> Response[FullContactBody]:
    """Tags that are not known are made when they are given, and ignored when they are taken."""
    said = await read_input(request, ContactTagsInput)

    def write(caller: Caller) -> FullContactBody:
        found, catalog = find_contact(caller, contact), load_catalog(caller)
        taken = {clean_tag_name(name).casefold() for name in said.remove}
        changes = ContactChanges(
            added_tag_ids=make_tags(caller, catalog, said.add, "add"),
            removed_tag_ids=[pk for pk, name in catalog.tags.items() if name.casefold() in taken],
        )
        done = apply_changes(found, changes, by=caller.key, now=caller.now)
        return describe_contact(done.contact, load_catalog(caller))

    return answer(await in_account(request, lambda caller: refusing(lambda: write(caller))))


HANDLERS = [create, upsert_batch, get_, upsert, change, remove, change_tags]


# ── Finding and writing ──────────────────────────────────────────────────────────────────────────────────────────────
def find_contact(caller: Caller, name: str) -> Contact:
    """By id or address, also of one that was merged into somebody. Raises Problem (404, 422)."""
    if "@" in name:
        try:
            found = find_contact_by_email(caller.account_id, name)
        except AddressError as error:
            raise refuse(FieldError("contact", str(error))) from None
    else:
        try:
            reached = find_reached(caller.account_id, from_public_id("con", name))
        except UnknownId:
            raise not_found("contact") from None
        found = reached.contact if reached else None
    if found is None:
        raise not_found("contact")
    return found


def refusing(verb: Callable[[], Answer]) -> Answer:
    """Run a verb, and say what it refuses as the API says it."""
    try:
        return verb()
    except Misfit as misfit:
        raise refuse(*misfit.errors) from None
    except AddressError as error:
        raise refuse(FieldError("email", str(error))) from None
    except ContactExists as error:
        who = (FieldError("email", error.contact.public_id),) if error.contact else ()
        raise Problem(409, "contact_exists", str(error), who) from None


def _add(caller: Caller, said: ContactInput, changes: ContactChanges) -> Contact:
    profile = Profile(
        email=said.email,
        name=changes.name or "",
        language=changes.language or "",
        attributes=changes.attributes,
        tag_ids=changes.tag_ids,
        timezone=changes.timezone,
    )
    return add_contact(caller.account_id, profile, source=find_source(caller), by=caller.key, now=caller.now)


def _upsert(caller: Caller, email: str, changes: ContactChanges) -> Upserted:
    """The address is a way to find somebody here, never a change of their own."""
    return upsert_contact(
        caller.account_id,
        email,
        replace(changes, email=None),
        source=find_source(caller),
        by=caller.key,
        now=caller.now,
    )


# ── A batch ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(slots=True)
class _Item:
    """One contact of a batch on its way; what is refused has a result and no address."""

    said: ContactInput | None
    changes: ContactChanges = NOTHING
    address: ContactAddress | None = None
    result: ContactResultBody = REFUSED

    def refuse(self, *errors: FieldError) -> None:
        self.address = None
        self.result = ContactResultBody("refused", email=self.said.email if self.said else "", errors=errors)


def _upsert_all(caller: Caller, bodies: Sequence[msgspec.Raw]) -> ContactResultsBody:
    catalog = load_catalog(caller)
    items = [_read_item(body, catalog) for body in bodies]
    _add_tags(caller, catalog, [item for item in items if item.address])
    sound = [item for item in items if item.address]
    wishes = [Wish(item.address, item.changes) for item in sound if item.address]
    source = find_source(caller)
    for item, done in zip(
        sound,
        upsert_contacts(caller.account_id, wishes, source=source, by=caller.key, now=caller.now),
        strict=True,
    ):
        word = "created" if done.is_new else "changed" if done.changed else "unchanged"
        item.result = ContactResultBody(word, done.contact.public_id, done.contact.email)
    results = [item.result for item in items]
    counts = Counter(one.result for one in results)
    return ContactResultsBody(
        counts["created"], counts["changed"], counts["unchanged"], counts["refused"], results
    )


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
