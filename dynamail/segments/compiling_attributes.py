"""Attributes and columns of a contact."""

from __future__ import annotations

from functools import partial
from typing import LiteralString, cast

from dynamail.conditions.catalog import KnownAttribute
from dynamail.conditions.folding import fold
from dynamail.conditions.tree import AttributeTest, Field, FieldTest, Op, Value
from dynamail.lib.sql import SqlFragment
from dynamail.segments.compiling_values import (
    HEAD,
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
from dynamail.segments.fragments import FALSE, TRUE, compose, negate_nullable

ZONE_NAME = SqlFragment("contact.timezone")
FOLDED = frozenset((Field.EMAIL, Field.DOMAIN))  # their columns hold the folded address
JSON_KINDS = ("null", "string", "number", "boolean", "array", "object")
DAY_LENGTH, MOMENT_LENGTH = 10, 20  # 2026-03-31, 2026-03-31T14:30:00Z; a text of another length is none
COLUMNS = {
    Field.EMAIL: SqlFragment("contact.email_key"),
    Field.DOMAIN: SqlFragment("split_part(contact.email_key, '@', -1)"),
    Field.NAME: SqlFragment("contact.name"),
    Field.LANGUAGE: SqlFragment("contact.language"),
    Field.TIMEZONE: SqlFragment("contact.timezone"),
}


def compile_attribute(leaf: AttributeTest, scope: Scope, *, negated: bool = False) -> SqlFragment:
    """An attribute that the account does not have is missing for everybody."""
    negated = negated != (leaf.op in NEGATIONS)
    attribute = scope.catalog.attributes.get(leaf.attribute)
    holds = FALSE if attribute is None else _compile_positive(attribute, leaf, scope)
    return negate_nullable(holds) if negated else holds


def _compile_positive(attribute: KnownAttribute, leaf: AttributeTest, scope: Scope) -> SqlFragment:
    def test(operand: Operand, op: Op, value: Value) -> SqlFragment:
        return _ask_typed(attribute, operand, op, value, scope)

    operand = read_attribute(attribute.number, attribute.type)
    return ask(operand, NEGATIONS.get(leaf.op, leaf.op), leaf.value, test)


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
    """The value of an attribute as its type has it. The forms of `head`, or `value` where there is none, are those of the expression
    indexes of `indexing.py`: they meet only when they are written alike.

    The guards are true of nearly all that a comparison leaves. They are written so that the planner believes it: it takes two tests
    with `=` of which it has no statistics for one in forty thousand, and then loops where it should hash.
    """
    json = f"(contact.attributes->'{int(number)}')"
    kind = f"jsonb_typeof({json})"
    text = f"((contact.attributes->>'{int(number)}') COLLATE \"C\")"
    head = f"left({text}, {HEAD})"
    is_text, is_list = (f"{kind} NOT IN ({_list_kinds(besides=one)})" for one in ("string", "array"))
    match type:
        case "number":
            value = f"(CASE WHEN {kind} = 'number' THEN {json}::numeric END)"
            return _operand(value, f"{value} IS NOT NULL", "TRUE")
        case "boolean":
            return _operand(json, f"{kind} = 'boolean'", "TRUE")
        case "list":
            return _operand(json, f"({is_list} AND {json} <> '[]')", is_list)
        case "date" | "time":
            length = DAY_LENGTH if type == "date" else MOMENT_LENGTH
            shaped = f"({is_text} AND CASE WHEN length({text}) = {length} THEN TRUE ELSE FALSE END)"
            return _operand(head, shaped, shaped, head)  # of what has the length the head is the whole
    return _operand(text, f"({is_text} AND {text} <> '')", is_text, head)


def _list_kinds(*, besides: str) -> str:
    return ", ".join(f"'{kind}'" for kind in JSON_KINDS if kind != besides)


def _operand(value: str, there: str, guard: str, head: str = "") -> Operand:
    return Operand(_own(value), _own(there), _own(guard), _own(head) if head else None)


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
