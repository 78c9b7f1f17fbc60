from __future__ import annotations

from uuid import UUID

from dynamail.conditions.catalog import Catalog, KnownRow, KnownSegment
from dynamail.conditions.checking import check_condition
from dynamail.conditions.noticing import find_notes
from dynamail.conditions.tree import Condition, EventTest, Group, Not, SegmentTest
from dynamail.lib.ids import to_public_id

EVENTS = {"order.placed": KnownRow(1, "order.placed")}
OUTER, INNER = (to_public_id("seg", UUID(int=number)) for number in (1, 2))


def make_catalog(**segments: Condition) -> Catalog:
    known = {
        OUTER: segments.get("outer", Group(members=(SegmentTest(INNER),))),
        INNER: segments.get("inner", Group(members=(EventTest("cart.left"),))),
    }
    rows = {name: KnownSegment(UUID(int=1), f"Segment {name[-1]}", asked) for name, asked in known.items()}
    return Catalog(events=EVENTS, segments=rows)


def test_an_event_that_never_arrived_is_noticed_where_it_stands_and_is_no_fault() -> None:
    condition = Group(members=(EventTest("order.placed"), Not(EventTest("order.plased"))))
    assert [(note.path, note.code) for note in find_notes(condition, make_catalog())] == [
        ("/all/1/not/event", "unknown_event")
    ]
    assert check_condition(condition, make_catalog()) == []


def test_a_segment_that_waits_for_an_event_is_noticed_however_deep_it_lies() -> None:
    (note,) = find_notes(SegmentTest(OUTER), make_catalog())
    assert (note.path, note.code, note.parameters["value"]) == (
        "/segment",
        "unknown_event_inside",
        "Segment 1",
    )
    assert find_notes(SegmentTest(OUTER), make_catalog(inner=EventTest("order.placed"))) == []


def test_segments_in_a_circle_and_unknown_ones_are_looked_through_once() -> None:
    assert find_notes(SegmentTest(OUTER), make_catalog(inner=SegmentTest(OUTER))) == []
    assert find_notes(SegmentTest(to_public_id("seg", UUID(int=9))), make_catalog()) == []
