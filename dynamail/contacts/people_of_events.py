"""Whose events they are: many contacts looked up, and made, by one statement each."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from dynamail.accounts.audit import Actor
from dynamail.consent.address_hash import hash_addresses
from dynamail.consent.suppressing import ALL
from dynamail.contacts.addressing import ContactAddress, find_sample
from dynamail.contacts.editing import Source
from dynamail.contacts.models import ContactState
from dynamail.events.kinds import EventKind
from dynamail.events.log import NewEvent, ask_to_insert_events
from dynamail.lib.asking import Ask, Inquiry, Told
from dynamail.lib.ids import new_id
from dynamail.lib.sql import load_sql


@dataclass(slots=True)  # not frozen: one an event
class Known:
    """A contact, as far as an event needs it."""

    id: UUID
    state: str


@dataclass(frozen=True)
class Maker:
    """Who makes contacts, when, and what is said of where they came from."""

    source: Source
    by: Actor
    now: datetime


def ask_for_people(
    account_id: int, keys: Collection[str], ids: Collection[UUID], external_ids: Collection[str] = ()
) -> Ask:
    """Contacts by folded address and by id, for `read_held`. Held: none is deleted before the caller commits.

    Whom external ids name is held too, and told by `ask_for_external_ids`.
    """
    parameters = {
        "account_id": account_id,
        "keys": sorted(keys),
        "ids": sorted(ids),
        "external_ids": sorted(external_ids),
    }
    return Ask(load_sql("contacts", "hold_people"), parameters)


def ask_for_external_ids(account_id: int, external_ids: Collection[str]) -> Ask:
    """Whom they name, for `read_people`."""
    return Ask(load_sql("contacts", "follow_external_ids"), [account_id, sorted(external_ids)])


def read_held(
    told: Told, keys: Collection[str], ids: Collection[UUID]
) -> tuple[dict[str, Known], dict[Any, Known]]:
    """Those asked for by address, and those by id; whom they were merged into is held, and told by `follow_merges`."""
    by_key, by_id = {}, {}
    for key, contact_id, state in told.rows:
        known = Known(contact_id, state)
        if key in keys:
            by_key[key] = known
        if contact_id in ids:
            by_id[contact_id] = known
    return by_key, by_id


def read_people(told: Told) -> dict[Any, Known]:
    return {one: Known(contact_id, state) for one, contact_id, state in told.rows}


def follow_merges(
    account_id: int, keys: Collection[str], ids: Collection[UUID]
) -> Inquiry[tuple[dict[str, Known], dict[UUID, Known]]]:
    """Who is left of contacts that were merged into others, by the address or the id that went. Held like the rest."""
    by_email, by_id = yield [
        Ask(load_sql("contacts", "follow_merged_emails"), [account_id, sorted(keys)]),
        Ask(load_sql("contacts", "follow_merged_ids"), [account_id, sorted(ids)]),
    ]
    return read_people(by_email), read_people(by_id)


def create_people(
    account_id: int, addresses: Iterable[ContactAddress], *, maker: Maker
) -> Inquiry[dict[str, Known]]:
    """Make contacts of nothing but an address; that is no permission to write to them. By folded address, also who was there."""
    wanted = sorted(addresses, key=lambda address: address.key)
    keys = [address.key for address in wanted]
    hashes = hash_addresses(account_id, keys)
    (told,) = yield [Ask(load_sql("contacts", "find_suppressed"), [account_id, hashes, ALL, maker.now])]
    found = {bytes(one) for (one,) in told.rows}
    suppressed = {key for key, one in zip(keys, hashes, strict=True) if one in found}
    people = [_write_person(address, address.key in suppressed, maker.now) for address in wanted]
    parameters = {
        "account_id": account_id,
        "rows": json.dumps(people),
        "kind": maker.source.kind,
        "id": maker.source.id,
        "label": maker.source.label[:200],
        "now": maker.now,
    }
    (made,) = yield [Ask(load_sql("contacts", "create_people"), parameters)]
    events = _tell([contact_id for (contact_id,) in made.rows], maker)
    told_people, *_events = yield [
        ask_for_people(account_id, keys, ()),
        *([ask_to_insert_events(account_id, events, now=maker.now)] if events else []),
    ]
    return read_held(told_people, set(keys), ())[0]


def _tell(made: Iterable[UUID], maker: Maker) -> list[NewEvent]:
    """Who came by an import has no event of it: the row itself says which and when."""
    if maker.source.kind == "import":
        return []
    data = {"by": str(maker.by) if maker.by else "", "source": maker.source.kind}
    return [NewEvent(EventKind.CONTACT_CREATED, contact_id, data=data) for contact_id in made]


def _write_person(address: ContactAddress, is_suppressed: bool, now: datetime) -> dict[str, object]:
    contact_id = new_id(now)
    return {
        "id": str(contact_id),
        "email": address.email,
        "email_key": address.key,
        "state": str(ContactState.SUPPRESSED if is_suppressed else ContactState.ACTIVE),
        "lane": address.lane,
        "sample": find_sample(contact_id),
    }
