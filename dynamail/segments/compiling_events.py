"""The account's own events: which of them fit, and what they measure together."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import LiteralString

from dynamail.conditions.evaluating import holds_without_events
from dynamail.conditions.tree import EventTest, Measure, MeasureTest, Op, PropertyTest, Scalar, Value
from dynamail.lib.sql import SqlFragment
from dynamail.segments.compiling_contacts import SAME_CONTACT, exist, exist_group, keep_to_account, within
from dynamail.segments.compiling_values import (
    NEGATIONS,
    SIGNS,
    Operand,
    ask,
    ask_boolean,
    ask_list,
    ask_moment,
    ask_number,
    ask_text,
    list_values,
)
from dynamail.segments.contexts import Form, Scope
from dynamail.segments.fragments import (
    FALSE,
    TRUE,
    bind,
    compose,
    is_storable,
    join_all,
    join_any,
    negate,
    say,
)

AT_LEAST_ONE = MeasureTest(Measure.COUNT, Op.AT_LEAST, Decimal(1))
ABSENT = SqlFragment("NULL::jsonb")


def compile_event(leaf: EventTest, scope: Scope) -> SqlFragment:
    """An event that the account never had happened to nobody."""
    event = scope.catalog.events.get(leaf.event)
    if event is None:
        return TRUE if holds_without_events(leaf) else FALSE
    tests = [compose("known.name_id = {}", bind(event.id, "bigint"))]
    tests += [*within(SqlFragment("known.at"), leaf.period, scope), *map(_ask_property_of_row, leaf.where)]
    if leaf.measures == (AT_LEAST_ONE,):
        return FALSE if FALSE in tests else exist("custom_event", tests, scope)
    return _measure(leaf, tests, scope)


def _measure(leaf: EventTest, tests: list[SqlFragment], scope: Scope) -> SqlFragment:
    measured = join_all(_ask_measure(measure, scope) for measure in leaf.measures)
    if scope.form == Form.EACH:
        kept = join_all([keep_to_account(scope), SAME_CONTACT, *tests])
        return compose("(SELECT {} FROM custom_event AS known WHERE {})", measured, kept)
    also_without = holds_without_events(leaf)
    wanted = negate(measured) if also_without else measured
    return say(exist_group("custom_event", tests, wanted, scope), negated=also_without)


def _ask_property_of_row(test: PropertyTest) -> SqlFragment:
    value = ABSENT
    if is_storable(test.property):
        value = compose("(known.properties->{})", bind(test.property, "text"))
    return ask_property(value, test.op, test.value)


def ask_property(json: SqlFragment, op: Op, value: Value) -> SqlFragment:
    """A JSON value asked by what it is compared with: a text with texts, a number with numbers."""
    if positive := NEGATIONS.get(op):
        return negate(ask_property(json, positive, value))
    if op == Op.FILLED:
        return compose("coalesce({} NOT IN ('null', '\"\"', '[]'), FALSE)", json)
    if op == Op.IN:
        return join_any(_ask_typed(json, op, values) for values in _group_by_type(value))
    return _ask_typed(json, op, value)


def _ask_typed(json: SqlFragment, op: Op, value: Value) -> SqlFragment:
    first = list_values(value)[0]
    if op in (Op.HAS_ANY, Op.HAS_ALL):
        return ask(Operand(json, _is_type(json, "array")), op, value, ask_list)
    if isinstance(first, bool):
        return ask(Operand(json, _is_type(json, "boolean")), op, value, ask_boolean)
    if isinstance(first, Decimal):
        number = compose("(CASE WHEN jsonb_typeof({}) = 'number' THEN {}::numeric END)", json, json)
        return ask(Operand(number, _is_type(json, "number")), op, value, ask_number)
    text = compose("({} #>> ARRAY[]::text[])", json)
    return ask(Operand(text, _is_type(json, "string")), op, value, ask_text)


def _group_by_type(value: Value) -> list[tuple[Scalar, ...]]:
    numbers = tuple(one for one in list_values(value) if isinstance(one, Decimal))
    others = tuple(one for one in list_values(value) if isinstance(one, str))
    return [kind for kind in (numbers, others) if kind]


def _is_type(json: SqlFragment, type: LiteralString) -> SqlFragment:
    return compose("coalesce(jsonb_typeof({}) = {}, FALSE)", json, bind(type, "text"))


def _ask_measure(test: MeasureTest, scope: Scope) -> SqlFragment:
    match test.measure:
        case Measure.COUNT:
            return ask(Operand(SqlFragment("count(*)"), TRUE), test.op, test.value, ask_number)
        case Measure.FIRST | Measure.LAST if not test.property:
            edge = SqlFragment("min(known.at)" if test.measure == Measure.FIRST else "max(known.at)")
            moment = Operand(edge, compose("{} IS NOT NULL", edge))
            return ask(moment, test.op, test.value, partial(ask_moment, calendar=scope.calendar))
        case Measure.FIRST | Measure.LAST:
            return ask_property(_find_edge(test), test.op, test.value)
    return _ask_number_measure(test)


def _find_edge(test: MeasureTest) -> SqlFragment:
    """The property in the first or last event."""
    if not is_storable(test.property):
        return ABSENT
    order = "known.at, known.id" if test.measure == Measure.FIRST else "known.at DESC, known.id DESC"
    return compose(
        f"(array_agg(known.properties->{{}} ORDER BY {order}))[1]",
        bind(test.property, "text"),  # type: ignore[arg-type]
    )


def _ask_number_measure(test: MeasureTest) -> SqlFragment:
    json = ABSENT
    if is_storable(test.property):
        json = compose("(known.properties->{})", bind(test.property, "text"))
    number = compose("CASE WHEN jsonb_typeof({}) = 'number' THEN {}::numeric END", json, json)
    if test.measure == Measure.SUM:
        total = compose("coalesce(sum({}), 0)", number)
        return ask(Operand(total, TRUE), test.op, test.value, ask_number)
    if test.measure == Measure.AVERAGE:
        return _ask_average(number, test.op, test.value)
    edge = compose("min({})" if test.measure == Measure.MIN else "max({})", number)
    return ask(Operand(edge, compose("{} IS NOT NULL", edge)), test.op, test.value, ask_number)


def _ask_average(number: SqlFragment, op: Op, value: Value) -> SqlFragment:
    """The sum against the value times the count: a quotient would be rounded."""
    if positive := NEGATIONS.get(op):
        return negate(_ask_average(number, positive, value))
    total, count = compose("sum({})", number), compose("count({})", number)
    there = compose("{} > 0", count)
    bounds = [
        compose("{} * {}", bind(one, "numeric"), count)
        for one in list_values(value)
        if isinstance(one, Decimal)
    ]
    if not bounds:
        return FALSE
    if op == Op.BETWEEN:
        test = compose("{} BETWEEN {} AND {}", total, bounds[0], bounds[-1])
    elif sign := SIGNS.get(op):
        test = compose(f"{{}} {sign} {{}}", total, bounds[0])  # type: ignore[arg-type]
    else:
        return FALSE
    return join_all([test, there])
