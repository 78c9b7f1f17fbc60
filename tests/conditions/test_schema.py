from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dynamail.conditions.faults import ConditionFault
from dynamail.conditions.leaves import LEAVES
from dynamail.conditions.parsing import parse_condition, read_condition
from dynamail.conditions.printing import to_json
from dynamail.conditions.schema import json_schema
from dynamail.conditions.tree import Act, Field, Finding, Measure, Op, Standing
from tests.conditions.json_schema import fits_schema
from tests.support.conditions import make_catalog, random_condition, random_garbage

DOCS = Path(__file__).parents[2] / "docs" / "api"
PAGE = (DOCS / "conditions.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
SCHEMA = json_schema()
# What a schema cannot say: two values together, depth, and what a text is made of.
BEYOND = {
    "wrong_order",
    "too_wide",
    "link_not_here",
    "never_asked_alone",
    "reason_not_here",
    "property_not_here",
    "too_deep",
    "too_many_leaves",
    "too_many_digits",
    "not_finite",
    "bad_text",
    "need_day",
    "need_moment",
    "need_whole",
    "out_of_range",
}


def fits(document: Any) -> bool:
    return fits_schema(document, SCHEMA, SCHEMA)


def test_the_published_schema_is_the_one_of_the_code() -> None:
    assert json.loads((DOCS / "condition.schema.json").read_text(encoding="utf-8")) == json_schema()


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_documentation_is_a_condition_and_fits_the_schema(example: str) -> None:
    condition = read_condition(example)
    assert parse_condition(to_json(condition)) == condition
    assert fits(json.loads(example))


@pytest.mark.parametrize("words", [Op, Act, Field, Finding, Measure, Standing])
def test_the_documentation_has_every_word(words: Any) -> None:
    assert [word for word in words if f"`{word}`" not in PAGE] == []


def test_the_documentation_has_an_example_of_every_kind() -> None:
    assert [kind for kind in LEAVES if f'"kind": "{kind}"' not in "".join(EXAMPLES)] == []


def test_what_is_printed_fits_the_schema() -> None:
    random, catalog = Random(11), make_catalog()
    for _ in range(200):
        document = to_json(random_condition(random, catalog, 2))
        assert fits(document), document


def test_the_schema_takes_what_the_parser_takes_and_little_else() -> None:
    random = Random(12)
    for _ in range(1_000):
        document = random_garbage(random)
        codes = find_codes(document)
        assert codes & BEYOND or fits(document) is not bool(codes), (codes, document)


def find_codes(document: Any) -> set[str]:
    try:
        parse_condition(document)
    except ConditionFault as error:
        return {fault.code for fault in error.faults}
    return set()
