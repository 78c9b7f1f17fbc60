"""Many contacts made or changed at once: what `upsert_contact` does for each in turn, by a handful of statements for all.

1. Who has the addresses is looked up; whoever would stay as they are needs nothing more.  2. The new ones are inserted, in the order of
their addresses.  3. Those who change are locked in the same order, read again, compared and written.  4. The events of all.

Two batches with the same people wait for each other and never crosswise: nobody inserts who holds a lock of step 3. Who was made by
another request after step 1, or is gone before step 3, goes round again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, transaction

from dynamail.accounts.audit import Actor
from dynamail.consent.address_hash import hash_addresses
from dynamail.consent.suppressing import ALL
from dynamail.contacts.addressing import ContactAddress
from dynamail.contacts.editing import (
    Source,
    compare_profile,
    make_contact,
    name_changes,
    tell_created,
    tell_updated,
)
from dynamail.contacts.models import Contact, ContactAlias, ContactState
from dynamail.contacts.upserting import ContactChanges, Upserted, fill_profile, make_profile, would_change
from dynamail.events.log import NewEvent, record_events
from dynamail.lib.sql import load_sql


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be said of whoever has the address. An address in the changes does not count."""

    address: ContactAddress
    changes: ContactChanges


@dataclass(frozen=True)
class _Act:
    """Who does it all, where new contacts come from, and when."""

    account_id: int
    source: Source
    by: Actor
    now: datetime


@dataclass(slots=True)
class _Person:
    """The wishes about one person, by their places and in their order."""

    key: str  # of the address that was met first
    places: list[int]
    contact: Contact | None


@transaction.atomic
def upsert_contacts(
    account_id: int, wishes: Sequence[Wish], *, source: Source, by: Actor, now: datetime
) -> list[Upserted]:
    """What became of each wish, in order. Of wishes about one person the later ones change what the earlier ones made.

    Addresses that were merged into somebody lead to them. It is no permission to write to anybody. The contacts of the answer stand
    as they are after the last wish.
    """
    act = _Act(account_id, source, by, now)
    done: dict[int, Upserted] = {}
    events: list[NewEvent] = []
    waiting = sorted(range(len(wishes)), key=lambda place: wishes[place].address.key)
    while waiting:
        people = _find_people(account_id, wishes, waiting)
        _insert(act, [one for one in people if one.contact is None], wishes, done, events)
        _change(act, people, wishes, done, events)
        waiting = [place for place in waiting if place not in done]
    record_events(account_id, events, now=now)
    return [done[place] for place in range(len(wishes))]


# ── Finding ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def _find_people(account_id: int, wishes: Sequence[Wish], places: Iterable[int]) -> list[_Person]:
    """In the order of `places`."""
    known = find_contacts_by_keys(account_id, {wishes[place].address.key for place in places})
    people: dict[UUID | str, _Person] = {}
    for place in places:
        key = wishes[place].address.key
        contact = known.get(key)
        person = people.setdefault(contact.id if contact else key, _Person(key, [], contact))
        person.places.append(place)
    return list(people.values())


def find_contacts_by_keys(account_id: int, keys: Collection[str]) -> dict[str, Contact]:
    """Who has these folded addresses, or whom they were merged into last."""
    contacts = Contact.objects.for_account(account_id)
    found = {one.email_key: one for one in contacts.filter(email_key__in=keys)}
    missing = keys - found.keys()
    if not missing:
        return found
    aliases = ContactAlias.objects.for_account(account_id).filter(email_key__in=missing)
    kept = dict(aliases.order_by("merged_at").values_list("email_key", "contact_id"))
    if not kept:
        return found
    merged = {one.id: one for one in contacts.filter(id__in=kept.values())}
    return found | {key: merged[one] for key, one in kept.items() if one in merged}


# ── Making ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _insert(
    act: _Act,
    people: Sequence[_Person],
    wishes: Sequence[Wish],
    done: dict[int, Upserted],
    events: list[NewEvent],
) -> None:
    """Whom another request made meanwhile is left for the next round."""
    if not people:
        return
    suppressed = _find_suppressed(act, [one.key for one in people])
    folded = []
    for person in people:
        wish = wishes[person.places[0]]
        contact = make_contact(
            act.account_id,
            wish.address,
            make_profile(wish.address.email, wish.changes),
            state=ContactState.SUPPRESSED if person.key in suppressed else ContactState.ACTIVE,
            source=act.source,
            now=act.now,
        )
        steps = [_apply(contact, wishes[place].changes) for place in person.places[1:]]
        folded.append((person, contact, steps))
    made = _insert_rows(act, [contact for _person, contact, _steps in folded])
    for person, contact, steps in folded:
        if contact.id in made:
            done[person.places[0]] = Upserted(contact, True)
            events.append(tell_created(contact, act.by))
            _note_changes(act, contact, person.places[1:], steps, done, events)


def _find_suppressed(act: _Act, keys: Sequence[str]) -> set[str]:
    hashes = hash_addresses(act.account_id, keys)
    rows = _ask("find_suppressed", [act.account_id, hashes, ALL, act.now])
    found = {bytes(one) for (one,) in rows}
    return {key for key, one in zip(keys, hashes, strict=True) if one in found}


def _insert_rows(act: _Act, contacts: Iterable[Contact]) -> set[UUID]:
    columns = ("email", "email_key", "state", "lane", "sample", "findings")
    rows = _ask(
        "create_people",
        {
            "account_id": act.account_id,
            "rows": _write_rows(contacts, columns),
            "kind": act.source.kind,
            "id": act.source.id,
            "label": act.source.label[:200],
            "now": act.now,
        },
    )
    return {contact_id for (contact_id,) in rows}


# ── Changing ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _change(
    act: _Act,
    people: Sequence[_Person],
    wishes: Sequence[Wish],
    done: dict[int, Upserted],
    events: list[NewEvent],
) -> None:
    """Of those who are known. Who is gone meanwhile is left for the next round."""
    differing = {}
    for person in people:
        contact = person.contact
        if contact is None:
            continue
        if any(would_change(contact, wishes[place].changes) for place in person.places):
            differing[contact.id] = person
        else:
            done |= {place: Upserted(contact, False) for place in person.places}
    written = []
    for contact in _lock(act.account_id, differing) if differing else ():
        person = differing[contact.id]
        steps = [_apply(contact, wishes[place].changes) for place in person.places]
        _note_changes(act, contact, person.places, steps, done, events)
        if any(steps):
            contact.updated_at = act.now
            written.append(contact)
    if written:
        parameters = {"account_id": act.account_id, "rows": _write_rows(written, ()), "now": act.now}
        _ask("change_contacts", parameters)


def _lock(account_id: int, contact_ids: Iterable[UUID]) -> list[Contact]:
    """One statement, in the order of the addresses; nothing but the key of a row stays open to others."""
    rows = Contact.objects.for_account(account_id).filter(id__in=list(contact_ids)).order_by("email_key")
    return list(rows.select_for_update(no_key=True, of=("self",)))


def _apply(contact: Contact, changes: ContactChanges) -> list[str]:
    """Change the row in memory; returns the names of the fields that differ now."""
    values = compare_profile(contact, fill_profile(contact, changes))
    names = name_changes(contact, values)
    for column, value in values.items():
        setattr(contact, column, value)
    return names


def _note_changes(
    act: _Act,
    contact: Contact,
    places: Sequence[int],
    steps: Sequence[Sequence[str]],
    done: dict[int, Upserted],
    events: list[NewEvent],
) -> None:
    for place, changed in zip(places, steps, strict=True):
        done[place] = Upserted(contact, False, changed)
        if changed:
            events.append(tell_updated(contact, changed, act.by))


# ── Asking ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _write_rows(contacts: Iterable[Contact], columns: Sequence[str]) -> str:
    columns = ("name", "language", "timezone", "attributes", "tags", *columns)
    return json.dumps(
        [
            {"id": str(contact.id), **{name: getattr(contact, name) for name in columns}}
            for contact in contacts
        ]
    )


def _ask(name: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("contacts", name), parameters)
        return cursor.fetchall() if cursor.description else []
