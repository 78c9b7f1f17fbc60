from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.conditions.folding import LOWER, UPPER, fold


@given(st.text())
def test_a_folded_text_is_as_long_and_folds_to_itself(text: str) -> None:
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)


@given(st.text(), st.text())
def test_each_character_is_folded_by_itself(first: str, second: str) -> None:
    assert fold(first + second) == fold(first) + fold(second)


@pytest.mark.parametrize(
    ("text", "folded"),
    [("MiNsK", "minsk"), ("МІНСК", "мінск"), ("ΟΔΟΣ", "οδοσ"), ("İI", "ii"), ("STRAẞE", "straße")],
)
def test_small_letters(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_the_pairs_are_the_same_map() -> None:
    assert UPPER.translate(str.maketrans(UPPER, LOWER)) == LOWER == fold(UPPER)
