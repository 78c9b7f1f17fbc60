"""What is known about one contact, as plain records: all that a condition may ask. Whoever evaluates fills it.

Numbers inside attributes and properties are best decoded from JSON as Decimal: then they are exactly what the database compares.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from dynamail.conditions.catalog import Catalog

RESTRICTED = "restricted"


@dataclass(frozen=True, slots=True)
class TopicStanding:
    """A row of `subscription`."""

    state: str
    basis: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class SuppressionRow:
    reason: str
    expires_at: datetime | None = None

    def is_in_force(self, now: datetime) -> bool:
        return self.expires_at is None or self.expires_at > now


@dataclass(frozen=True, slots=True)
class EngagementRow:
    last_sent_at: datetime | None = None
    last_opened_at: datetime | None = None
    last_clicked_at: datetime | None = None
    sent: int = 0
    opened: int = 0
    clicked: int = 0


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """Opens or clicks in a quarter of an hour."""

    kind: str  # opened, clicked
    at: datetime
    source_id: UUID
    link_number: int = -1  # -1: an open
    n: int = 1


@dataclass(frozen=True, slots=True)
class MessageRow:
    id: UUID
    at: datetime
    state: str
    source_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """An event of the log: `message.bounced`, `message.complained`, `message.replied`."""

    kind: str
    at: datetime
    source_id: UUID | None = None
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OwnEventRow:
    id: UUID
    name_id: int
    at: datetime
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    id: UUID
    email_key: str
    created_at: datetime
    name: str = ""
    language: str = ""
    timezone: str = ""
    state: str = "active"
    attributes: Mapping[str, Any] = field(default_factory=dict)  # as stored: {"<attribute number>": value}
    tags: Set[int] = frozenset()
    topics: Mapping[int, TopicStanding] = field(default_factory=dict)  # by the topic's number
    source_kind: str = "form"
    source_id: str = ""
    findings: int = 0
    suppressions: tuple[SuppressionRow, ...] = ()
    engagement: EngagementRow = EngagementRow()
    activity: tuple[ActivityRow, ...] = ()
    messages: tuple[MessageRow, ...] = ()
    feedback: tuple[FeedbackRow, ...] = ()
    events: tuple[OwnEventRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Launch:
    """Content that went out: `source_id` of its messages, the number of its topic, when."""

    source_id: UUID
    topic_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Context:
    """When and for whom is asked. `salt` is of random leaves without their own: the segment's public id, else empty."""

    now: datetime
    zone: str  # of the account
    catalog: Catalog = field(default_factory=Catalog)
    salt: str = ""
    launches: tuple[Launch, ...] = ()
