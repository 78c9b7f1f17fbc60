"""Where something is asked for: an attribute, a tag, a topic, a campaign, an own event, another segment.

Only segments are looked at here; callers above join what they know, such as the audiences of campaigns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from dynamail.conditions.catalog import Catalog
from dynamail.conditions.referring import References, find_references
from dynamail.segments.cataloging import load_catalog


class Thing(StrEnum):
    """What a condition can name; attributes and own events by key or name, the rest by public id."""

    ATTRIBUTE = "attribute"
    TAG = "tag"
    TOPIC = "topic"
    SEGMENT = "segment"
    CAMPAIGN = "campaign"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Use:
    """Who names it. `kind` is `segment` here; callers above add `campaign` and others."""

    kind: str
    public_id: str
    name: str


_NAMED: Mapping[Thing, Callable[[References], frozenset[str]]] = {
    Thing.ATTRIBUTE: lambda references: references.attributes,
    Thing.TAG: lambda references: references.tags,
    Thing.TOPIC: lambda references: references.topics,
    Thing.SEGMENT: lambda references: references.segments,
    Thing.CAMPAIGN: lambda references: references.campaigns,
    Thing.EVENT: lambda references: references.events,
}


def is_named(references: References, kind: str, name: str) -> bool:
    """Does a condition with these references ask for it?"""
    return name in _NAMED[Thing(kind)](references)


def find_uses(account_id: int, kind: str, name: str, *, catalog: Catalog | None = None) -> list[Use]:
    """The account's segments that name it, by their own names; archived ones do not count. `kind` is a Thing."""
    uses = [
        Use("segment", public_id, segment.name)
        for public_id, segment in (catalog or load_catalog(account_id)).segments.items()
        if not segment.archived and is_named(find_references(segment.condition), kind, name)
    ]
    return sorted(uses, key=lambda use: use.name.casefold())


def count_uses(catalog: Catalog, kind: str) -> Counter[str]:
    """In how many of the account's segments each attribute, tag, … is named: for lists that show all of them."""
    named = _NAMED[Thing(kind)]
    return Counter(
        name
        for segment in catalog.segments.values()
        if not segment.archived
        for name in named(find_references(segment.condition))
    )
