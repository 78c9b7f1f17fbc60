from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.contacts.values import ValueProblem, format_value, guess_type, parse_value, split_list


@dataclass(frozen=True)
class Field:
    type: str
    choices: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "42", 42),
        ("number", "1 234,50", 1234.5),
        ("number", "1\u202f234", 1234),
        ("number", "1,234.50", 1234.5),
        ("number", "1.234.567,8", 1234567.8),
        ("number", "1,234,567", 1234567),
        ("number", "0,125", 0.125),
        ("number", "\u22125", -5),
        ("number", "1e3", 1000),
        ("boolean", "Да", True),
        ("boolean", "так", True),
        ("boolean", "FALSE", False),
        ("boolean", "не", False),
        ("date", "2026-03-31", "2026-03-31"),
        ("date", "31.03.2026", "2026-03-31"),
        ("date", "3/31/2026", "2026-03-31"),
        ("date", "31/03/2026", "2026-03-31"),
        ("date", "2026-03-31 00:00:00", "2026-03-31"),
        ("time", "2026-03-31 14:30", "2026-03-31T14:30:00Z"),
        ("time", "31.03.2026, 9:05", "2026-03-31T09:05:00Z"),
        ("time", "2026-03-31T14:30:00+03:00", "2026-03-31T11:30:00Z"),
        ("list", "red; green, red\nblue", ["red", "green", "blue"]),
        ("text", "  two\r\nlines ", "two\nlines"),
        ("text", "   ", None),
    ],
)
def test_what_people_write_is_understood(kind: str, text: str, value: object) -> None:
    assert parse_value(Field(kind), text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("number", "1,234"),
        ("number", "twelve"),
        ("number", "27.02.1978"),
        ("number", "1.2.3"),
        ("number", "NaN"),
        ("number", "Infinity"),
        ("number", "12345678901234567890"),
        ("number", "1e99"),
        ("boolean", "maybe"),
        ("date", "04/05/2026"),
        ("date", "30.02.2026"),
        ("date", "today"),
        ("date", "1.1.26"),
        ("time", "2026-03-31 25:00"),
        ("time", "0001-01-01 00:00+14:00"),
        ("list", ",".join(map(str, range(60)))),
        ("text", "x" * 2_001),
    ],
)
def test_what_could_mean_two_things_or_none_is_refused_with_a_sentence(kind: str, text: str) -> None:
    with pytest.raises(ValueProblem) as problem:
        parse_value(Field(kind), text)
    assert str(problem.value).endswith(".")


def test_a_moment_without_offset_is_in_the_zone_of_the_account() -> None:
    assert (
        parse_value(Field("time"), "2026-01-15 12:00", zone=ZoneInfo("Europe/Minsk"))
        == "2026-01-15T09:00:00Z"
    )


def test_a_choice_is_one_of_the_list_in_any_case() -> None:
    field = Field("choice", ("Gold", "Silver"))
    assert parse_value(field, "gold") == "Gold"
    with pytest.raises(ValueProblem, match="Gold, Silver"):
        parse_value(field, "bronze")


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "2,5", ""], "number"),
        (["27.02.1978", "10.08.1959"], "date"),
        (["2026-03-31 14:30"], "time"),
        (["да", "нет"], "boolean"),
        (["+375 29 123-45-67"], "text"),
        (["0291234567", "0447654321"], "text"),
        (["1", "x"], "text"),
        ([], "text"),
    ],
)
def test_the_type_of_a_column_is_guessed_with_care(texts: list[str], kind: str) -> None:
    assert guess_type(texts) == kind


@given(kind=st.sampled_from(["text", "number", "boolean", "date", "time", "list"]), text=st.text(max_size=40))
def test_any_text_is_a_value_or_a_sentence_and_values_stay_themselves(kind: str, text: str) -> None:
    try:
        value = parse_value(Field(kind), text)
    except ValueProblem:
        return
    assert parse_value(Field(kind), format_value(value)) == value


@given(st.text(max_size=60))
def test_a_list_has_no_empty_and_no_repeated_parts(text: str) -> None:
    parts = split_list(text)
    assert all(parts)
    assert len(set(parts)) == len(parts)
