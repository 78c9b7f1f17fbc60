"""What is said of contacts to the API and by it, and how one becomes the other. `docs/api/contacts.md`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from functools import cached_property
from typing import Annotated, Any

import msgspec

from dynamail.accounts.models import Account
from dynamail.accounts.zones import find_zone, list_zone_names
from dynamail.api.auth import Caller
from dynamail.api.errors import FieldError
from dynamail.api.reading import Misfit
from dynamail.contacts.catalog import list_attributes
from dynamail.contacts.editing import MAX_NAME_LENGTH, Source
from dynamail.contacts.external_ids import MAX_LENGTH as MAX_EXTERNAL_ID_LENGTH
from dynamail.contacts.external_ids import BadExternalId, clean_external_id, list_external_ids
from dynamail.contacts.given_values import read_attributes
from dynamail.contacts.models import Attribute, Contact
from dynamail.contacts.tags import MAX_NAME_LENGTH as MAX_TAG_LENGTH
from dynamail.contacts.tags import TagError, clean_tag_name, get_or_create_tags, list_tags
from dynamail.contacts.upserting import ContactChanges

MAX_TAGS = 50  # named in one request
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,4})?")

Email = Annotated[str, msgspec.Meta(min_length=1, max_length=320)]
Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME_LENGTH)]
TagName = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TAG_LENGTH)]
ExternalId = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_EXTERNAL_ID_LENGTH)]
TagNames = Annotated[list[TagName], msgspec.Meta(max_length=MAX_TAGS)]


class ContactFields(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays. `attributes` by their keys, null to clear one; `tags` replaces those that the contact has.

    `external_id`, what a system of your own calls the contact, is added to those that the contact has.
    """

    name: Name | None = None
    language: Annotated[str, msgspec.Meta(max_length=8)] | None = None
    timezone: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    attributes: dict[str, Any] = {}
    tags: TagNames | None = None
    external_id: ExternalId | None = None


class ContactInput(ContactFields, forbid_unknown_fields=True, kw_only=True):
    email: Email


class ContactChangeInput(ContactFields, forbid_unknown_fields=True, kw_only=True):
    email: Email | None = None


class ContactSourceBody(msgspec.Struct, frozen=True):
    """Where the contact came from."""

    kind: str
    label: str


class FullContactBody(msgspec.Struct, frozen=True):
    """One contact. `state` is active, suppressed or restricted; attributes without a value are left out."""

    id: str
    email: str
    name: str
    language: str
    timezone: str
    state: str
    attributes: dict[str, Any]
    tags: list[str]
    source: ContactSourceBody
    created_at: datetime
    updated_at: datetime
    external_ids: Sequence[str] = ()


@dataclass(frozen=True)
class Catalog:
    """Attributes and tags of the account, read once for a request."""

    attributes: Sequence[Attribute]
    tags: Mapping[int, str]
    timezone: str

    @cached_property
    def tag_ids(self) -> Mapping[str, int]:
        """By names in small letters."""
        return {name.casefold(): pk for pk, name in self.tags.items()}

    @cached_property
    def zone(self) -> tzinfo:
        return find_zone(self.timezone)


def load_catalog(caller: Caller) -> Catalog:
    zone = Account.objects.values_list("timezone", flat=True).get(pk=caller.account_id)
    tags = {tag.pk: tag.name for tag in list_tags(caller.account_id)}
    return Catalog(list_attributes(caller.account_id), tags, zone)


def find_source(caller: Caller) -> Source:
    return Source("api", caller.key.public_id, caller.key.name)


def read_changes(caller: Caller, catalog: Catalog, said: ContactFields) -> ContactChanges:
    """Tags that are new are made. Raises Misfit."""
    changes = read_values(catalog, said)
    return changes if said.tags is None else replace(changes, tag_ids=make_tags(caller, catalog, said.tags))


def read_values(catalog: Catalog, said: ContactFields) -> ContactChanges:
    """All but the tags. Raises Misfit."""
    values, faults = read_attributes(catalog.attributes, said.attributes, zone=catalog.zone)
    errors = [FieldError(f"attributes.{fault.key[:80]}", fault.sentence) for fault in faults]
    if said.language and not _LANGUAGE.fullmatch(said.language):
        errors.append(FieldError("language", "must be a language tag such as “en” or “pt-BR”"))
    if said.timezone and said.timezone not in list_zone_names():
        errors.append(FieldError("timezone", "must be an IANA name such as “Europe/Minsk”"))
    if said.external_id is not None:
        try:
            said.external_id = clean_external_id(said.external_id)
        except BadExternalId as error:
            errors.append(FieldError("external_id", str(error)))
    if errors:
        raise Misfit(*errors)
    return ContactChanges(
        email=getattr(said, "email", None),
        name=said.name,
        language=said.language,
        timezone=said.timezone,
        attributes=values,
    )


def make_tags(caller: Caller, catalog: Catalog, names: Sequence[str], field: str = "tags") -> list[int]:
    """The tags of these names, made where they are new. Raises Misfit."""
    wanted = {folded for name in names if (folded := clean_tag_name(name).casefold())}
    if wanted <= catalog.tag_ids.keys():
        return sorted(catalog.tag_ids[folded] for folded in wanted)
    try:
        return sorted(tag.pk for tag in get_or_create_tags(caller.account_id, names).values())
    except TagError as error:
        raise Misfit(FieldError(field, str(error))) from None


def describe_contact(contact: Contact, catalog: Catalog) -> FullContactBody:
    """A tag that is newer than the catalog is not named: load it after what was written."""
    return describe_contacts([contact], catalog)[0]


def describe_contacts(contacts: Sequence[Contact], catalog: Catalog) -> list[FullContactBody]:
    """Contacts of one account, in order; their external ids are read at once."""
    if not contacts:
        return []
    external_ids = list_external_ids(contacts[0].account_id, [contact.id for contact in contacts])
    return [_describe(contact, catalog, external_ids.get(contact.id, ())) for contact in contacts]


def _describe(contact: Contact, catalog: Catalog, external_ids: Sequence[str]) -> FullContactBody:
    values = {
        attribute.key: contact.attributes[str(attribute.number)]
        for attribute in catalog.attributes
        if str(attribute.number) in contact.attributes
    }
    return FullContactBody(
        id=contact.public_id,
        email=contact.email,
        name=contact.name,
        language=contact.language,
        timezone=contact.timezone,
        state=contact.state,
        attributes=values,
        tags=sorted(catalog.tags[tag] for tag in contact.tags if tag in catalog.tags),
        source=ContactSourceBody(contact.source_kind, contact.source_label),
        created_at=contact.created_at,
        updated_at=contact.updated_at,
        external_ids=external_ids,
    )
