"""Compares compiled conditions with evaluated ones, in bulk. `make bench-segment-differences` does it for 100,000 random trees."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connections

from dynamail.conditions.evaluating import evaluate
from dynamail.conditions.person import Context, Person
from dynamail.conditions.tree import Condition
from dynamail.segments.compiling import compile_condition
from dynamail.segments.contexts import CompileContext, Form
from dynamail.segments.loading import load_context, load_people
from tests.segments.population import Population
from tests.support.conditions import random_condition

AT_ONCE = 40  # conditions in one statement


@dataclass(frozen=True)
class Difference:
    """A contact of whom SQL and memory say different things."""

    condition: Condition
    form: str
    person: Person
    sql: bool | None
    text: str

    def __str__(self) -> str:
        return (
            f"{self.form}: the database says {self.sql}\n  {self.condition}\n  {self.text}\n  {self.person}"
        )


def compare_trees(population: Population, *, trees: int, seed: int) -> list[Difference]:
    """Random trees, half of them with restricted contacts. Run inside the account's scope."""
    context = load_context(population.account_id, now=population.now, salt="seg_salt")
    people = load_people(population.account_id, population.ids)
    chance = random.Random(seed)
    found: list[Difference] = []
    for start in range(0, trees, AT_ONCE):
        conditions = [
            random_condition(chance, context.catalog, chance.choice((0, 0, 1, 2, 3)))
            for _ in range(min(AT_ONCE, trees - start))
        ]
        found += compare_conditions(
            population.account_id, conditions, people, context, everybody=chance.random() < 0.5
        )
    return found


def compare_conditions(
    account_id: int,
    conditions: Sequence[Condition],
    people: Sequence[Person],
    context: Context,
    *,
    everybody: bool,
) -> list[Difference]:
    expected = {
        person.id: [evaluate(one, person, context, include_restricted=everybody) for one in conditions]
        for person in people
    }
    by_id = {person.id: person for person in people}
    found = []
    for form in Form:
        texts, answers = _ask_database(account_id, conditions, context, form, everybody)
        for uid, *row in answers:
            for condition, text, sql, memory in zip(conditions, texts, row, expected[uid], strict=True):
                if (sql is True) is not memory:  # NULL says no
                    found.append(Difference(condition, form.value, by_id[uid], sql, text))
    return found


def _ask_database(
    account_id: int, conditions: Sequence[Condition], context: Context, form: Form, everybody: bool
) -> tuple[list[str], list[tuple]]:
    compile_context = CompileContext(account_id, context.now, context.zone, context.salt)
    fragments = [
        compile_condition(one, context.catalog, compile_context, form=form, include_restricted=everybody)
        for one in conditions
    ]
    columns = ", ".join(f"({fragment.text})" for fragment in fragments)
    with connections["default"].cursor() as cursor:
        cursor.execute(
            f"SELECT contact.id, {columns} FROM contact WHERE contact.account_id = %s",
            [*(value for fragment in fragments for value in fragment.parameters), account_id],
        )
        return [fragment.text for fragment in fragments], cursor.fetchall()
