"""What the account's own systems call a contact: `u1`, a customer number, a UUID. Several may name one contact; each names one.

Case counts, as in those systems. An email address is no external id: it would name one person by what it says and another by
what it is linked to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from django.utils.translation import gettext as _

from dynamail.accounts.audit import Actor
from dynamail.contacts.addressing import AddressError, read_address
from dynamail.contacts.editing import ContactError, tell_updated
from dynamail.contacts.models import Contact, ContactExternalId
from dynamail.events.log import record_events
from dynamail.lib.sql import load_sql

MAX_LENGTH = 255  # characters
MOST = 100  # of one contact
FIELD = "external_ids"  # as the log calls it


class BadExternalId(ContactError):
    """The text cannot be an external id."""

    code = "bad_external_id"


class ExternalIdTaken(ContactError):
    """It names somebody else in the account."""

    code = "external_id_taken"

    def __init__(self, contact: Contact | None) -> None:
        super().__init__(_("Another contact has this external id."))
        self.contact = contact


def clean_external_id(text: str) -> str:
    """Without spaces around it. Raises BadExternalId."""
    cleaned = text.strip()
    if not cleaned:
        raise BadExternalId(_("An external id has at least one character."))
    if len(cleaned) > MAX_LENGTH:
        raise BadExternalId(_("An external id has up to %d characters.") % MAX_LENGTH)
    if not cleaned.isprintable():
        raise BadExternalId(_("An external id has no control characters."))
    if is_address(cleaned):
        raise BadExternalId(_("An email address is no external id: give it as the address."))
    return cleaned


def is_address(text: str) -> bool:
    try:
        return "@" in text and bool(read_address(text))
    except AddressError:
        return False


def find_contact_by_external_id(account_id: int, external_id: str) -> Contact | None:
    return find_contacts_by_external_ids(account_id, {external_id.strip()}).get(external_id.strip())


def find_contacts_by_external_ids(account_id: int, external_ids: Collection[str]) -> dict[str, Contact]:
    """Those that name somebody. What cannot be an external id names nobody."""
    links = _find_links(account_id, [one for one in external_ids if "\x00" not in one])
    if not links:
        return {}
    rows = Contact.objects.for_account(account_id).filter(id__in=set(links.values()))
    contacts = {contact.id: contact for contact in rows}
    return {
        external_id: contacts[contact_id]
        for external_id, contact_id in links.items()
        if contact_id in contacts
    }


def list_external_ids(account_id: int, contact_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """By contact, the earliest first; who has none is not in it."""
    if not contact_ids:
        return {}
    rows = ContactExternalId.objects.for_account(account_id).filter(contact_id__in=contact_ids)
    found: dict[UUID, list[str]] = {}
    ordered = rows.order_by("created_at", "external_id")
    for contact_id, external_id in ordered.values_list("contact_id", "external_id"):
        found.setdefault(contact_id, []).append(external_id)
    return found


@transaction.atomic
def link_external_id(
    contact: Contact, external_id: str, *, by: Actor, now: datetime, is_new: bool = False
) -> bool:
    """Did it name nobody before? Nothing is written when it names the contact already. `is_new`: the contact was made a moment ago.

    Raises BadExternalId, ExternalIdTaken.
    """
    external_id = clean_external_id(external_id)
    account_id = contact.account_id
    if _find_links(account_id, [external_id]).get(external_id) == contact.id:
        return False
    made = (contact.id,) if is_new else ()
    if external_id in link_external_ids(account_id, {external_id: contact.id}, by=by, now=now, made=made):
        return True
    other = find_contact_by_external_id(account_id, external_id)
    if other is None:
        raise BadExternalId(_("A contact has up to %d external ids.") % MOST)
    raise ExternalIdTaken(other)


@transaction.atomic
def unlink_external_id(contact: Contact, external_id: str, *, by: Actor, now: datetime) -> bool:
    """Did it name the contact?"""
    if "\x00" in external_id:
        return False
    rows = ContactExternalId.objects.for_account(contact.account_id).filter(contact_id=contact.id)
    gone, _models = rows.filter(external_id=external_id.strip()).delete()
    if gone:
        Contact.objects.for_account(contact.account_id).filter(id=contact.id).update(updated_at=now)
        record_events(contact.account_id, [tell_updated(contact, [FIELD], by)], now=now)
    return bool(gone)


@transaction.atomic
def link_external_ids(
    account_id: int,
    wanted: Mapping[str, UUID],
    *,
    by: Actor,
    now: datetime,
    move: bool = False,
    made: Collection[UUID] = (),
) -> set[str]:
    """Many at once, by a handful of statements; returns those that name the wanted contact now, or did before.

    One that names somebody else stays theirs, unless `move` is said. A contact who has MOST gets no more. The ids are clean ones; `made`
    are contacts made a moment ago, whose log needs no word about it.
    """
    known = _find_links(account_id, wanted)
    new = {
        one: wanted[one]
        for one in sorted(wanted)
        if known.get(one) != wanted[one] and (move or one not in known)
    }
    linked = _link(account_id, _fit(account_id, new), move, now)
    changed = sorted({contact_id for contact_id in linked.values() if contact_id not in made})
    contacts = Contact.objects.for_account(account_id).filter(id__in=changed)
    record_events(account_id, [tell_updated(one, [FIELD], by) for one in contacts if changed], now=now)
    raced = [one for one in new if one not in linked]
    links = known | linked | (_find_links(account_id, raced) if raced else {})
    return {one for one, contact_id in wanted.items() if links.get(one) == contact_id}


def _find_links(account_id: int, external_ids: Collection[str]) -> dict[str, UUID]:
    if not external_ids:
        return {}
    rows = ContactExternalId.objects.for_account(account_id).filter(external_id__in=list(external_ids))
    return dict(rows.values_list("external_id", "contact_id"))


def _fit(account_id: int, wanted: Mapping[str, UUID]) -> dict[str, UUID]:
    """As many as the contacts have room for."""
    had = {one: len(ids) for one, ids in list_external_ids(account_id, set(wanted.values())).items()}
    fitting = {}
    for external_id, contact_id in wanted.items():
        if had.get(contact_id, 0) < MOST:
            fitting[external_id] = contact_id
            had[contact_id] = had.get(contact_id, 0) + 1
    return fitting


def _link(account_id: int, wanted: Mapping[str, UUID], move: bool, now: datetime) -> dict[str, UUID]:
    if not wanted:
        return {}
    parameters: dict[str, Any] = {
        "account_id": account_id,
        "external_ids": list(wanted),
        "contact_ids": list(wanted.values()),
        "move": move,
        "now": now,
    }
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("contacts", "link_external_ids"), parameters)
        return dict(cursor.fetchall())
