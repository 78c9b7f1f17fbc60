from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import connections

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.conditions.parsing import parse_condition
from dynamail.conditions.tree import EVERYBODY
from dynamail.contacts.models import Attribute
from dynamail.segments import counting, suggesting
from dynamail.segments.asking import TimedOut, ask_account
from dynamail.segments.catalog_counts import round_sampled
from dynamail.segments.counting import Estimate, count_exactly, estimate, explain_cost, find_interval
from dynamail.segments.suggesting import suggest_attribute_values, suggest_field_values
from tests.support.people import make_contact
from tests.support.personas import NOW

pytestmark = pytest.mark.django_db
TWO_KINDS = {
    "all": [
        {"kind": "field", "field": "language", "op": "equals", "value": "be"},
        {"kind": "activity", "act": "received", "times": {"op": "at_least", "n": 3}},
    ]
}


@pytest.fixture
def people(account: Account) -> Account:
    Attribute.objects.add(account, number=1, key="city", label="City", type="text")
    for number in range(40):
        city = "Minsk" if number % 4 else "Mogilev"
        make_contact(
            account, f"person{number}@mail.example", attributes={"1": city}, sample=number * 25, language="be"
        )
    return account


def test_what_takes_too_long_ends_and_leaves_the_connection_usable(account: Account) -> None:
    with account_scope(account):
        with pytest.raises(TimedOut), ask_account(account.pk, seconds=0.05) as cursor:
            cursor.execute("SELECT pg_sleep(30)")
        assert count_exactly(account.pk, EVERYBODY, now=NOW).number == 0


def test_settings_and_role_of_a_question_end_with_it(account: Account) -> None:
    with account_scope(account), connections["default"].cursor() as cursor:
        before = _read_settings(cursor)
        count_exactly(account.pk, EVERYBODY, now=NOW)
        assert _read_settings(cursor) == before


def _read_settings(cursor: object) -> tuple[str, ...]:
    cursor.execute(  # type: ignore[attr-defined]
        "SELECT current_setting('role'), current_setting('statement_timeout'), current_setting('work_mem')"
    )
    return cursor.fetchone()  # type: ignore[attr-defined]


def test_the_costliest_part_is_named(people: Account) -> None:
    error = explain_cost(people.pk, parse_condition(TWO_KINDS), now=NOW, seconds=15)
    assert "15 seconds" in error.reason
    assert "eceived" in error.reason
    assert error.hint


def test_a_small_account_is_counted_as_a_whole(people: Account) -> None:
    found = estimate(people.pk, EVERYBODY, now=NOW)
    assert found == Estimate(40, 40, 40, found.milliseconds)


def test_an_estimate_lies_between_its_bounds(people: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "SMALL", 10)
    monkeypatch.setattr(counting, "LOOKED_AT", 20)
    found = estimate(people.pk, EVERYBODY, now=NOW)
    assert 0 < found.low < found.number <= found.high


def test_few_hits_leave_room_above_and_none_leave_some() -> None:
    low, high = find_interval(0, 100)
    assert low == 0
    assert 0.03 < high < 0.05
    assert find_interval(0, 0) == (0.0, 1.0)


def test_values_are_suggested_by_frequency_without_regard_to_case(people: Account) -> None:
    values = [(one.value, one.contacts) for one in suggest_attribute_values(people.pk, "city", "m")]
    assert values == [("Minsk", 30), ("Mogilev", 10)]
    assert [one.value for one in suggest_attribute_values(people.pk, "city", "MIN")] == ["Minsk"]
    assert [one.value for one in suggest_field_values(people.pk, "domain")] == ["mail.example"]
    assert suggest_attribute_values(people.pk, "nothing") == []
    assert suggest_attribute_values(people.pk, "city", "a\x00") == []
    assert suggest_field_values(people.pk, "password") == []


def test_rare_values_are_looked_for_in_all_contacts_and_what_is_in_vain_once_a_minute(
    people: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggesting, "_choose_shares", lambda account_id: [100, 1000])
    make_contact(people, "rare@mail.example", attributes={"1": "Polotsk"}, sample=999)
    frequent = suggest_attribute_values(people.pk, "city", "mi")
    assert [(one.value, one.contacts) for one in frequent] == [("Minsk", 30)]
    rare = suggest_attribute_values(people.pk, "city", "pol")
    assert [(one.value, one.contacts) for one in rare] == [("Polotsk", 1)]

    assert suggest_attribute_values(people.pk, "city", "gom") == []
    make_contact(people, "late@mail.example", attributes={"1": "Gomel"}, sample=998)
    assert suggest_attribute_values(people.pk, "city", "gomel") == []
    cache.clear()
    assert [one.value for one in suggest_attribute_values(people.pk, "city", "gomel")] == ["Gomel"]


def test_what_a_share_says_is_rounded() -> None:
    assert [round_sampled(number) for number in (0, 7, 98.6, 9_533, 1_009_578)] == [
        0,
        7,
        99,
        9_500,
        1_000_000,
    ]
