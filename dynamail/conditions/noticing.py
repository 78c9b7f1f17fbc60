"""What a condition asks for in vain so far. It may be saved: who prepares a segment need not wait for the first event."""

from __future__ import annotations

from collections.abc import Iterator

from dynamail.conditions.catalog import Catalog
from dynamail.conditions.faults import Fault, make_fault, show_text
from dynamail.conditions.tree import Condition, EventTest, SegmentTest
from dynamail.conditions.walking import iter_leaves


def find_notes(condition: Condition, catalog: Catalog) -> list[Fault]:
    """Events that never arrived, asked for here or in a segment that is named here. They are told like faults, and hinder nobody.

    Until one arrives nobody had the event: a slip of the pen looks the same, and turned around it is everybody.
    """
    return list(_find(condition, catalog, set()))


def _find(condition: Condition, catalog: Catalog, seen: set[str]) -> Iterator[Fault]:
    for path, leaf in iter_leaves(condition):
        if isinstance(leaf, EventTest) and leaf.event not in catalog.events:
            yield make_fault(f"{path}/event", "unknown_event", value=show_text(leaf.event))
        elif isinstance(leaf, SegmentTest) and _asks_in_vain(leaf.segment, catalog, seen):
            name = show_text(catalog.segments[leaf.segment].name)
            yield make_fault(f"{path}/segment", "unknown_event_inside", value=name)


def _asks_in_vain(segment: str, catalog: Catalog, seen: set[str]) -> bool:
    """Each segment once: told twice it says no more, and a circle ends."""
    if segment in seen or segment not in catalog.segments:
        return False
    seen.add(segment)
    return any(_find(catalog.segments[segment].condition, catalog, seen))
