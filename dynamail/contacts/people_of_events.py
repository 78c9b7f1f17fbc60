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
from dynamail.contacts.models import ContactState
from dynamail.events.kinds import EventKind
from dynamail.events.log import NewEvent, record_events
from dynamail.lib.ids import new_id
from dynamail.lib.sql import load_sql

SOURCE = "api"


@dataclass(slots=True)  # not frozen: one an event
class Known:
    """A contact, as far as an event needs it."""

    id: UUID
    state: str


def find_by_email(cursor: Any, account_id: int, keys: Collection[str]) -> dict[str, Known]:
    """Contacts by folded address, also by an address that was merged away. Held: none is deleted before the caller commits."""
    if not keys:
        return {}
    cursor.execute(load_sql("contacts", "hold_by_email"), [account_id, sorted(keys)])
    found = {key: Known(contact_id, state) for key, contact_id, state in cursor.fetchall()}
    if len(found) < len(keys):
        found |= _follow_merges(cursor, account_id, "email_key", keys - found.keys())
    return found


def find_by_id(cursor: Any, account_id: int, ids: Collection[UUID]) -> dict[UUID, Known]:
    """Like `find_by_email`, by id."""
    if not ids:
        return {}
    cursor.execute(load_sql("contacts", "hold_by_id"), [account_id, sorted(ids)])
    found = {contact_id: Known(contact_id, state) for contact_id, state in cursor.fetchall()}
    if len(found) < len(ids):
        found |= _follow_merges(cursor, account_id, "id", ids - found.keys())
    return found


def create_people(
    cursor: Any, account_id: int, addresses: Iterable[ContactAddress], *, by: Actor, now: datetime
) -> dict[str, Known]:
    """Make contacts of nothing but an address; that is no permission to write to them. By folded address, also who was there."""
    wanted = sorted(addresses, key=lambda address: address.key)
    suppressed = _find_suppressed(cursor, account_id, wanted, now)
    rows = []
    for address in wanted:
        contact_id = new_id(now)
        state = ContactState.SUPPRESSED if address.key in suppressed else ContactState.ACTIVE
        rows.append(
            {
                "id": str(contact_id),
                "email": address.email,
                "email_key": address.key,
                "state": str(state),
                "lane": address.lane,
                "sample": find_sample(contact_id),
            }
        )
    label = str(by)[:200] if by else ""
    cursor.execute(
        load_sql("contacts", "create_people"),
        {"account_id": account_id, "rows": json.dumps(rows), "kind": SOURCE, "label": label, "now": now},
    )
    made = [contact_id for (contact_id,) in cursor.fetchall()]
    data = {"by": str(by) if by else "", "source": SOURCE}
    events = [NewEvent(EventKind.CONTACT_CREATED, contact_id, data=data) for contact_id in made]
    record_events(account_id, events, now=now)
    return find_by_email(cursor, account_id, {address.key for address in wanted})


def _follow_merges(cursor: Any, account_id: int, column: str, sought: Collection[Any]) -> dict[Any, Known]:
    """Who is left of contacts that were merged into others."""
    statement = "follow_merged_emails" if column == "email_key" else "follow_merged_ids"
    cursor.execute(load_sql("contacts", statement), [account_id, sorted(sought)])
    return {one: Known(contact_id, state) for one, contact_id, state in cursor.fetchall()}


def _find_suppressed(
    cursor: Any, account_id: int, addresses: Collection[ContactAddress], now: datetime
) -> set[str]:
    """The folded addresses that must not be mailed at all."""
    hashes = hash_addresses(account_id, [address.key for address in addresses])
    cursor.execute(
        "SELECT address_hash FROM suppression WHERE account_id = %s AND address_hash = ANY(%s) AND scope = %s "
        "AND (expires_at IS NULL OR expires_at > %s)",
        [account_id, hashes, ALL, now],
    )
    found = {bytes(one) for (one,) in cursor.fetchall()}
    return {address.key for address, one in zip(addresses, hashes, strict=True) if one in found}
