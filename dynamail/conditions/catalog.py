"""What an account has that conditions may name. Filled from the database in `segments/cataloging.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from dynamail.conditions.tree import Condition


@dataclass(frozen=True, slots=True)
class KnownAttribute:
    number: int  # its key in contact.attributes
    key: str
    label: str
    type: str  # text, number, boolean, date, time, choice, list
    choices: tuple[str, ...] = ()
    archived: bool = False


@dataclass(frozen=True, slots=True)
class KnownRow:
    """A tag, topic or own event: the database's number and the name for people."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class KnownCampaign:
    uid: UUID
    name: str


@dataclass(frozen=True, slots=True)
class KnownSegment:
    uid: UUID
    name: str
    condition: Condition
    archived: bool = False  # conditions that name it go on working; nothing new may name it


@dataclass(frozen=True)
class Catalog:
    """By the names that conditions use: attribute keys, public ids, event names."""

    attributes: Mapping[str, KnownAttribute] = field(default_factory=dict)
    tags: Mapping[str, KnownRow] = field(default_factory=dict)
    topics: Mapping[str, KnownRow] = field(default_factory=dict)
    events: Mapping[str, KnownRow] = field(default_factory=dict)
    campaigns: Mapping[str, KnownCampaign] = field(default_factory=dict)
    segments: Mapping[str, KnownSegment] = field(default_factory=dict)
