"""From a condition to its JSON: one form for one meaning, and `parse_condition` gives back what was printed."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any, assert_never

from dynamail.conditions.days import write_moment
from dynamail.conditions.tree import (
    ActivityTest,
    AddressTest,
    AttributeTest,
    Condition,
    EventTest,
    FieldTest,
    Group,
    Leaf,
    MeasureTest,
    MessageChoice,
    Not,
    Period,
    PropertyTest,
    RandomTest,
    RelativeDay,
    Scalar,
    ScoreTest,
    SegmentTest,
    SourceTest,
    StandingTest,
    TagTest,
    Times,
    TopicTest,
    Value,
)

_DEFAULT_MEASURES = EventTest("").measures


def dumps(condition: Condition) -> str:
    """The JSON as text, the same for equal conditions."""
    return json.dumps(to_json(condition), ensure_ascii=False, separators=(",", ":"))


def to_json(condition: Condition) -> dict[str, Any]:
    if isinstance(condition, Group):
        return {condition.match.value: [to_json(member) for member in condition.members]}
    if isinstance(condition, Not):
        return {"not": to_json(condition.member)}
    return {key: value for key, value in _print_leaf(condition).items() if value is not None}


def _print_leaf(leaf: Leaf) -> dict[str, Any]:  # noqa: C901, PLR0911, PLR0912 - one line for each kind
    match leaf:
        case AttributeTest():
            return {"kind": "attribute", "attribute": leaf.attribute, **_print_test(leaf)}
        case FieldTest():
            return {"kind": "field", "field": leaf.field.value, **_print_test(leaf)}
        case TagTest():
            return {"kind": "tag", "op": leaf.op.value, "tags": list(leaf.tags) or None}
        case TopicTest():
            return _print_topic(leaf)
        case SourceTest():
            return {
                "kind": "source",
                "source": leaf.source,
                "id": leaf.id or None,
                "not": leaf.negated or None,
            }
        case SegmentTest():
            return {"kind": "segment", "segment": leaf.segment, "not": leaf.negated or None}
        case StandingTest():
            return _print_standing(leaf)
        case AddressTest():
            return {"kind": "address", "finding": leaf.finding.value, "not": leaf.negated or None}
        case ActivityTest():
            return _print_activity(leaf)
        case EventTest():
            return _print_event(leaf)
        case RandomTest():
            return {"kind": "random", "percent": print_scalar(leaf.percent), "salt": leaf.salt or None}
        case ScoreTest():
            return {"kind": "engagement", **_print_test(leaf)}
        case _:
            assert_never(leaf)


def _print_topic(leaf: TopicTest) -> dict[str, Any]:
    return {
        "kind": "topic",
        "topic": leaf.topic,
        "state": leaf.state.value,
        "not": leaf.negated or None,
        "period": _print_period(leaf.period),
        "basis": leaf.basis or None,
    }


def _print_standing(leaf: StandingTest) -> dict[str, Any]:
    negated, reason = leaf.negated or None, leaf.reason or None
    return {"kind": "standing", "standing": leaf.standing.value, "not": negated, "reason": reason}


def _print_activity(leaf: ActivityTest) -> dict[str, Any]:
    return {
        "kind": "activity",
        "act": leaf.act.value,
        "of": _print_choice(leaf.of),
        "times": _print_times(leaf.times),
        "period": _print_period(leaf.period),
    }


def _print_event(leaf: EventTest) -> dict[str, Any]:
    return {
        "kind": "event",
        "event": leaf.event,
        "where": [_filled({"property": test.property, **_print_test(test)}) for test in leaf.where] or None,
        "measures": None
        if leaf.measures == _DEFAULT_MEASURES
        else [_print_measure(test) for test in leaf.measures],
        "period": _print_period(leaf.period),
    }


def _print_measure(test: MeasureTest) -> dict[str, Any]:
    return _filled({"measure": test.measure.value, "property": test.property or None, **_print_test(test)})


def _print_choice(of: MessageChoice) -> dict[str, Any] | None:
    entries = {"campaign": of.campaign or None, "link": of.link, "topic": of.topic or None, "last": of.last}
    return _filled(entries) or None


def _print_times(times: Times) -> dict[str, Any] | None:
    if times == Times():
        return None
    return _filled({"op": times.op.value, "n": times.n, "messages": times.messages or None})


def _print_period(period: Period) -> dict[str, Any] | None:
    days = {"from": period.first_day, "to": period.last_day}
    written = {key: day.isoformat() if day else None for key, day in days.items()}
    return _filled({"last_days": period.last_days, **written}) or None


def _print_test(test: AttributeTest | FieldTest | PropertyTest | MeasureTest | ScoreTest) -> dict[str, Any]:
    return {"op": test.op.value, "value": print_value(test.value)}


def print_value(value: Value) -> Any:
    """The JSON of a value; None for no value."""
    if value is None:
        return None
    return [print_scalar(item) for item in value] if isinstance(value, tuple) else print_scalar(value)


def print_scalar(value: Scalar) -> Any:
    if isinstance(value, Decimal):  # of up to 15 digits, which a float keeps
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, RelativeDay):
        return {"days": value.days}
    return write_moment(value) if isinstance(value, date) else value


def _filled(entries: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entries.items() if value is not None}
