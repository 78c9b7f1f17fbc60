"""Attributes and columns of a contact."""

from __future__ import annotations

from functools import partial
from typing import LiteralString, cast

from dynamail.conditions.catalog import KnownAttribute
from dynamail.conditions.folding import fold
from dynamail.conditions.tree import AttributeTest, Field, FieldTest, Op, Value
from dynamail.lib.sql import SqlFragment
from dynamail.segments.compiling_values import (
    NEGATIONS,
    Operand,
    ask,
    ask_boolean,
    ask_day_text,
    ask_list,
    ask_moment,
    ask_moment_text,
    ask_number,
    ask_text,
)
from dynamail.segments.contexts import Scope
from dynamail.segments.fragments import FALSE, TRUE, compose

ZONE_NAME = SqlFragment("contact.timezone")
FOLDED = frozenset((Field.EMAIL, Field.DOMAIN))  # their columns hold the folded address
DAY_LENGTH, MOMENT_LENGTH = 10, 20  # 2026-03-31, 2026-03-31T14:30:00Z; a text of another length is none
COLUMNS = {
    Field.EMAIL: SqlFragment("contact.email_key"),
    Field.DOMAIN: SqlFragment("split_part(contact.email_key, '@', -1)"),
    Field.NAME: SqlFragment("contact.name"),
    Field.LANGUAGE: SqlFragment("contact.language"),
    Field.TIMEZONE: SqlFragment("contact.timezone"),
}


def compile_attribute(leaf: AttributeTest, scope: Scope) -> SqlFragment:
    """An attribute that the account does not have is missing for everybody."""
    attribute = scope.catalog.attributes.get(leaf.attribute)
    if attribute is None:
        return TRUE if leaf.op in NEGATIONS else FALSE
    operand = read_attribute(attribute.number, attribute.type)

    def test(operand: Operand, op: Op, value: Value) -> SqlFragment:
        return _ask_typed(attribute, operand, op, value, scope)

    return ask(operand, leaf.op, leaf.value, test)


def compile_field(leaf: FieldTest, scope: Scope) -> SqlFragment:
    if leaf.field == Field.CREATED:
        operand = Operand(SqlFragment("contact.created_at"), TRUE)
        return ask(operand, leaf.op, leaf.value, partial(ask_moment, calendar=scope.calendar))
    column = COLUMNS[leaf.field]
    value = _fold_values(leaf.value) if leaf.field in FOLDED else leaf.value
    return ask(Operand(column, compose("{} <> ''", column)), leaf.op, value, ask_text)


def _fold_values(value: Value) -> Value:
    if isinstance(value, tuple):
        return tuple(fold(one) if isinstance(one, str) else one for one in value)
    return fold(value) if isinstance(value, str) else value


def read_attribute(number: int, type: str) -> Operand:
    """The value of an attribute as its type has it. The forms of `value` and of the first test of `there` are those that the
    expression indexes of `indexing.py` have; they meet only when they are written alike.
    """
    key = str(int(number))
    json = f"contact.attributes->'{key}'"
    exists = f"contact.attributes ? '{key}'"
    kind = f"jsonb_typeof({json})"
    text = f"((contact.attributes->>'{key}') COLLATE \"C\")"
    value, there = {
        "number": (f"(CASE WHEN {kind} = 'number' THEN ({json})::numeric END)", f"{kind} = 'number'"),
        "boolean": (f"({json})", f"{kind} = 'boolean'"),
        "list": (f"({json})", f"{kind} = 'array' AND ({json}) <> '[]'"),
        "date": (text, f"{kind} = 'string' AND length({text}) = {DAY_LENGTH}"),
        "time": (text, f"{kind} = 'string' AND length({text}) = {MOMENT_LENGTH}"),
    }.get(type, (text, f"{kind} = 'string' AND {text} <> ''"))
    return Operand(_own(value), _own(f"({exists} AND {there})"))


def _own(text: str) -> SqlFragment:
    return SqlFragment(cast(LiteralString, text))  # made of our words and a number


def _ask_typed(
    attribute: KnownAttribute, operand: Operand, op: Op, value: Value, scope: Scope
) -> SqlFragment:
    match attribute.type:
        case "number":
            return ask_number(operand, op, value)
        case "boolean":
            return ask_boolean(operand, op, value)
        case "date":
            return ask_day_text(operand, op, value, scope.calendar, ZONE_NAME)
        case "time":
            return ask_moment_text(operand, op, value, scope.calendar)
        case "list":
            return ask_list(operand, op, value)
    return ask_text(operand, op, value)
