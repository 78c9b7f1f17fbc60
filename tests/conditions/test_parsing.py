from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from dynamail.conditions.faults import TEXTS, ConditionFault, Fault
from dynamail.conditions.parsing import parse_condition, read_condition
from dynamail.conditions.printing import dumps, to_json
from dynamail.conditions.reading import MAX_FAULTS
from dynamail.conditions.tree import (
    EVERYBODY,
    MAX_DEPTH,
    MAX_LEAVES,
    MAX_TEXT,
    MAX_VALUES,
    AttributeTest,
    FieldTest,
    Op,
    RelativeDay,
    TagTest,
)
from tests.support.conditions import is_round, make_catalog, random_condition, random_garbage

TAG, TOPIC, SEGMENT, CAMPAIGN = (f"{prefix}_{'0' * 26}" for prefix in ("tag", "top", "seg", "cmp"))
FILLED = {"kind": "tag", "op": "filled"}


def find_faults(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(ConditionFault) as caught:
        parse_condition(document)
    return [(fault.path, fault.code) for fault in caught.value.faults]


def attribute(op: str, value: Any = ..., **more: Any) -> dict[str, Any]:
    return {
        "kind": "attribute",
        "attribute": "city",
        "op": op,
        **({} if value is ... else {"value": value}),
        **more,
    }


def read_value(op: str, value: Any) -> Any:
    leaf = parse_condition(attribute(op, value))
    assert isinstance(leaf, AttributeTest)
    return leaf.value


def test_random_conditions_are_the_same_after_printing_and_reading() -> None:
    random, catalog = Random(5), make_catalog()
    assert all(is_round(random_condition(random, catalog, 3)) for _ in range(1_000))


def test_equal_conditions_have_one_text() -> None:
    short = {"kind": "segment", "segment": SEGMENT}
    assert dumps(parse_condition(short | {"not": False})) == dumps(parse_condition(short))


@pytest.mark.parametrize("document", [{}, {"all": []}])
def test_an_empty_definition_is_everybody(document: dict[str, Any]) -> None:
    assert parse_condition(document) == EVERYBODY
    assert to_json(EVERYBODY) == {"all": []}


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        (None, [("", "not_object")]),
        ([FILLED], [("", "not_object")]),
        ({"any": []}, [("/any", "empty_any")]),
        ({"all": {}}, [("/all", "need_list")]),
        ({"all": [{}]}, [("/all/0", "no_kind")]),
        ({"not": []}, [("/not", "not_object")]),
        ({"all": [], "any": [FILLED]}, [("", "several_groups")]),
        ({"all": [FILLED], "name": "x"}, [("/name", "unknown_key")]),
        ({"kind": "eval"}, [("/kind", "unknown_kind")]),
        ({"kind": ["tag"]}, [("/kind", "need_text")]),
        ({"kind": "__class__"}, [("/kind", "unknown_kind")]),
        (attribute("equals"), [("", "missing_key")]),
        (attribute("equal", "x"), [("/op", "unknown_word")]),
        (attribute("equals", ""), [("/value", "empty_text")]),
        (attribute("equals", None), [("/value", "need_scalar")]),
        (attribute("equals", "a\x00b"), [("/value", "bad_text")]),
        (attribute("equals", "\ud800"), [("/value", "bad_text")]),
        (attribute("equals", "x" * (MAX_TEXT + 1)), [("/value", "too_long")]),
        (attribute("empty", "x"), [("/value", "value_not_here")]),
        (attribute("contains", 5), [("/value", "need_text")]),
        (attribute("less", True), [("/value", "need_number")]),
        (attribute("less", "5"), [("/value", "need_number")]),
        (attribute("less", float("nan")), [("/value", "not_finite")]),
        (attribute("less", float("-inf")), [("/value", "not_finite")]),
        (attribute("less", 10**5_000), [("/value", "too_many_digits")]),
        (attribute("less", 1e300), [("/value", "too_many_digits")]),
        (attribute("less", Decimal("1E+999999999")), [("/value", "too_many_digits")]),
        (attribute("less", 1e-300), [("/value", "too_many_digits")]),
        (attribute("less", 0.1 + 0.2), [("/value", "too_many_digits")]),
        (attribute("in", []), [("/value", "no_values")]),
        (attribute("in", "Minsk"), [("/value", "need_list")]),
        (
            attribute("in", ["a", True, {}]),
            [("/value/1", "need_text_or_number"), ("/value/2", "need_text_or_number")],
        ),
        (attribute("in", ["a"] * (MAX_VALUES + 1)), [("/value", "too_many_values")]),
        (attribute("has_any", [1]), [("/value/0", "need_text")]),
        (attribute("between", [1]), [("/value", "need_two")]),
        (attribute("between", [2, 1]), [("/value", "wrong_order")]),
        (attribute("between", [1, "2026-01-01"]), [("/value/1", "need_number")]),
        (
            attribute("between", ["2026-02-30", "b"]),
            [("/value/0", "need_moment"), ("/value/1", "need_moment")],
        ),
        (attribute("between", ["2026-01-02", "2026-01-01"]), [("/value", "wrong_order")]),
        (attribute("before", "1799-12-31"), [("/value", "need_moment")]),
        (attribute("before", "9999-12-31T23:59:59-14:00"), [("/value", "need_moment")]),
        (attribute("before", "2026-03-31T14:30:00"), [("/value", "need_moment")]),
        (attribute("before", {"days": 3_651}), [("/value/days", "out_of_range")]),
        (attribute("before", {"days": 1.5}), [("/value/days", "need_whole")]),
        (attribute("before", {"days": True}), [("/value/days", "need_whole")]),
        (attribute("before", {"day": 1}), [("/value", "missing_key"), ("/value/day", "unknown_key")]),
        (attribute("anniversary", [{"days": 5}, {"days": 1}]), [("/value", "wrong_order")]),
        (attribute("anniversary", [{"days": 0}, {"days": 367}]), [("/value", "too_wide")]),
        (attribute("anniversary", ["2026-01-01", {"days": 1}]), [("/value/0", "need_relative")]),
        ({"kind": "attribute", "attribute": "a; --", "op": "empty"}, [("/attribute", "bad_key")]),
        ({"kind": "attribute", "attribute": "__proto__", "op": "empty"}, [("/attribute", "bad_key")]),
        ({"kind": "field", "field": "email", "op": "less", "value": 1}, [("/op", "op_not_here")]),
        ({"kind": "field", "field": "email", "op": "equals", "value": 1}, [("/value", "need_text")]),
        ({"kind": "field", "field": "created", "op": "equals", "value": "x"}, [("/value", "need_moment")]),
        ({"kind": "tag", "op": "has_any"}, [("", "missing_key")]),
        (
            {"kind": "tag", "op": "has_any", "tags": [TAG, TOPIC, 1]},
            [("/tags/1", "bad_id"), ("/tags/2", "need_text")],
        ),
        ({"kind": "tag", "op": "empty", "tags": [TAG]}, [("/tags", "value_not_here")]),
        (
            {"kind": "topic", "topic": TOPIC, "state": "never_asked", "basis": "law"},
            [("/basis", "never_asked_alone")],
        ),
        ({"kind": "topic", "topic": TOPIC, "state": "pending", "not": 1}, [("/not", "need_flag")]),
        ({"kind": "source", "source": "theft"}, [("/source", "unknown_word")]),
        ({"kind": "standing", "standing": "mailable", "reason": "manual"}, [("/reason", "reason_not_here")]),
        ({"kind": "activity", "act": "opened", "of": []}, [("/of", "need_object")]),
        (
            {"kind": "activity", "act": "opened", "of": {"campaign": CAMPAIGN, "link": 1}},
            [("/of/link", "link_not_here")],
        ),
        ({"kind": "activity", "act": "clicked", "of": {"link": 1}}, [("/of/link", "link_without_campaign")]),
        (
            {"kind": "activity", "act": "sent", "of": {"campaign": CAMPAIGN, "last": 1}},
            [("/of", "several_choices")],
        ),
        (
            {"kind": "activity", "act": "sent", "times": {"op": "more", "n": 1}},
            [("/times/op", "op_not_here")],
        ),
        (
            {"kind": "activity", "act": "sent", "times": {"op": "equals", "n": -1}},
            [("/times/n", "out_of_range")],
        ),
        ({"kind": "activity", "act": "sent", "period": {}}, [("/period", "empty_period")]),
        (
            {"kind": "activity", "act": "sent", "period": {"last_days": 0}},
            [("/period/last_days", "out_of_range")],
        ),
        (
            {"kind": "activity", "act": "sent", "period": {"last_days": 3, "to": "2026-01-01"}},
            [("/period", "several_periods")],
        ),
        (
            {"kind": "activity", "act": "sent", "period": {"from": "2026-01-02", "to": "2026-01-01"}},
            [("/period", "wrong_order")],
        ),
        (
            {"kind": "activity", "act": "sent", "period": {"from": {"days": -1}}},
            [("/period/from", "need_day")],
        ),
        ({"kind": "event", "event": "x" * 101}, [("/event", "too_long")]),
        ({"kind": "event", "event": "x", "where": []}, [("/where", "no_values")]),
        ({"kind": "event", "event": "x", "where": [5]}, [("/where/0", "need_object")]),
        (
            {
                "kind": "event",
                "event": "x",
                "where": [{"property": "p", "op": "before", "value": "2026-01-01"}],
            },
            [("/where/0/op", "op_not_here")],
        ),
        (
            {"kind": "event", "event": "x", "measures": [{"measure": "sum", "op": "more", "value": 1}]},
            [("/measures/0", "missing_key")],
        ),
        (
            {
                "kind": "event",
                "event": "x",
                "measures": [{"measure": "count", "property": "p", "op": "more", "value": 1}],
            },
            [("/measures/0/property", "property_not_here")],
        ),
        ({"kind": "random", "percent": 0}, [("/percent", "out_of_range")]),
        ({"kind": "random", "percent": 0.001}, [("/percent", "out_of_range")]),
        ({"kind": "random", "percent": "10"}, [("/percent", "need_number")]),
        ({"kind": "engagement", "op": "at_least", "value": 101}, [("/value", "out_of_range")]),
        ({"kind": "engagement", "op": "equals", "value": 1}, [("/op", "op_not_here")]),
    ],
)
def test_a_fault_has_the_path_of_its_place(document: Any, faults: list[tuple[str, str]]) -> None:
    assert find_faults(document) == faults


def test_all_faults_are_found_in_the_order_of_the_document() -> None:
    document = {
        "all": [attribute("less", "x"), {"not": {"any": [FILLED, attribute("in", ["", "b"], extra=1)]}}, 5]
    }
    assert find_faults(document) == [
        ("/all/0/value", "need_number"),
        ("/all/1/not/any/1/value/0", "empty_text"),
        ("/all/1/not/any/1/extra", "unknown_key"),
        ("/all/2", "not_object"),
    ]


def test_a_key_in_a_path_is_escaped_shortened_and_printable() -> None:
    with pytest.raises(ConditionFault) as caught:
        parse_condition(FILLED | {"a/b~c": 1, "\ud800\x00": 1, "k" * 1_000_000: 1, "%(x)s": 1})
    assert [fault.path for fault in caught.value.faults] == [
        "/a~1b~0c",
        "/\ufffd\ufffd",
        f"/{'k' * 39}…",
        "/%(x)s",
    ]
    assert "“%(x)s” does not belong here." in str(caught.value)


def test_groups_lie_ten_deep_and_no_deeper() -> None:
    tower: dict[str, Any] = FILLED
    for _ in range(MAX_DEPTH):
        tower = {"all": [tower]}
    parse_condition(tower)
    assert find_faults({"not": tower}) == [("/not" + "/all/0" * (MAX_DEPTH - 1), "too_deep")]


def test_a_tower_of_a_hundred_thousand_groups_is_a_fault() -> None:
    tower: dict[str, Any] = FILLED
    for _ in range(100_000):
        tower = {"not": tower}
    assert find_faults(tower)[0][1] == "too_deep"
    while "not" in tower:  # taken down by hand: Python would recurse
        tower = tower.pop("not")


def test_a_condition_has_200_parts_and_no_more() -> None:
    assert len(parse_condition({"all": [FILLED] * MAX_LEAVES}).members) == MAX_LEAVES  # type: ignore[union-attr]
    assert find_faults({"all": [FILLED] * 100_000}) == [(f"/all/{MAX_LEAVES}", "too_many_leaves")]
    assert find_faults({"all": [{"all": []}] * 100_000}) == [(f"/all/{MAX_LEAVES}/all", "too_many_leaves")]


def test_tests_of_events_are_parts_and_lists_are_bounded_together() -> None:
    event = {"kind": "event", "event": "x", "where": [{"property": "p", "op": "filled"}] * 20}
    assert find_faults({"all": [event] * 10}) == [("/all/9/where/10", "too_many_leaves")]
    town = attribute("in", [f"Town {number}" for number in range(MAX_VALUES)])
    parse_condition({"all": [town] * 20})
    assert find_faults({"all": [town] * 100}) == [("/all/20/value", "too_many_in_all")]


def test_no_more_than_a_hundred_faults_are_listed() -> None:
    assert len(find_faults({"all": [{"kind": "tag", "op": "has_any", "tags": [1] * 400}]})) == MAX_FAULTS


def test_numbers_have_one_form() -> None:
    assert [str(read_value("less", value)) for value in (1.5, Decimal("1.50"), 100, 1e2, -0.0)] == [
        "1.5",
        "1.5",
        "100",
        "100",
        "0",
    ]
    assert to_json(parse_condition(attribute("less", 99.99)))["value"] == 99.99


def test_a_value_is_listed_once() -> None:
    assert read_value("in", ["b", "a", "b", 1, 1.0]) == ("b", "a", Decimal(1))
    assert parse_condition({"kind": "tag", "op": "has_any", "tags": [TAG, TAG]}) == TagTest(
        Op.HAS_ANY, (TAG,)
    )


def test_days_and_moments_are_read_where_only_they_can_stand() -> None:
    assert read_value("equals", "2026-03-31") == "2026-03-31"  # an attribute's type decides later
    assert read_value("equals", {"days": -3}) == RelativeDay(-3)
    assert read_value("before", "2026-03-31") == date(2026, 3, 31)
    assert read_value("before", "2026-03-31T14:30:00.987+02:00") == datetime(2026, 3, 31, 12, 30, tzinfo=UTC)
    created = {"kind": "field", "field": "created", "op": "equals", "value": "2026-03-31"}
    assert getattr(parse_condition(created), "value", None) == date(2026, 3, 31)
    assert isinstance(parse_condition(created), FieldTest)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "no_json"),
        ("{", "no_json"),
        (b"\xff", "no_json"),
        ('{"not":' * 100_000, "too_deep"),
        (f'{{"kind":"random","percent":{"9" * 5_000}}}', "no_json"),
        ('{"kind":"random","percent":NaN}', "not_finite"),
        ('{"kind":"random","percent":1e999999999}', "too_many_digits"),
        ('{"kind":"random","percent":0.10000000000000000001}', "too_many_digits"),
        ('{"all": [], "all": [{"kind":"tag","op":"empty"}]}', "no_json"),
        ('"\\ud800"', "not_object"),
    ],
)
def test_a_text_that_is_no_json_is_a_fault(text: str | bytes, code: str) -> None:
    with pytest.raises(ConditionFault) as caught:
        read_condition(text)
    assert [fault.code for fault in caught.value.faults] == [code]


def test_rubbish_is_a_fault_with_a_path_and_never_another_error() -> None:
    random = Random(77)
    for _ in range(2_000):
        document = random_garbage(random)
        for fault in list_faults(document):
            check_fault(fault)


def list_faults(document: Any) -> Sequence[Fault]:
    """Empty for a condition, which then is the same after printing and reading."""
    try:
        condition = parse_condition(document)
    except ConditionFault as error:
        return error.faults or pytest.fail("no fault is named")
    return () if is_round(condition) else pytest.fail("not the same after printing")


def check_fault(fault: Fault) -> None:
    assert fault.path == "" or fault.path.startswith("/")
    assert fault.text == TEXTS[fault.code]
    assert str(fault).isprintable()
    assert len(str(fault)) < 500
    f"{fault.path}{fault}".encode()  # a lone surrogate would raise
