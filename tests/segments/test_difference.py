"""The SQL of a condition and its evaluation in memory say the same of everybody, whatever the condition.

python -m tests.segments.difference 100000     many more trees, by hand
"""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.conditions.evaluating import evaluate
from dynamail.segments.counting import count_exactly, count_overlap
from dynamail.segments.loading import load_context, load_people
from dynamail.segments.previewing import is_member, pick_ten
from tests.segments.difference import compare_trees
from tests.segments.population import make_population
from tests.support.conditions import NOW, random_condition

CLOCKS_GO_BACK = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # 01:30 in New York, for the first time that night


@pytest.mark.parametrize(
    ("now", "zone"), [(NOW, "Pacific/Chatham"), (CLOCKS_GO_BACK, "America/New_York")], ids=["usual", "clocks"]
)
def test_sql_and_memory_agree_on_random_conditions(account: Account, now: datetime, zone: str) -> None:
    population = make_population(account, now=now, zone=zone, size=70)
    with account_scope(account):
        differences = compare_trees(population, trees=160, seed=11)
    assert not differences, "\n".join(map(str, differences[:3]))


def test_counts_previews_and_single_answers_agree_with_memory(account: Account) -> None:
    population = make_population(account, now=NOW, zone="Asia/Kathmandu", size=60)
    with account_scope(account):
        context = load_context(account.pk, now=NOW)
        people = load_people(account.pk, population.ids)
        chance = random.Random(5)
        for _ in range(12):
            this, other = (random_condition(chance, context.catalog) for _ in range(2))
            expected, others = (
                {person.id for person in people if evaluate(one, person, context)} for one in (this, other)
            )
            assert count_exactly(account.pk, this, now=NOW).number == len(expected), this
            overlap = count_overlap(account.pk, this, other, now=NOW)
            assert (overlap.this, overlap.other, overlap.both) == (
                len(expected),
                len(others),
                len(expected & others),
            )
            picked = {row.id for row in pick_ten(account.pk, this, now=NOW)}
            assert picked <= expected
            assert len(picked) == min(10, len(expected))
            someone = chance.choice(population.ids)
            assert is_member(account.pk, someone, this, now=NOW) is (someone in expected)
