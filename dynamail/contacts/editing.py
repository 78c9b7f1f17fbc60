"""Adding, changing and deleting one contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.tenancy import DataPlaneModel
from dynamail.consent.models import Subscription
from dynamail.consent.suppressing import ALL, find_suppression
from dynamail.contacts.address_checks import check_key, suggest_address
from dynamail.contacts.addressing import ContactAddress, find_sample, read_address
from dynamail.contacts.aliases import find_by_merged_address
from dynamail.contacts.models import (
    Contact,
    ContactAlias,
    ContactExternalId,
    ContactState,
    DuplicatePair,
    ValueAside,
)
from dynamail.contacts.values import Value
from dynamail.events.kinds import EventKind
from dynamail.events.log import NewEvent, record_events
from dynamail.events.models import Activity, CustomEvent, Engagement, Interaction
from dynamail.lib.ids import new_id

MAX_NAME_LENGTH = 200


class ContactError(ValueError):
    """The change is not possible; the text says why."""

    code = "contact"


class ContactExists(ContactError):
    """Somebody else in the account has the address."""

    code = "exists"

    def __init__(self, contact: Contact | None) -> None:
        super().__init__(_("A contact with this address exists already."))
        self.contact = contact


@dataclass(frozen=True)
class Source:
    """Where a contact came from (P2.3): form, import, api, integration, demo; which one; and its name for people."""

    kind: str = "form"
    id: str = ""
    label: str = ""


@dataclass(frozen=True)
class Profile:
    """What a member may say about a contact. `attributes` holds parsed values by attribute number, None to clear one."""

    email: str
    name: str = ""
    language: str = ""
    attributes: Mapping[int, Value | None] = field(default_factory=dict)
    tag_ids: Sequence[int] | None = None  # None leaves the tags alone
    timezone: str | None = None  # an IANA name; None leaves it alone


def find_contact(account_id: int, contact_id: UUID) -> Contact | None:
    return Contact.objects.for_account(account_id).filter(id=contact_id).first()


def find_contact_by_email(account_id: int, email: str) -> Contact | None:
    """Also by an address that was merged into the contact. Raises AddressError when the text is no address."""
    key = read_address(email).key
    contact = Contact.objects.for_account(account_id).filter(email_key=key).first()
    return contact or find_by_merged_address(account_id, key)


@transaction.atomic
def add_contact(
    account_id: int, profile: Profile, *, source: Source | None = None, by: Actor, now: datetime
) -> Contact:
    """Make a contact; that is no permission to write to them. Raises AddressError, ContactExists."""
    address = read_address(profile.email)
    source = source or Source(label=str(by) if by else "")
    contact = make_contact(
        account_id, address, profile, state=find_state(account_id, address, now=now), source=source, now=now
    )
    try:
        with transaction.atomic():
            contact.save(force_insert=True)
    except IntegrityError:
        raise ContactExists(
            Contact.objects.for_account(account_id).filter(email_key=address.key).first()
        ) from None
    record_events(contact.account_id, [tell_created(contact, by)], now=now)
    return contact


def make_contact(
    account_id: int, address: ContactAddress, profile: Profile, *, state: str, source: Source, now: datetime
) -> Contact:
    """A new row, not saved yet."""
    contact_id = new_id(now)
    return Contact(
        account_id=account_id,
        id=contact_id,
        email=address.email,
        email_key=address.key,
        name=clean_name(profile.name),
        language=profile.language[:8],
        timezone=profile.timezone or "",
        attributes=_merge_attributes({}, profile.attributes),
        tags=sorted(set(profile.tag_ids or ())),
        state=state,
        lane=address.lane,
        sample=find_sample(contact_id),
        findings=check_key(address.key),
        source_kind=source.kind,
        source_id=source.id,
        source_label=source.label[:200],
        created_at=now,
        updated_at=now,
    )


@transaction.atomic
def change_contact(contact: Contact, profile: Profile, *, by: Actor, now: datetime) -> list[str]:
    """Save what differs and return the names of the changed fields. Raises AddressError, ContactExists."""
    address = read_address(profile.email)
    before = (
        Contact.objects.for_account(contact.account_id).select_for_update(of=("self",)).get(id=contact.id)
    )
    values = _compare(before, profile, address, now)
    if not values:
        return []
    try:
        with transaction.atomic():
            Contact.objects.for_account(contact.account_id).filter(id=contact.id).update(
                **values, updated_at=now
            )
    except IntegrityError:
        other = Contact.objects.for_account(contact.account_id).filter(email_key=address.key).first()
        raise ContactExists(other) from None
    changed = name_changes(before, values)
    record_events(contact.account_id, [tell_updated(contact, changed, by)], now=now)
    return changed


def correct_address(contact: Contact, *, by: Actor, now: datetime) -> str:
    """Take the address that was probably meant; returns it, empty when there is none. Raises ContactExists."""
    meant = suggest_address(contact.email)
    if meant:
        change_contact(contact, Profile(meant, contact.name, contact.language), by=by, now=now)
    return meant


@transaction.atomic
def delete_contact(contact: Contact, *, by: Actor, now: datetime) -> None:
    """Remove a contact, where they stand on topics and what they wrote. Proof of consent, suppressions and sent messages stay as the log they are."""
    delete_contacts(contact.account_id, [contact.id], by=by, now=now)


@transaction.atomic
def delete_contacts(account_id: int, contact_ids: Sequence[UUID], *, by: Actor, now: datetime) -> int:
    """Like `delete_contact` for many; returns how many there were."""
    rows = Contact.objects.for_account(account_id).filter(id__in=contact_ids).order_by("id")
    deleted = list(rows.select_for_update().values_list("id", flat=True))
    people = _list_people(account_id, deleted)
    # The contacts first: who is writing an event about one of them holds the row, and what they wrote is deleted below.
    Contact.objects.for_account(account_id).filter(id__in=deleted).delete()
    about: list[type[DataPlaneModel]] = [Subscription, Engagement, Interaction, Activity, CustomEvent]
    about += [ContactAlias, ContactExternalId, ValueAside]
    for model in about:
        model.objects.for_account(account_id).filter(contact_id__in=contact_ids).delete()
    for above in apps.get_models():
        if issubclass(above, DataPlaneModel):
            above.erase_people(account_id, *people)
    pairs = DuplicatePair.objects.for_account(account_id)
    pairs.filter(Q(gone_id__in=contact_ids) | Q(kept_id__in=contact_ids)).delete()
    if deleted:
        record_audit(account_id, by=by, action="contact.deleted", contacts=len(deleted))
    record_events(account_id, (NewEvent(EventKind.CONTACT_DELETED, gone) for gone in deleted), now=now)
    return len(deleted)


def _list_people(account_id: int, contact_ids: Sequence[UUID]) -> tuple[list[UUID], list[str]]:
    """These contacts, and those that were merged into them: ids, and keys of addresses."""
    own = Contact.objects.for_account(account_id).filter(id__in=contact_ids).values_list("id", "email_key")
    merged = ContactAlias.objects.for_account(account_id).filter(contact_id__in=contact_ids)
    rows = [*own, *merged.values_list("id", "email_key")]
    return [one for one, _key in rows], [key for _one, key in rows]


def clean_name(name: str) -> str:
    """One line, single spaces, no control characters: a name ends up in headers of mail."""
    if name.isprintable():  # nearly all are
        return " ".join(name.split())[:MAX_NAME_LENGTH]
    printable = "".join(letter if letter.isprintable() or letter == "\u200d" else " " for letter in name)
    return " ".join(printable.split())[:MAX_NAME_LENGTH]


def find_state(account_id: int, address: ContactAddress, *, now: datetime) -> str:
    """Suppressed or active, for a row that is about to hold this address."""
    suppressed = find_suppression(account_id, address.key, now=now, scopes=(ALL,)) is not None
    return ContactState.SUPPRESSED if suppressed else ContactState.ACTIVE


def compare_profile(before: Contact, profile: Profile) -> dict[str, Any]:
    """The columns that differ, apart from those of the address, with their new values."""
    wanted: dict[str, Any] = {
        "name": clean_name(profile.name),
        "language": profile.language[:8],
        "attributes": _merge_attributes(before.attributes, profile.attributes),
    }
    if profile.timezone is not None:
        wanted["timezone"] = profile.timezone
    if profile.tag_ids is not None:
        wanted["tags"] = sorted(set(profile.tag_ids))
    return _keep_different(before, wanted)


def _compare(before: Contact, profile: Profile, address: ContactAddress, now: datetime) -> dict[str, Any]:
    wanted: dict[str, Any] = {"email": address.email}
    if address.key != before.email_key:
        wanted |= {"email_key": address.key, "lane": address.lane, "findings": check_key(address.key)}
        if before.state != ContactState.RESTRICTED:
            wanted["state"] = find_state(before.account_id, address, now=now)
    return _keep_different(before, wanted) | compare_profile(before, profile)


def _keep_different(before: Contact, wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if value != getattr(before, name)}


def _merge_attributes(stored: Mapping[str, Any], changes: Mapping[int, Value | None]) -> dict[str, Any]:
    merged = {**stored, **{str(key): value for key, value in changes.items()}}
    return {key: value for key, value in merged.items() if value is not None and value != []}


def name_changes(before: Contact, values: Mapping[str, Any]) -> list[str]:
    """`email`, `name`, …, and `attribute:<id>` for each attribute: names only, the log holds no values."""
    plain = [name for name in ("email", "name", "language", "timezone", "tags", "state") if name in values]
    after = values.get("attributes", before.attributes)
    keys = sorted(before.attributes.keys() | after.keys(), key=int)
    return plain + [f"attribute:{key}" for key in keys if before.attributes.get(key) != after.get(key)]


def tell_created(contact: Contact, by: Actor) -> NewEvent:
    data = {"by": str(by) if by else "", "source": contact.source_kind}
    return NewEvent(EventKind.CONTACT_CREATED, contact.id, data=data)


def tell_updated(contact: Contact, changed: Sequence[str], by: Actor) -> NewEvent:
    """`changed` as `name_changes` says it."""
    data = {"by": str(by) if by else "", "fields": list(changed)}
    return NewEvent(EventKind.CONTACT_UPDATED, contact.id, data=data)
