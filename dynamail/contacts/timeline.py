"""What is recorded about one contact here and below: edits, tags, consent, suppression. Messages join it in the door."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from dynamail.consent.models import ConsentRecord
from dynamail.contacts.models import Contact, ContactImport
from dynamail.events.models import Event, EventName
from dynamail.events.timeline import find_contact_own_events
from dynamail.lib.ids import UnknownId


@dataclass(frozen=True)
class Moment:
    """One entry of a timeline. `kind` is an event kind or `consent.<act>`; `data` holds what its sentence needs."""

    at: datetime
    kind: str
    data: dict[str, Any] = field(default_factory=dict)
    source_kind: str = ""
    source_id: UUID | None = None
    topic_id: int | None = None
    message_id: UUID | None = None


OWN = "own"  # the kind of the account's own events: `data` has their name and properties
# A consent record says more than the event that goes with it.
TOLD_BY_CONSENT = ("contact.subscribed", "contact.unsubscribed")


def list_moments(account_id: int, contact_id: UUID, *, before: datetime | None, limit: int) -> list[Moment]:
    """Newest first, at most `limit`, older than `before`."""
    moments = _list_events(account_id, contact_id, before, limit)
    moments += _list_consent(account_id, contact_id, before, limit)
    moments += _list_own_events(account_id, contact_id, before, limit)
    moments += _list_import(account_id, contact_id, before)
    # An import writes all of a person at one moment: being added comes first.
    return sorted(moments, key=lambda moment: (moment.at, moment.kind != "contact.created"), reverse=True)[
        :limit
    ]


def _list_events(account_id: int, contact_id: UUID, before: datetime | None, limit: int) -> list[Moment]:
    rows = (
        Event.objects.for_account(account_id).filter(contact_id=contact_id).exclude(kind__in=TOLD_BY_CONSENT)
    )
    if before is not None:
        rows = rows.filter(at__lt=before)
    return [
        Moment(row.at, row.kind, row.data, row.source_kind, row.source_id, message_id=row.message_id)
        for row in rows.order_by("-id")[:limit]
    ]


def _list_own_events(account_id: int, contact_id: UUID, before: datetime | None, limit: int) -> list[Moment]:
    rows = find_contact_own_events(account_id, contact_id, before=before, limit=limit)
    names = EventName.objects.for_account(account_id).filter(pk__in={row.name_id for row in rows})
    known = dict(names.values_list("pk", "name")) if rows else {}
    return [
        Moment(row.at, OWN, {"name": known.get(row.name_id, ""), "properties": row.properties})
        for row in rows
    ]


def _list_import(account_id: int, contact_id: UUID, before: datetime | None) -> list[Moment]:
    """Who came by an import has no event of it: the row itself says which and when."""
    row = Contact.objects.for_account(account_id).filter(id=contact_id, source_kind="import").first()
    if row is None or (before is not None and row.created_at >= before):
        return []
    try:
        source = ContactImport.uid_from(row.source_id)
    except UnknownId:
        source = None
    return [Moment(row.created_at, "contact.created", {}, "import", source)]


def _list_consent(account_id: int, contact_id: UUID, before: datetime | None, limit: int) -> list[Moment]:
    rows = ConsentRecord.objects.for_account(account_id).filter(contact_id=contact_id)
    if before is not None:
        rows = rows.filter(at__lt=before)
    return [
        Moment(
            row.at,
            f"consent.{row.act}",
            {
                "method": row.method,
                "text": row.text,
                "since": row.since,
                "basis": row.basis,
                "actor": row.actor,
            },
            row.source_kind,
            None,
            row.topic_id,
        )
        for row in rows.order_by("-at", "-id")[:limit]
    ]
