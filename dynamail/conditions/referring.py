"""What a condition depends on: whose change may change its answer, and whether time alone does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dynamail.conditions.tree import (
    Act,
    ActivityTest,
    AddressTest,
    AttributeTest,
    Condition,
    EventTest,
    Field,
    FieldTest,
    Leaf,
    RelativeDay,
    ScoreTest,
    SegmentTest,
    SourceTest,
    Standing,
    StandingTest,
    TagTest,
    TopicTest,
    Value,
)
from dynamail.conditions.walking import iter_leaves


@dataclass(frozen=True, slots=True)
class References:
    """Names as conditions write them. Those of segments inside are not looked into."""

    attributes: frozenset[str] = frozenset()
    fields: frozenset[Field] = frozenset()
    tags: frozenset[str] = frozenset()
    has_tag_test: bool = False  # also of tests that name no tag
    topics: frozenset[str] = frozenset()
    topic_states: frozenset[str] = frozenset()  # those topics whose state with a contact is asked
    segments: frozenset[str] = frozenset()
    campaigns: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    acts: frozenset[Act] = frozenset()
    launches: bool = (
        False  # asks for campaigns of a topic or the last ones: another launch changes the answer
    )
    standing: bool = False
    source: bool = False
    address: bool = False
    score: bool = False
    depends_on_time: bool = False


def find_references(condition: Condition) -> References:
    leaves = [leaf for _path, leaf in iter_leaves(condition)]
    acts = [leaf for leaf in leaves if isinstance(leaf, ActivityTest)]
    states = frozenset(leaf.topic for leaf in leaves if isinstance(leaf, TopicTest))
    return References(
        attributes=frozenset(leaf.attribute for leaf in leaves if isinstance(leaf, AttributeTest)),
        fields=frozenset(leaf.field for leaf in leaves if isinstance(leaf, FieldTest)),
        tags=frozenset(tag for leaf in leaves if isinstance(leaf, TagTest) for tag in leaf.tags),
        has_tag_test=_has(leaves, TagTest),
        topics=states | frozenset(leaf.of.topic for leaf in acts if leaf.of.topic),
        topic_states=states,
        segments=frozenset(leaf.segment for leaf in leaves if isinstance(leaf, SegmentTest)),
        campaigns=frozenset(leaf.of.campaign for leaf in acts if leaf.of.campaign),
        events=frozenset(leaf.event for leaf in leaves if isinstance(leaf, EventTest)),
        acts=frozenset(leaf.act for leaf in acts),
        launches=any(leaf.of.topic or leaf.of.last is not None for leaf in acts),
        standing=_has(leaves, StandingTest),
        source=_has(leaves, SourceTest),
        address=_has(leaves, AddressTest),
        score=_has(leaves, ScoreTest),
        depends_on_time=any(map(_depends_on_time, leaves)),
    )


def _has(leaves: list[Leaf], kind: type) -> bool:
    return any(isinstance(leaf, kind) for leaf in leaves)


def _depends_on_time(leaf: Leaf) -> bool:
    """May the answer change although nothing happens to the contact?"""
    match leaf:
        case ScoreTest():
            return True  # what is recent grows old
        case StandingTest():
            return leaf.standing is not Standing.RESTRICTED  # suppressions end by themselves
        case ActivityTest() | EventTest() | TopicTest() if leaf.period.last_days is not None:
            return True
        case _:
            return any(isinstance(value, RelativeDay) for value in _iter_values(leaf))


def _iter_values(leaf: Leaf) -> Iterator[object]:
    match leaf:
        case AttributeTest() | FieldTest():
            yield from _list_scalars(leaf.value)
        case EventTest():
            for measure in leaf.measures:
                yield from _list_scalars(measure.value)
        case _:
            pass


def _list_scalars(value: Value) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)
