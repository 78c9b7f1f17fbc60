"""What is wrong with a condition that somebody is about to save, to ask or to send to."""

from __future__ import annotations

from collections.abc import Iterator

from dynamail.conditions.catalog import Catalog
from dynamail.conditions.checking import check_condition
from dynamail.conditions.faults import ConditionFault, Fault, make_fault, show_text
from dynamail.conditions.parsing import parse_condition
from dynamail.conditions.tree import Condition, EventTest, SegmentTest
from dynamail.conditions.walking import iter_leaves
from dynamail.events.own_values import OwnEventFault, clean_event_name
from dynamail.segments.cataloging import load_catalog


def check_new(condition: Condition, catalog: Catalog) -> tuple[Fault, ...]:
    """As check_condition, and without segments that were put away and names that no event can have.

    What was saved before goes on with those segments; nothing new is built on a question that was put aside.
    """
    return (
        *check_condition(condition, catalog),
        *_find_archived(condition, catalog),
        *_find_misnamed(condition, catalog),
    )


def read_sound(account_id: int, document: object) -> Condition:
    """A condition that this account can answer now. Raises ConditionFault.

    Who lacks a tag that was deleted is everybody: what lost its subject is asked by nobody who acts on the answer.
    """
    condition = parse_condition(document)
    if faults := check_condition(condition, load_catalog(account_id)):
        raise ConditionFault(faults)
    return condition


def _find_archived(condition: Condition, catalog: Catalog) -> Iterator[Fault]:
    for path, leaf in iter_leaves(condition):
        known = catalog.segments.get(leaf.segment) if isinstance(leaf, SegmentTest) else None
        if known is not None and known.archived:
            yield make_fault(f"{path}/segment", "unknown_segment", value=show_text(known.name))


def _find_misnamed(condition: Condition, catalog: Catalog) -> Iterator[Fault]:
    for path, leaf in iter_leaves(condition):
        if isinstance(leaf, EventTest) and leaf.event not in catalog.events and not _can_arrive(leaf.event):
            yield make_fault(f"{path}/event", "bad_event", value=show_text(leaf.event))


def _can_arrive(name: str) -> bool:
    try:
        return clean_event_name(name) == name
    except OwnEventFault:
        return False
