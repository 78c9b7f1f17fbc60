"""From the JSON of one leaf to the leaf: what each kind has, and which values its operators take."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from dynamail.conditions import reading
from dynamail.conditions.faults import join_path, show_text
from dynamail.conditions.operators import (
    FIELD_OPERATORS,
    NO_VALUE,
    PROPERTY_OPERATORS,
    SCORE_OPERATORS,
    SEVERAL_VALUES,
    TAG_OPERATORS,
    TIMES_OPERATORS,
    find_measure_operators,
)
from dynamail.conditions.reading import Node, Notes, list_words
from dynamail.conditions.tree import (
    MAX_DAYS,
    Act,
    ActivityTest,
    AddressTest,
    AttributeTest,
    EventTest,
    Field,
    FieldTest,
    Finding,
    Leaf,
    Measure,
    MeasureTest,
    MessageChoice,
    Op,
    Period,
    PropertyTest,
    RandomTest,
    Scalar,
    ScoreTest,
    SegmentTest,
    SourceTest,
    Standing,
    StandingTest,
    TagTest,
    Times,
    TopicState,
    TopicTest,
    Value,
)

MAX_TIMES = 1_000_000
MAX_LAST_CAMPAIGNS = 1_000
MAX_LINK = 32_767
MAX_WHERE = 20  # of one event
MAX_MEASURES = 10

_ATTRIBUTE_KEY = re.compile(r"[a-z][a-z0-9_-]{0,59}")
Test = TypeVar("Test", PropertyTest, MeasureTest)


class SourceKind(StrEnum):
    """How a contact came in."""

    FORM = "form"
    IMPORT = "import"
    API = "api"
    INTEGRATION = "integration"
    DEMO = "demo"


class Basis(StrEnum):
    CONSENT = "consent"
    CONTRACT = "contract"
    LAW = "law"


class SuppressionReason(StrEnum):
    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    MANUAL = "manual"
    ERASURE = "erasure"


def _read_attribute(node: Node) -> Leaf:
    key = node.text("attribute")
    if key and not _ATTRIBUTE_KEY.fullmatch(key):
        node.blame("attribute", "bad_key", value=show_text(key))
    op = node.word("op", Op)
    return AttributeTest(key, op, _read_value(node, op))


def _read_field(node: Node) -> Leaf:
    field = node.word("field", Field)
    op = _read_op(node, FIELD_OPERATORS[field])
    if op is None:
        return FieldTest(field, Op.EQUALS)
    return FieldTest(
        field, op, _read_moment_value(node, op) if field is Field.CREATED else _read_text_value(node, op)
    )


def _read_tag(node: Node) -> Leaf:
    op = _read_op(node, TAG_OPERATORS)
    if op in NO_VALUE:
        if node.has("tags"):
            node.take("tags")
            node.blame("tags", "value_not_here", op=op)
        return TagTest(op)
    items = node.items("tags", reading.MAX_VALUES)
    path = node.at("tags")
    tags = [
        reading.read_id(node.notes, item, join_path(path, place), "tag") for place, item in enumerate(items)
    ]
    return TagTest(op or Op.HAS_ANY, tuple(dict.fromkeys(tags)))


def _read_topic(node: Node) -> Leaf:
    topic, state, negated = node.id("topic", "top"), node.word("state", TopicState), node.flag("not")
    period = _read_period(node)
    basis = node.word("basis", Basis) if node.has("basis") else ""
    if state is TopicState.NEVER_ASKED and (basis or not period.is_ever):
        node.blame("basis" if basis else "period", "never_asked_alone")
    return TopicTest(topic, state, negated, period, str(basis))


def _read_source(node: Node) -> Leaf:
    source = node.word("source", SourceKind)
    return SourceTest(str(source), node.text_or_none("id", limit=64), node.flag("not"))


def _read_segment(node: Node) -> Leaf:
    return SegmentTest(node.id("segment", "seg"), node.flag("not"))


def _read_standing(node: Node) -> Leaf:
    standing, negated = node.word("standing", Standing), node.flag("not")
    reason = node.word("reason", SuppressionReason) if node.has("reason") else ""
    if reason and standing is not Standing.SUPPRESSED:
        node.blame("reason", "reason_not_here")
    return StandingTest(standing, negated, str(reason))


def _read_address(node: Node) -> Leaf:
    return AddressTest(node.word("finding", Finding), node.flag("not"))


def _read_activity(node: Node) -> Leaf:
    act = node.word("act", Act)
    of, times, period = _read_choice(node), _read_times(node), _read_period(node)
    if of.link is not None and act is not Act.CLICKED:
        node.notes.add(join_path(node.at("of"), "link"), "link_not_here")
    return ActivityTest(act, of, times, period)


def _read_choice(node: Node) -> MessageChoice:
    of = node.node("of") if node.has("of") else None
    node.take("of")
    if of is None:
        return MessageChoice()
    choice = MessageChoice(
        of.id("campaign", "cmp") if of.has("campaign") else "",
        of.whole("link", 0, MAX_LINK) if of.has("link") else None,
        of.id("topic", "top") if of.has("topic") else "",
        of.whole("last", 1, MAX_LAST_CAMPAIGNS) if of.has("last") else None,
    )
    of.close()
    if of.has("campaign") and (of.has("topic") or of.has("last")):
        of.notes.add(of.path, "several_choices")
    if of.has("link") and not of.has("campaign"):
        of.blame("link", "link_without_campaign")
    return choice


def _read_times(node: Node) -> Times:
    inside = node.node("times") if node.has("times") else None
    node.take("times")
    if inside is None:
        return Times()
    op = _read_op(inside, TIMES_OPERATORS) or Op.AT_LEAST
    times = Times(op, inside.whole("n", 0, MAX_TIMES), inside.flag("messages"))
    inside.close()
    return times


def _read_period(node: Node) -> Period:
    inside = node.node("period") if node.has("period") else None
    node.take("period")
    if inside is None:
        return Period()
    period = Period(
        inside.whole("last_days", 1, MAX_DAYS) if inside.has("last_days") else None,
        *(
            reading.read_fixed_day(inside.notes, inside.take(key), inside.at(key))
            if inside.has(key)
            else None
            for key in ("from", "to")
        ),
    )
    inside.close()
    if not {"last_days", "from", "to"} & inside.document.keys():
        inside.notes.add(inside.path, "empty_period")
    if inside.has("last_days") and (inside.has("from") or inside.has("to")):
        inside.notes.add(inside.path, "several_periods")
    if period.first_day and period.last_day and period.first_day > period.last_day:
        inside.notes.add(inside.path, "wrong_order")
    return period


def _read_event(node: Node) -> Leaf:
    event = node.text("event", limit=reading.MAX_NAME)
    where = _read_tests(node, "where", MAX_WHERE, _read_property) if node.has("where") else ()
    if not node.has("measures"):
        return EventTest(event, where, period=_read_period(node))
    measures = _read_tests(node, "measures", MAX_MEASURES, _read_measure)
    return EventTest(event, where, measures, _read_period(node))


def _read_tests(node: Node, key: str, limit: int, read: Callable[[Node], Test]) -> tuple[Test, ...]:
    found = []
    for place, item in enumerate(node.items(key, limit)):
        inside = reading.read_node(node.notes, item, join_path(node.at(key), place))
        node.notes.count_part(join_path(node.at(key), place))
        if node.notes.is_over:
            break
        if inside is not None:
            found.append(read(inside))
            inside.close()
    return tuple(found)


def _read_property(node: Node) -> PropertyTest:
    name = node.text("property", limit=reading.MAX_NAME)
    op = _read_op(node, PROPERTY_OPERATORS)
    return PropertyTest(name, op or Op.EQUALS, _read_value(node, op, of_property=True))


def _read_measure(node: Node) -> MeasureTest:
    measure = node.word("measure", Measure)
    name = node.text_or_none("property", limit=reading.MAX_NAME)
    if measure is Measure.COUNT and name:
        node.blame("property", "property_not_here")
    if not name and measure not in (Measure.COUNT, Measure.FIRST, Measure.LAST):
        node.require("property")
    op = _read_op(node, find_measure_operators(measure, name))
    if measure in (Measure.FIRST, Measure.LAST):
        value = _read_value(node, op, of_property=True) if name else _read_moment_value(node, op)
    else:
        value = _read_number_value(node, op)
    return MeasureTest(measure, op or Op.EQUALS, value, name)


def _read_random(node: Node) -> Leaf:
    before = len(node.notes.faults)
    value = node.require("percent")
    percent = (
        reading.read_number(node.notes, value, node.at("percent")) if node.has("percent") else Decimal(1)
    )
    in_range = Decimal("0.01") <= percent <= Decimal("99.99") and percent * 100 % 1 == 0
    if len(node.notes.faults) == before and not in_range:
        node.blame("percent", "out_of_range", low="0.01", high="99.99")
    return RandomTest(percent, node.text_or_none("salt", limit=reading.MAX_NAME))


def _read_score(node: Node) -> Leaf:
    op = _read_op(node, SCORE_OPERATORS)
    value = _read_number_value(node, op)
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, Decimal) and not (0 <= number <= 100 and number % 1 == 0):
            node.blame("value", "out_of_range", low=0, high=100)
    return ScoreTest(op or Op.AT_LEAST, value)


LEAVES: dict[str, Callable[[Node], Leaf]] = {
    "attribute": _read_attribute,
    "field": _read_field,
    "tag": _read_tag,
    "topic": _read_topic,
    "source": _read_source,
    "segment": _read_segment,
    "standing": _read_standing,
    "address": _read_address,
    "activity": _read_activity,
    "event": _read_event,
    "random": _read_random,
    "engagement": _read_score,
}


# --- values by operator ---


def _read_op(node: Node, possible: Collection[Op]) -> Op | None:
    """None after a fault; then nothing can be said about the value."""
    before = len(node.notes.faults)
    op = node.word("op", Op)
    if len(node.notes.faults) == before and op in possible:
        return op
    if len(node.notes.faults) == before:
        node.blame("op", "op_not_here", op=op, choices=list_words(possible))
    node.take("value")
    return None


def _take_value(node: Node, op: Op | None) -> tuple[object, bool]:
    """The value, and whether there is one to read. Of an unknown operator nothing can be said."""
    if op is None or op in NO_VALUE:
        if op is not None and node.has("value"):
            node.blame("value", "value_not_here", op=op)
        node.take("value")
        return None, False
    return node.require("value"), node.has("value")


def _read_value(node: Node, op: Op | None, *, of_property: bool = False) -> Value:
    """What any operator takes, for values whose type is not known here."""
    value, exists = _take_value(node, op)
    if not exists or op is None:
        return None
    if op is Op.BETWEEN:
        return _read_span(node.notes, value, node.at("value"), of_property=of_property)
    if op is Op.ANNIVERSARY:
        return reading.read_anniversary(node.notes, value, node.at("value"))
    read = _find_reader(op, value, of_property=of_property)
    if op in SEVERAL_VALUES:
        return reading.read_each(node.notes, value, node.at("value"), read)
    return read(node.notes, value, node.at("value"))


def _find_reader(op: Op, value: object, *, of_property: bool) -> Callable[[Notes, object, str], Scalar]:
    if reader := _READERS.get(op):
        return reader
    return reading.read_plain if of_property and not isinstance(value, bool) else reading.read_scalar


_READERS: dict[Op, Callable[[Notes, object, str], Scalar]] = {
    **dict.fromkeys((Op.CONTAINS, Op.NOT_CONTAINS, Op.BEGINS, Op.ENDS), reading.read_text),
    **dict.fromkeys((Op.HAS_ANY, Op.HAS_ALL, Op.HAS_NONE), reading.read_text),
    **dict.fromkeys((Op.IN, Op.NOT_IN), reading.read_plain),
    **dict.fromkeys((Op.LESS, Op.AT_MOST, Op.MORE, Op.AT_LEAST), reading.read_number),
    **dict.fromkeys((Op.BEFORE, Op.AFTER), reading.read_moment_value),
}


def _read_span(notes: Notes, value: object, path: str, *, of_property: bool) -> Value:
    """Two numbers or two moments: what the first one is, the other has to be."""
    has_numbers = of_property or (isinstance(value, list) and any(map(reading.is_number, value)))
    return reading.read_pair(
        notes, value, path, reading.read_number if has_numbers else reading.read_moment_value
    )


def _read_text_value(node: Node, op: Op) -> Value:
    value, exists = _take_value(node, op)
    if not exists:
        return None
    if op in SEVERAL_VALUES:
        return reading.read_each(node.notes, value, node.at("value"), reading.read_text)
    return reading.read_text(node.notes, value, node.at("value"))


def _read_number_value(node: Node, op: Op | None) -> Value:
    value, exists = _take_value(node, op)
    if not exists:
        return None
    if op is Op.BETWEEN:
        return reading.read_pair(node.notes, value, node.at("value"), reading.read_number)
    return reading.read_number(node.notes, value, node.at("value"))


def _read_moment_value(node: Node, op: Op | None) -> Value:
    value, exists = _take_value(node, op)
    if not exists:
        return None
    if op is Op.BETWEEN:
        return reading.read_pair(node.notes, value, node.at("value"), reading.read_moment_value)
    return reading.read_moment_value(node.notes, value, node.at("value"))
