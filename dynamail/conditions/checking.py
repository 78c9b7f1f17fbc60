"""Does an account have what a condition names, and do operators and values fit the attributes' types?

A condition that fails here can still be evaluated: what is not there is missing. The check keeps people from saving it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from dynamail.conditions.catalog import Catalog, KnownAttribute
from dynamail.conditions.days import as_moment
from dynamail.conditions.faults import Fault, join_path, make_fault, show_text
from dynamail.conditions.operators import OPERATORS
from dynamail.conditions.tree import (
    ActivityTest,
    AttributeTest,
    Condition,
    EventTest,
    Leaf,
    Op,
    Scalar,
    SegmentTest,
    TagTest,
    TopicTest,
)
from dynamail.conditions.walking import iter_leaves

__all__ = ["MAX_ALL_PARTS", "MAX_SEGMENT_DEPTH", "OPERATORS", "check_condition"]

MAX_SEGMENT_DEPTH = 10  # segments in segments
MAX_ALL_PARTS = 1_000  # leaves, tests and measures, with those of the segments that a condition names


def check_condition(condition: Condition, catalog: Catalog) -> list[Fault]:
    """What the account lacks or what does not fit, in the order of the document; in the segments that it names, too."""
    faults: list[Fault] = []
    for path, leaf in iter_leaves(condition):
        faults += _check_leaf(path, leaf, catalog)
    return faults or list(_check_size(condition, catalog)) or list(_check_inner(condition, catalog))


def _check_leaf(path: str, leaf: Leaf, catalog: Catalog) -> Iterator[Fault]:
    match leaf:
        case AttributeTest():
            yield from _check_attribute(path, leaf, catalog)
        case TagTest():
            for place, tag in enumerate(leaf.tags):
                yield from _check_name(f"{path}/tags/{place}", tag, catalog.tags, "unknown_tag")
        case TopicTest():
            yield from _check_name(f"{path}/topic", leaf.topic, catalog.topics, "unknown_topic")
        case SegmentTest():
            yield from _check_name(f"{path}/segment", leaf.segment, catalog.segments, "unknown_segment")
        case ActivityTest():
            yield from _check_name(
                f"{path}/of/campaign", leaf.of.campaign, catalog.campaigns, "unknown_campaign"
            )
            yield from _check_name(f"{path}/of/topic", leaf.of.topic, catalog.topics, "unknown_topic")
        case _:
            pass  # the others name nothing of the account, or an event that may still arrive: see noticing.py


def _check_name(path: str, name: str, known: Mapping[str, object], code: str) -> Iterator[Fault]:
    if name and name not in known:
        yield make_fault(path, code, value=show_text(name))


def _check_attribute(path: str, leaf: AttributeTest, catalog: Catalog) -> Iterator[Fault]:
    known = catalog.attributes.get(leaf.attribute)
    if known is None:
        yield make_fault(f"{path}/attribute", "unknown_attribute", value=show_text(leaf.attribute))
    elif known.archived:
        yield make_fault(f"{path}/attribute", "archived_attribute", value=show_text(known.label))
    elif leaf.op not in OPERATORS[known.type]:
        choices = ", ".join(OPERATORS[known.type])
        yield make_fault(f"{path}/op", "op_not_here", op=leaf.op, choices=choices)
    else:
        yield from _check_values(f"{path}/value", leaf, known)


def _check_values(path: str, leaf: AttributeTest, known: KnownAttribute) -> Iterator[Fault]:
    if leaf.op is Op.ANNIVERSARY:
        return  # the parser has seen that these are days
    fits, code = _FITS[known.type]
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    for place, value in enumerate(values):
        here = join_path(path, place) if isinstance(leaf.value, tuple) else path
        if value is None:
            continue
        if not fits(value):
            yield make_fault(here, code)
        elif known.type == "choice" and value not in known.choices:
            yield make_fault(
                here, "unknown_choice", value=show_text(str(value)), attribute=show_text(known.label)
            )


def _is_text(value: Scalar) -> bool:
    return isinstance(value, str)


def _is_day(value: Scalar) -> bool:
    moment = as_moment(value)
    return moment is not None and not isinstance(moment, datetime)


_FITS: Mapping[str, tuple[Callable[[Scalar], bool], str]] = {
    "text": (_is_text, "need_text"),
    "number": (lambda value: isinstance(value, Decimal), "need_number"),
    "boolean": (lambda value: isinstance(value, bool), "need_flag"),
    "date": (_is_day, "need_day"),
    "time": (lambda value: as_moment(value) is not None, "need_moment"),
    "choice": (_is_text, "need_text"),
    "list": (_is_text, "need_text"),
}


def _check_size(condition: Condition, catalog: Catalog) -> Iterator[Fault]:
    """Segments are put in place when a condition is compiled: what that makes must stay bounded."""
    sizes = _Sizes(catalog)
    for path, leaf in iter_leaves(condition):
        if isinstance(leaf, SegmentTest) and sizes.find_depth(leaf.segment) > MAX_SEGMENT_DEPTH:
            yield make_fault(f"{path}/segment", "segments_too_deep", limit=MAX_SEGMENT_DEPTH)
            return
    if sizes.count_parts(condition) > MAX_ALL_PARTS:
        yield make_fault("", "too_large", limit=MAX_ALL_PARTS)


def _check_inner(condition: Condition, catalog: Catalog) -> Iterator[Fault]:
    """A segment that lost what it asked for may have everybody in it: who lacks a tag that is deleted. Run when the depth is bounded."""
    known: dict[str, bool] = {}

    def is_sound(segment: str) -> bool:
        if segment not in known:
            inner = iter_leaves(catalog.segments[segment].condition)
            known[segment] = all(holds(path, leaf) for path, leaf in inner)
        return known[segment]

    def holds(path: str, leaf: Leaf) -> bool:
        if any(_check_leaf(path, leaf, catalog)):
            return False
        return not isinstance(leaf, SegmentTest) or is_sound(leaf.segment)

    for path, leaf in iter_leaves(condition):
        if isinstance(leaf, SegmentTest) and not is_sound(leaf.segment):
            name = show_text(catalog.segments[leaf.segment].name)
            yield make_fault(f"{path}/segment", "broken_segment", value=name)


class _Sizes:
    """Depth and size of segments, each found once. A segment that leads to itself counts as too deep."""

    def __init__(self, catalog: Catalog) -> None:
        self._segments = catalog.segments
        self._depths: dict[str, int] = {}
        self._parts: dict[str, int] = {}

    def find_depth(self, segment: str, above: int = 1) -> int:
        """Past the limit any number above it: then the condition is refused, whatever else is in it."""
        if segment not in self._depths:
            # Until it is known: who comes here again went in a circle.
            self._depths[segment] = MAX_SEGMENT_DEPTH + 1
            if above <= MAX_SEGMENT_DEPTH:
                inner = [self.find_depth(name, above + 1) for name in self._list_inner(segment)]
                self._depths[segment] = 1 + max(inner, default=0)
        return self._depths[segment]

    def count_parts(self, condition: Condition) -> int:
        """Bounded by the depth that was checked before."""
        total = 0
        for _path, leaf in iter_leaves(condition):
            total += 1
            if isinstance(leaf, SegmentTest):
                total += self._count_segment(leaf.segment)
            elif isinstance(leaf, EventTest):
                total += len(leaf.where) + len(leaf.measures)
        return total

    def _count_segment(self, segment: str) -> int:
        if segment not in self._parts:
            known = self._segments.get(segment)
            self._parts[segment] = self.count_parts(known.condition) if known else 0
        return self._parts[segment]

    def _list_inner(self, segment: str) -> list[str]:
        known = self._segments.get(segment)
        leaves = iter_leaves(known.condition) if known else ()
        return [leaf.segment for _path, leaf in leaves if isinstance(leaf, SegmentTest)]
