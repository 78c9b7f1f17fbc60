"""What is wrong with a condition that somebody is about to save or to send to."""

from __future__ import annotations

from collections.abc import Iterator

from dynamail.conditions.catalog import Catalog
from dynamail.conditions.checking import check_condition
from dynamail.conditions.faults import Fault, make_fault, show_text
from dynamail.conditions.tree import Condition, SegmentTest
from dynamail.conditions.walking import iter_leaves


def check_new(condition: Condition, catalog: Catalog) -> tuple[Fault, ...]:
    """As check_condition, and without segments that were put away.

    What was saved before goes on with those; nothing new is built on a question that was put aside.
    """
    return (*check_condition(condition, catalog), *_find_archived(condition, catalog))


def _find_archived(condition: Condition, catalog: Catalog) -> Iterator[Fault]:
    for path, leaf in iter_leaves(condition):
        known = catalog.segments.get(leaf.segment) if isinstance(leaf, SegmentTest) else None
        if known is not None and known.archived:
            yield make_fault(f"{path}/segment", "unknown_segment", value=show_text(known.name))
