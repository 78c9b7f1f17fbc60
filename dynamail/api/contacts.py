"""Contacts: found, made, changed, deleted, one or many at once. `docs/api/contacts.md`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath

from dynamail.accounts.api_keys import Scope
from dynamail.api.answering import answer, not_found, read_input
from dynamail.api.auth import ApiRequest, Caller, in_account
from dynamail.api.contact_batches import ContactResultsBody, upsert_contact_batch
from dynamail.api.contact_shapes import (
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
)
from dynamail.api.describing import described
from dynamail.api.errors import FieldError, Problem
from dynamail.api.misfits import name_fault
from dynamail.api.reading import Misfit, read_body, refuse
from dynamail.contacts.addressing import AddressError
from dynamail.contacts.aliases import find_reached
from dynamail.contacts.editing import (
    ContactExists,
    Profile,
    add_contact,
    delete_contact,
    find_contact_by_email,
)
from dynamail.contacts.external_ids import (
    FIELD,
    BadExternalId,
    ExternalIdTaken,
    find_contact_by_external_id,
    link_external_id,
    unlink_external_id,
)
from dynamail.contacts.models import Contact
from dynamail.contacts.tags import clean_tag_name
from dynamail.contacts.upserting import (
    ContactChanges,
    Upserted,
    apply_changes,
    upsert_contact,
)
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


EXTERNAL_ID = "external_id:"  # before one in a path


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
        done = _link(caller, done, said.external_id)
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
    return answer(await in_account(request, lambda caller: upsert_contact_batch(caller, batch.contacts)))


@get(
    ONE,
    **described("Read a contact", scope=Scope.READ_CONTACTS, answers={200: FullContactBody}, statuses=(404,)),
)
async def get_(request: ApiRequest, contact: FromPath[str]) -> Response[FullContactBody]:
    """By the contact's id, email address, or `external_id:` and what a system of your own calls them."""

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
        statuses=(404, 409),
    ),
)
async def upsert(request: ApiRequest, contact: FromPath[str]) -> Response[FullContactBody]:
    """By an email address: 201 when nobody had it. By an id or external id: 404 when nobody has it. What is left out stays."""
    said = await read_input(request, ContactFields)

    def write(caller: Caller) -> tuple[bool, FullContactBody]:
        changes = read_changes(caller, load_catalog(caller), said)
        if "@" in contact and not contact.startswith(EXTERNAL_ID):
            done = _upsert(caller, contact, changes)
        else:
            done = apply_changes(find_contact(caller, contact), changes, by=caller.key, now=caller.now)
        done = _link(caller, done, said.external_id)
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
    """What is left out stays. 409 when somebody else has the new address or external id."""
    said = await read_input(request, ContactChangeInput)

    def write(caller: Caller) -> FullContactBody:
        changes = read_changes(caller, load_catalog(caller), said)
        done = apply_changes(find_contact(caller, contact), changes, by=caller.key, now=caller.now)
        done = _link(caller, done, said.external_id)
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


@delete(
    f"{ONE}/external_ids/{{external_id:str}}",
    **described(
        "Take an external id off a contact",
        scope=Scope.WRITE_CONTACTS,
        answers={204: None},
        statuses=(404,),
    ),
)
async def unlink(request: ApiRequest, contact: FromPath[str], external_id: FromPath[str]) -> None:
    """From then on it names nobody, and can be given to another contact."""

    def write(caller: Caller) -> None:
        found = find_contact(caller, contact)
        if not unlink_external_id(found, external_id, by=caller.key, now=caller.now):
            raise not_found("external id")

    await in_account(request, write)


HANDLERS = [create, upsert_batch, get_, upsert, change, remove, change_tags, unlink]


# ── Finding and writing ──────────────────────────────────────────────────────────────────────────────────────────────
def find_contact(caller: Caller, name: str) -> Contact:
    """By id, address or external id, also of one that was merged into somebody. Raises Problem (404, 422)."""
    if name.startswith(EXTERNAL_ID):
        found = find_contact_by_external_id(caller.account_id, name.removeprefix(EXTERNAL_ID))
    elif "@" in name:
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
    except ExternalIdTaken as error:
        who = (FieldError("external_id", error.contact.public_id),) if error.contact else ()
        raise Problem(409, error.code, str(error), who) from None
    except BadExternalId as error:
        raise refuse(FieldError("external_id", str(error))) from None


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


def _link(caller: Caller, done: Upserted, external_id: str | None) -> Upserted:
    """The contact as they are with the external id. Raises BadExternalId, ExternalIdTaken."""
    contact = done.contact
    if external_id is None or not link_external_id(
        contact, external_id, by=caller.key, now=caller.now, is_new=done.is_new
    ):
        return done
    contact.updated_at = caller.now
    return replace(done, contact=contact, changed=[*done.changed, FIELD])
