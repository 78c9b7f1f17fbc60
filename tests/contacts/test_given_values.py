"""Values that programs give, and changes that name only what is to change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.contacts.given_values import read_attributes, read_given
from dynamail.contacts.models import Attribute, Contact
from dynamail.contacts.upserting import ContactChanges, would_change
from dynamail.contacts.values import MAX_DIGITS, ValueProblem


def attribute(kind: str, key: str = "city", number: int = 1) -> Attribute:
    return Attribute(key=key, number=number, type=kind, choices=["red", "green"])


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("text", " Minsk ", "Minsk"),
        ("text", "", None),
        ("text", None, None),
        ("number", 7, 7),
        ("number", 1.5, 1.5),
        ("number", 0.1 + 0.2, 0.3),
        ("number", 1e3, 1000),
        ("number", "1 234.5", 1234.5),
        ("boolean", True, True),
        ("boolean", "no", False),
        ("date", "2026-03-31", "2026-03-31"),
        ("time", "2026-03-31T14:30:00+03:00", "2026-03-31T11:30:00Z"),
        ("choice", "RED", "red"),
        ("list", ["tea", "go", "tea"], ["tea", "go"]),
        ("list", "tea; go", ["tea", "go"]),
        ("list", [], None),
    ],
)
def test_values_are_kept_in_their_type(kind: str, value: object, kept: object) -> None:
    assert read_given(attribute(kind), value) == kept


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", 7),
        ("text", ["a"]),
        ("number", True),
        ("number", "many"),
        ("number", 10**MAX_DIGITS + 1),
        ("boolean", 1),
        ("date", 20260331),
        ("choice", "blue"),
        ("list", [1]),
        ("list", {"a": 1}),
    ],
)
def test_another_type_is_refused_with_a_sentence(kind: str, value: object) -> None:
    with pytest.raises(ValueProblem) as refused:
        read_given(attribute(kind), value)
    assert str(refused.value)


@given(
    st.sampled_from(Attribute.Type.values),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=5,
    ),
)
def test_no_value_breaks_it(kind: str, value: Any) -> None:
    values, faults = read_attributes([attribute(kind)], {"city": value})
    assert len(values) + len(faults) == 1


def test_an_unknown_key_is_named_with_the_one_that_was_meant() -> None:
    values, faults = read_attributes([attribute("text")], {"citty": "x", "zzz": 1, "city": "Minsk"})
    assert values == {1: "Minsk"}
    assert [fault.key for fault in faults] == ["citty", "zzz"]
    assert "“city”" in faults[0].sentence
    assert "“" not in faults[1].sentence


def test_what_changes_nothing_is_seen() -> None:
    contact = Contact(name="Ann Lee", language="en", attributes={"1": "Minsk"}, tags=[1, 2])
    for changes in (
        ContactChanges(),
        ContactChanges(name=" Ann  Lee", attributes={1: "Minsk", 2: None}, tag_ids=[2, 1]),
        ContactChanges(added_tag_ids=[1], removed_tag_ids=[3]),
    ):
        assert not would_change(contact, changes)
    for changes in (
        ContactChanges(name="Ann"),
        ContactChanges(timezone="UTC"),
        ContactChanges(attributes={1: None}),
        ContactChanges(tag_ids=[]),
        ContactChanges(removed_tag_ids=[2]),
    ):
        assert would_change(contact, changes)
