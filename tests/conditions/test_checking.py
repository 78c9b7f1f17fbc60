from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import pytest

from dynamail.conditions.catalog import Catalog, KnownAttribute, KnownSegment
from dynamail.conditions.checking import MAX_SEGMENT_DEPTH, check_condition
from dynamail.conditions.parsing import parse_condition
from dynamail.conditions.tree import Group, Op, SegmentTest, TagTest
from dynamail.lib.ids import to_public_id
from tests.support.conditions import make_catalog, random_condition

CATALOG = make_catalog()
ARCHIVED = KnownAttribute(90, "old", "Old one", "text", archived=True)
CATALOG = replace(CATALOG, attributes={**CATALOG.attributes, "old": ARCHIVED})
OTHER = "0" * 25 + "z"


def check(document: dict[str, Any], catalog: Catalog = CATALOG) -> list[tuple[str, str]]:
    return [(fault.path, fault.code) for fault in check_condition(parse_condition(document), catalog)]


def attribute(key: str, op: str, value: Any = ...) -> dict[str, Any]:
    return {"kind": "attribute", "attribute": key, "op": op, **({} if value is ... else {"value": value})}


def test_what_fits_the_account_has_no_faults() -> None:
    random, catalog = Random(2), make_catalog()
    for _ in range(500):
        condition = random_condition(random, catalog, 3)
        assert check_condition(condition, CATALOG) == []


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        (attribute("nothing", "empty"), [("/attribute", "unknown_attribute")]),
        (attribute("old", "empty"), [("/attribute", "archived_attribute")]),
        (attribute("number", "contains", "5"), [("/op", "op_not_here")]),
        (attribute("number", "equals", "5"), [("/value", "need_number")]),
        (
            attribute("number", "between", ["2026-01-01", "2026-01-02"]),
            [("/value/0", "need_number"), ("/value/1", "need_number")],
        ),
        (attribute("number", "in", [1, "b"]), [("/value/1", "need_number")]),
        (attribute("text", "equals", 5), [("/value", "need_text")]),
        (attribute("boolean", "equals", "yes"), [("/value", "need_flag")]),
        (attribute("date", "equals", "2026-02-30"), [("/value", "need_day")]),
        (attribute("date", "equals", "2026-02-28"), []),
        (attribute("date", "before", "2026-02-28T00:00:00Z"), [("/value", "need_day")]),
        (attribute("date", "anniversary", [{"days": 0}, {"days": 1}]), []),
        (attribute("time", "equals", "2026-02-28T00:00:00Z"), []),
        (attribute("time", "equals", "noon"), [("/value", "need_moment")]),
        (attribute("time", "anniversary", [{"days": 0}, {"days": 1}]), [("/op", "op_not_here")]),
        (attribute("choice", "in", ["red", "pink"]), [("/value/1", "unknown_choice")]),
        ({"kind": "tag", "op": "has_any", "tags": [f"tag_{OTHER}"]}, [("/tags/0", "unknown_tag")]),
        (
            {"not": {"kind": "topic", "topic": f"top_{OTHER}", "state": "pending"}},
            [("/not/topic", "unknown_topic")],
        ),
        ({"kind": "segment", "segment": f"seg_{OTHER}"}, [("/segment", "unknown_segment")]),
        (
            {"kind": "activity", "act": "sent", "of": {"campaign": f"cmp_{OTHER}"}},
            [("/of/campaign", "unknown_campaign")],
        ),
        (
            {"kind": "activity", "act": "sent", "of": {"topic": f"top_{OTHER}"}},
            [("/of/topic", "unknown_topic")],
        ),
    ],
)
def test_what_the_account_lacks_or_what_does_not_fit_has_its_path(
    document: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    assert check(document) == faults


def chain(length: int, *, last: SegmentTest | Group) -> Catalog:
    """Segments, each of which names the next one twice."""
    names = [to_public_id("seg", UUID(int=place)) for place in range(length)]
    inner = [*(Group(members=(SegmentTest(name), SegmentTest(name))) for name in names[1:]), last]
    segments = {
        name: KnownSegment(UUID(int=1), name, member) for name, member in zip(names, inner, strict=True)
    }
    return Catalog(segments=segments)


def first(catalog: Catalog) -> SegmentTest:
    return SegmentTest(next(iter(catalog.segments)))


def test_segments_lie_ten_deep_in_each_other() -> None:
    flat, deep = (chain(length, last=Group()) for length in (9, MAX_SEGMENT_DEPTH + 1))
    assert check_condition(first(flat), flat) == []
    assert [fault.code for fault in check_condition(first(deep), deep)] == ["segments_too_deep"]


def test_a_circle_of_segments_is_too_deep_and_found_at_once() -> None:
    circle = chain(500, last=SegmentTest(to_public_id("seg", UUID(int=0))))
    assert [fault.code for fault in check_condition(first(circle), circle)] == ["segments_too_deep"]


def test_segments_in_segments_do_not_grow_without_bound() -> None:
    name = to_public_id("seg", UUID(int=3))
    inner = KnownSegment(UUID(int=3), "Inner", Group(members=(TagTest(Op.FILLED),) * 200))
    catalog = Catalog(segments={name: inner})
    assert check_condition(Group(members=(SegmentTest(name),) * 4), catalog) == []
    assert [fault.code for fault in check_condition(Group(members=(SegmentTest(name),) * 6), catalog)] == [
        "too_large"
    ]


def test_a_segment_that_lost_what_it_asked_for_is_a_fault_of_whoever_names_it() -> None:
    names = [to_public_id("seg", UUID(int=place)) for place in range(3)]
    tag = next(iter(CATALOG.tags))
    conditions = (SegmentTest(names[1]), SegmentTest(names[2], negated=True), TagTest(Op.HAS_NONE, (tag,)))
    segments = {
        name: KnownSegment(UUID(int=place), f"No {place}", condition)
        for place, (name, condition) in enumerate(zip(names, conditions, strict=True))
    }
    sound = replace(CATALOG, segments=segments)
    broken = replace(sound, tags={})
    for name in names:
        assert check_condition(SegmentTest(name), sound) == []
        (fault,) = check_condition(Group(members=(SegmentTest(name),)), broken)
        assert (fault.path, fault.code) == ("/all/0/segment", "broken_segment")
