from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dynamail.api.reading import Misfit, read_shape
from tests.api.conftest import Shop, problem_of


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    name: str = ""
    more: Any = None


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"name": "a\x00"}, "name"),
        ({"more": {"list": [1, {"deep": "\x00"}]}}, "more.list[1].deep"),
        ({"more": {"key\x00": 1}}, "more.key\x00"),
    ],
)
def test_the_character_that_no_database_keeps_is_refused_by_its_place(value: Any, field: str) -> None:
    with pytest.raises(Misfit) as caught:
        read_shape(value, Thing)
    assert caught.value.errors[0].field == field


def test_what_only_looks_like_it_is_taken() -> None:
    assert read_shape({"name": r"\u0000"}, Thing).name == r"\u0000"


def test_a_tower_is_looked_through(shop: Shop) -> None:
    tower: Any = "\x00"
    for _level in range(5000):
        tower = [tower]
    with pytest.raises(Misfit):
        read_shape({"more": tower}, Thing)


@pytest.mark.parametrize("query", ["email=%00", "%00=1", "limit=1&limit=%00", "email=a%00b"])
def test_it_is_refused_in_a_query(shop: Shop, query: str) -> None:
    problem_of(shop.ask("GET", f"/api/v1/suppressions?{query}"), 422)
