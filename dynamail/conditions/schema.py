"""The condition language as a JSON Schema (draft 2020-12), for editors and for generated clients.

It says what each part looks like. What depends on two parts at once (a first day after the last one), on depth or on the account,
`parse_condition` and `check_condition` say.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from dynamail.conditions import leaves, reading
from dynamail.conditions.operators import (
    FIELD_OPERATORS,
    NO_VALUE,
    PROPERTY_OPERATORS,
    TAG_OPERATORS,
    TIMES_OPERATORS,
    find_measure_operators,
)
from dynamail.conditions.tree import (
    MAX_DAYS,
    MAX_LEAVES,
    MAX_TEXT,
    MAX_VALUES,
    Act,
    Field,
    Finding,
    Measure,
    Op,
    Standing,
    TopicState,
)

DRAFT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]
_TEXT_OPS = (Op.CONTAINS, Op.NOT_CONTAINS, Op.BEGINS, Op.ENDS)
_NUMBER_OPS = (Op.LESS, Op.AT_MOST, Op.MORE, Op.AT_LEAST)
_LIST_OPS = (Op.HAS_ANY, Op.HAS_ALL, Op.HAS_NONE)


def json_schema() -> Schema:
    """The whole schema; `docs/api/condition.schema.json` is a copy of it."""
    return {
        "$schema": DRAFT,
        "title": "Condition",
        "description": "Which contacts are meant. An empty object is everybody.",
        "anyOf": [{"type": "object", "maxProperties": 0}, _ref("condition")],
        "$defs": {
            "condition": {"anyOf": [_ref(name) for name in ("all", "any", "not", *leaves.LEAVES)]},
            **_define_groups(),
            **_define_values(),
            **_define_person_leaves(),
            **_define_act_leaves(),
        },
    }


def _define_groups() -> dict[str, Schema]:
    members = {"type": "array", "items": _ref("condition"), "maxItems": MAX_LEAVES}
    return {
        "all": _object("All of these hold; none listed is everybody.", {"all": members}),
        "any": _object("At least one of these holds.", {"any": {**members, "minItems": 1}}),
        "not": _object("This does not hold.", {"not": _ref("condition")}),
    }


def _define_values() -> dict[str, Schema]:
    text = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
    day = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
    days = {"type": "integer", "minimum": -MAX_DAYS, "maximum": MAX_DAYS}
    moment = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$"
    return {
        "text": {"description": "Compared exactly; contains, begins and ends ignore letter case.", **text},
        "number": {"description": f"Up to {reading.MAX_DIGITS} digits.", "type": "number"},
        "day": {"description": "A day of the calendar, years 1800 to 2999.", **day},
        "relative_day": _object("A day counted from today: 0 today, -30 thirty days ago.", {"days": days}),
        "exact_moment": {"description": "With its offset from UTC.", "type": "string", "pattern": moment},
        "moment": {"anyOf": [_ref("day"), _ref("relative_day"), _ref("exact_moment")]},
        "plain": {"anyOf": [_ref("text"), _ref("number")]},
        "scalar": {"anyOf": [_ref("text"), _ref("number"), {"type": "boolean"}, _ref("relative_day")]},
        "period": _define_period(),
        "test_of_event": _define_property_test(),
        "measure_of_events": _define_measure(),
    }


def _define_period() -> Schema:
    last = {"last_days": {"type": "integer", "minimum": 1, "maximum": MAX_DAYS}}
    between = {"from": _ref("day"), "to": _ref("day")}
    return {
        "description": "The last days with today, or days of the account's time zone, both included.",
        "anyOf": [_object("", last), {**_object("", between, optional=between), "minProperties": 1}],
    }


def _define_person_leaves() -> dict[str, Schema]:
    no = {"not": {"type": "boolean"}}
    return {
        "attribute": _define_attribute(),
        "field": _define_field(),
        "tag": _define_tag(),
        "topic": _leaf(
            "topic",
            "Where the contact stands on a topic.",
            {"topic": _id("top"), "state": _words(TopicState)},
            {**no, "period": _ref("period"), "basis": _words(leaves.Basis)},
        ),
        "source": _leaf(
            "source",
            "How the contact came in; `id` names an import.",
            {"source": _words(leaves.SourceKind)},
            {"id": _name(64), **no},
        ),
        "segment": _leaf("segment", "In another segment.", {"segment": _id("seg")}, no),
        "standing": _leaf(
            "standing",
            "Free to be mailed, suppressed or restricted.",
            {"standing": _words(Standing)},
            {**no, "reason": _words(leaves.SuppressionReason)},
        ),
        "address": _leaf(
            "address", "What the check of the address noticed.", {"finding": _words(Finding)}, no
        ),
        "random": _leaf(
            "random",
            "A share of all contacts, the same ones each time.",
            {"percent": {"type": "number", "minimum": 0.01, "maximum": 99.99}},
            {"salt": _name(reading.MAX_NAME)},
        ),
        "engagement": _define_score(),
    }


def _define_attribute() -> Schema:
    key = {
        "attribute": {
            "description": "The key of the attribute.",
            "type": "string",
            "pattern": "^[a-z][a-z0-9_-]{0,59}$",
        }
    }
    return {
        "description": "An attribute of the contact. Its type decides which operators it takes.",
        "anyOf": [_leaf("attribute", "", {**key, **test}) for test in _tests(tuple(Op))],
    }


def _define_field() -> Schema:
    branches = []
    for field, operators in FIELD_OPERATORS.items():
        name = {"field": {"const": field.value}}
        tests = _tests(
            operators, equals=_ref("moment" if field is Field.CREATED else "text"), several=_ref("text")
        )
        branches += [_leaf("field", "", {**name, **test}) for test in tests]
    return {"description": "What every contact has. Email and domain ignore letter case.", "anyOf": branches}


def _define_tag() -> Schema:
    tags = {"type": "array", "items": _id("tag"), "minItems": 1, "maxItems": MAX_VALUES}
    with_tags = {"op": _one_of(op for op in TAG_OPERATORS if op not in NO_VALUE), "tags": tags}
    return {
        "description": "Tags of the contact.",
        "anyOf": [_leaf("tag", "", with_tags), _leaf("tag", "", {"op": _one_of((Op.EMPTY, Op.FILLED))})],
    }


def _define_score() -> Schema:
    score = {"type": "integer", "minimum": 0, "maximum": 100}
    one = {"op": _one_of((Op.AT_LEAST, Op.AT_MOST)), "value": score}
    pair = {"op": _one_of((Op.BETWEEN,)), "value": _pair(score)}
    return {
        "description": "The engagement score, 0 to 100.",
        "anyOf": [_leaf("engagement", "", one), _leaf("engagement", "", pair)],
    }


def _define_act_leaves() -> dict[str, Schema]:
    times = _object(
        "How often: at least, at most or exactly n times. With `messages`, different messages count instead of acts.",
        {
            "op": _one_of(TIMES_OPERATORS),
            "n": {"type": "integer", "minimum": 0, "maximum": leaves.MAX_TIMES},
            "messages": {"type": "boolean"},
        },
        optional=("messages",),
    )
    tests = {"type": "array", "items": _ref("test_of_event"), "minItems": 1, "maxItems": leaves.MAX_WHERE}
    measures = {
        "type": "array",
        "items": _ref("measure_of_events"),
        "minItems": 1,
        "maxItems": leaves.MAX_MEASURES,
    }
    return {
        "activity": _leaf(
            "activity",
            "What happened between the contact and a message. Without `times`: at least once.",
            {"act": _words(Act)},
            {"of": _define_choice(), "times": times, "period": _ref("period")},
        ),
        "event": _leaf(
            "event",
            "The account's own events that fit `where` in the period. Without `measures`: at least one.",
            {"event": _name(reading.MAX_NAME)},
            {"where": tests, "measures": measures, "period": _ref("period")},
        ),
    }


def _define_choice() -> Schema:
    link = {"type": "integer", "minimum": 0, "maximum": leaves.MAX_LINK}
    last = {"type": "integer", "minimum": 1, "maximum": leaves.MAX_LAST_CAMPAIGNS}
    by_campaign = {"campaign": _id("cmp"), "link": link}
    by_topic = {"topic": _id("top"), "last": last}
    return {
        "description": "Messages of a campaign (and clicks of its link), of a topic, of the last campaigns. Without it: any.",
        "anyOf": [_object("", by_campaign, optional=("link",)), _object("", by_topic, optional=by_topic)],
    }


def _define_property_test() -> Schema:
    name = {"property": _name(reading.MAX_NAME)}
    plain = {"anyOf": [_ref("plain"), {"type": "boolean"}]}
    tests = _tests(PROPERTY_OPERATORS, equals=plain, numbers_only=True)
    return {
        "description": "Asked of one property of one event.",
        "anyOf": [_object("", {**name, **test}) for test in tests],
    }


def _define_measure() -> Schema:
    name = {"property": _name(reading.MAX_NAME)}
    count, ends = (Measure.COUNT,), (Measure.FIRST, Measure.LAST)
    others = [measure for measure in Measure if measure not in (*count, *ends)]
    numbers = _tests(find_measure_operators(Measure.SUM, "x"), equals=_ref("number"), numbers_only=True)
    moments = _tests(find_measure_operators(Measure.LAST, ""), equals=_ref("moment"))
    plain = {"anyOf": [_ref("plain"), {"type": "boolean"}]}
    values = _tests(PROPERTY_OPERATORS, equals=plain, numbers_only=True)
    branches = [
        *(_object("", {"measure": _one_of(count), **test}) for test in numbers),
        *(_object("", {"measure": _one_of(others), **name, **test}) for test in numbers),
        *(_object("", {"measure": _one_of(ends), **name, **test}) for test in values),
        *(_object("", {"measure": _one_of(ends), **test}) for test in moments),
    ]
    return {
        "description": "Asked of all events that fit: how many, what they sum up to, the last one.",
        "anyOf": branches,
    }


def _tests(
    operators: Iterable[Op],
    *,
    equals: Schema | None = None,
    several: Schema | None = None,
    numbers_only: bool = False,
) -> list[Schema]:
    """`op` and `value` for each group of operators that takes one kind of value."""
    number, moment = _pair(_ref("number")), _pair(_ref("moment"))
    listed = {"type": "array", "minItems": 1, "maxItems": MAX_VALUES}
    groups: list[tuple[tuple[Op, ...], Schema | None]] = [
        ((Op.EQUALS, Op.DIFFERS), equals or _ref("scalar")),
        (_TEXT_OPS, _ref("text")),
        ((Op.IN, Op.NOT_IN), {**listed, "items": several or _ref("plain")}),
        (_LIST_OPS, {**listed, "items": _ref("text")}),
        (_NUMBER_OPS, _ref("number")),
        ((Op.BEFORE, Op.AFTER), _ref("moment")),
        ((Op.BETWEEN,), number if numbers_only else {"anyOf": [number, moment]}),
        ((Op.ANNIVERSARY,), _pair(_ref("relative_day"))),
        ((Op.EMPTY, Op.FILLED), None),
    ]
    known = set(operators)
    chosen = [([op for op in group if op in known], value) for group, value in groups]
    return [{"op": _one_of(group), **({"value": value} if value else {})} for group, value in chosen if group]


def _leaf(
    kind: str, description: str, required: dict[str, Schema], optional: dict[str, Schema] | None = None
) -> Schema:
    properties = {"kind": {"const": kind}, **required, **(optional or {})}
    return _object(description, properties, optional=optional or ())


def _object(description: str, properties: dict[str, Schema], *, optional: Iterable[str] = ()) -> Schema:
    """An object with these properties and no others."""
    left_out = set(optional)
    return {
        **({"description": description} if description else {}),
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in left_out],
        "additionalProperties": False,
    }


def _pair(item: Schema) -> Schema:
    return {"type": "array", "items": item, "minItems": 2, "maxItems": 2}


def _words(words: type[StrEnum]) -> Schema:
    return _one_of(words)


def _one_of(words: Iterable[StrEnum]) -> Schema:
    return {"enum": [word.value for word in words]}


def _id(prefix: str) -> Schema:
    return {"type": "string", "pattern": f"^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"}


def _name(limit: int) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": limit}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
