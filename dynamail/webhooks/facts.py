"""What payloads say about rows that events only name by their keys; looked up for many events at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from dynamail.consent.models import Topic
from dynamail.contacts.models import Attribute, Contact, ContactState, Tag
from dynamail.events.tailing import LoggedEvent
from dynamail.messages.models import Email, Message, Outbox
from dynamail.messages.shards import find_shard


@dataclass(frozen=True, slots=True)
class SentCopy:
    """One recipient's message, sent or still waiting."""

    recipient: str
    stream: str
    email_id: UUID | None


@dataclass(frozen=True, slots=True)
class SentEmail:
    """What all copies of an email have in common."""

    subject: str
    tags: Sequence[str]
    metadata: Mapping[str, str]
    is_test: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """By the keys that events have."""

    copies: Mapping[UUID, SentCopy] = field(default_factory=dict)
    emails: Mapping[UUID, SentEmail] = field(default_factory=dict)
    addresses: Mapping[UUID, str] = field(default_factory=dict)  # of contacts
    restricted: frozenset[UUID] = frozenset()  # contacts about whom nothing is told (P8.3)
    topics: Mapping[int, tuple[str, str]] = field(default_factory=dict)  # public id and name
    tags: Mapping[int, str] = field(default_factory=dict)
    attributes: Mapping[int, str] = field(default_factory=dict)


def gather_facts(account_id: int, events: Sequence[LoggedEvent]) -> Facts:
    """Few questions, however many events."""
    contacts = _find_contacts(account_id, {one.contact_id for one in events if one.contact_id})
    copies = _find_copies(account_id, {one.message_id for one in events if one.message_id})
    return Facts(
        copies=copies,
        emails=_find_emails(account_id, {one.email_id for one in copies.values() if one.email_id}),
        addresses={key: email for key, (email, _state) in contacts.items()},
        restricted=frozenset(
            key for key, (_email, state) in contacts.items() if state == ContactState.RESTRICTED
        ),
        topics=_find_topics(account_id, _numbers(events, "topic_id")),
        tags=_find_tags(account_id, _numbers(events, "tag")),
        attributes=_find_attributes(account_id, events),
    )


def _find_contacts(account_id: int, ids: Iterable[UUID]) -> dict[UUID, tuple[str, str]]:
    rows = Contact.objects.for_account(account_id).filter(id__in=list(ids))
    return {key: (email, state) for key, email, state in rows.values_list("id", "email", "state")}


def _find_copies(account_id: int, ids: set[UUID]) -> dict[UUID, SentCopy]:
    """Those that wait, and those that are settled, which are more telling."""
    if not ids:
        return {}
    waiting = Outbox.objects.for_account(account_id).filter(shard=find_shard(account_id), id__in=list(ids))
    settled = Message.objects.for_account(account_id).filter(id__in=list(ids))
    names = ("id", "recipient", "stream", "email_id")
    return {
        key: SentCopy(recipient, stream, email_id)
        for rows in (waiting, settled)
        for key, recipient, stream, email_id in rows.values_list(*names)
    }


def _find_emails(account_id: int, ids: set[UUID]) -> dict[UUID, SentEmail]:
    if not ids:
        return {}
    rows = Email.objects.for_account(account_id).filter(id__in=list(ids))
    values = rows.values_list("id", "subject", "tags", "metadata", "is_test")
    return {key: SentEmail(*rest) for key, *rest in values}


def _find_topics(account_id: int, ids: set[int]) -> dict[int, tuple[str, str]]:
    return {
        row.pk: (row.public_id, row.name) for row in Topic.objects.for_account(account_id).filter(pk__in=ids)
    }


def _find_tags(account_id: int, ids: set[int]) -> dict[int, str]:
    return dict(Tag.objects.for_account(account_id).filter(pk__in=ids).values_list("pk", "name"))


def _find_attributes(account_id: int, events: Sequence[LoggedEvent]) -> dict[int, str]:
    if not any("fields" in one.data for one in events):
        return {}
    return dict(Attribute.objects.for_account(account_id).values_list("number", "key"))


def _numbers(events: Sequence[LoggedEvent], name: str) -> set[int]:
    values: list[Any] = [one.data.get(name) for one in events]
    return {value for value in values if isinstance(value, int)}
