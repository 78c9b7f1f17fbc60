from __future__ import annotations

import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.accounts.background import request_cancel
from dynamail.accounts.models import Account, BackgroundWork, User
from dynamail.contacts import changing_types
from dynamail.contacts.catalog import CatalogError, create_attribute
from dynamail.contacts.changing_types import (
    Converter,
    NewType,
    check_new_type,
    count_aside,
    export_aside,
    forget_aside,
    queue_change,
    queue_check,
    run_change,
    run_check,
)
from dynamail.contacts.editing import Profile, add_contact, delete_contact
from dynamail.contacts.models import Attribute, Contact, ContactState
from dynamail.events.models import Event
from tests.support.personas import NOW

VALUES = ["12", "12", "1,5", "about ten", "7 000", "—"]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changing_types, "BLOCK", 2)


@pytest.fixture
def score(account: Account, bob: User) -> Attribute:
    return create_attribute(account.pk, label="Score", by=bob, now=NOW)


@pytest.fixture
def people(account: Account, bob: User, score: Attribute) -> list[Contact]:
    profiles = [
        Profile(f"p{number}@example.com", attributes={score.number: value})
        for number, value in enumerate(VALUES)
    ]
    return [add_contact(account.pk, profile, by=bob, now=NOW) for profile in profiles]


def values_of(account: Account, attribute: Attribute) -> list[object]:
    rows = Contact.objects.for_account(account).order_by("email")
    return [row.attributes.get(str(attribute.number)) for row in rows]


def check(attribute: Attribute, new: NewType, bob: User) -> dict[str, object]:
    work = queue_check(attribute, new, by=bob, now=NOW)
    run_check(work, attribute, new, now=NOW)
    work.refresh_from_db()
    return work.result


def change(attribute: Attribute, new: NewType, bob: User) -> BackgroundWork:
    work = queue_change(attribute, new, by=bob, now=NOW)
    attribute.refresh_from_db()
    run_change(work, attribute, new, now=NOW)
    work.refresh_from_db()
    return work


def test_a_dry_run_counts_names_examples_and_changes_nothing(
    account: Account, bob: User, score: Attribute, people: list[Contact]
) -> None:
    result = check(score, NewType("number"), bob)
    assert (result["filled"], result["fits"], result["misfits"]) == (6, 4, 2)
    examples = {row["value"]: row["problem"] for row in result["examples"]}  # type: ignore[attr-defined]
    assert examples == {"about ten": "“about ten” is not a number.", "—": "“—” is not a number."}
    assert values_of(account, score) == VALUES
    score.refresh_from_db()
    assert score.type == "text"


def test_what_does_not_fit_is_put_aside_and_can_be_fetched(
    account: Account, bob: User, score: Attribute, people: list[Contact]
) -> None:
    result = change(score, NewType("number"), bob).result
    assert (result["fits"], result["misfits"]) == (4, 2)
    assert values_of(account, score) == [12, 12, 1.5, None, 7000, None]
    assert count_aside(score) == 2
    rows = list(csv.reader("".join(export_aside(score)).lstrip("\ufeff").splitlines()))
    assert rows[0] == ["Email", "Score"]
    assert sorted(rows[1:]) == [["p3@example.com", "about ten"], ["p5@example.com", "—"]]
    assert forget_aside(score, by=bob, now=NOW) == 2
    assert count_aside(score) == 0


def test_each_change_is_in_the_log_and_values_that_stay_are_not(
    account: Account, bob: User, score: Attribute, people: list[Contact]
) -> None:
    work = change(score, NewType("list"), bob)
    assert values_of(account, score)[2:4] == [["1", "5"], ["about ten"]]
    events = Event.objects.for_account(account).filter(source_id=work.uid)
    assert {tuple(event.data["fields"]) for event in events} == {(f"attribute:{score.number}",)}
    assert events.count() == 6
    again = change(score, NewType("list"), bob)
    assert not Event.objects.for_account(account).filter(source_id=again.uid).exists()


def test_choices_that_are_no_longer_offered_are_found_by_the_same_type_again(
    account: Account, bob: User, people: list[Contact]
) -> None:
    size = create_attribute(account.pk, label="Size", type="choice", choices=["S", "M"], by=bob, now=NOW)
    profile = Profile("new@example.com", attributes={size.number: "S"})
    add_contact(account.pk, profile, by=bob, now=NOW)
    result = check(size, NewType("choice", ("M", "L")), bob)
    assert (result["filled"], result["misfits"]) == (1, 1)


def test_restricted_people_keep_their_values_and_erased_ones_leave_nothing_aside(
    account: Account, bob: User, score: Attribute, people: list[Contact]
) -> None:
    Contact.objects.for_account(account).filter(id=people[3].id).update(state=ContactState.RESTRICTED)
    change(score, NewType("number"), bob)
    assert values_of(account, score)[3] == "about ten"
    assert count_aside(score) == 1
    delete_contact(people[5], by=bob, now=NOW)
    assert count_aside(score) == 0


def test_a_stopped_change_goes_on_when_it_is_started_again(
    account: Account, bob: User, score: Attribute, people: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = changing_types.report_progress

    def cancel_first(work: BackgroundWork, **options: int) -> None:
        request_cancel(work, now=NOW)
        real(work, **options)

    with monkeypatch.context() as patch:
        patch.setattr(changing_types, "report_progress", cancel_first)
        work = change(score, NewType("number"), bob)
    assert (work.state, work.result["filled"]) == ("canceled", 2)
    change(score, NewType("number"), bob)
    assert sorted(map(str, values_of(account, score))) == sorted(map(str, [12, 12, 1.5, None, 7000, None]))


def test_two_changes_at_once_are_refused(
    account: Account, bob: User, score: Attribute, people: list[Contact]
) -> None:
    work = queue_change(score, NewType("number"), by=bob, now=NOW)
    with pytest.raises(CatalogError, match="already"):
        queue_change(score, NewType("text"), by=bob, now=NOW)
    score.refresh_from_db()
    assert score.type == "number"
    request_cancel(work, now=NOW)
    queue_change(score, NewType("text"), by=bob, now=NOW)


def test_a_change_stops_when_the_attribute_has_yet_another_type(
    account: Account, bob: User, score: Attribute, people: list[Contact]
) -> None:
    work = queue_change(score, NewType("number"), by=bob, now=NOW)
    Attribute.objects.for_account(account).filter(pk=score.pk).update(type="text")
    run_change(work, score, NewType("number"), now=NOW)
    work.refresh_from_db()
    assert work.state == "failed"
    assert "another type" in work.message
    assert values_of(account, score) == VALUES
    assert count_aside(score) == 0


def test_a_type_is_checked_before_anything_runs() -> None:
    with pytest.raises(CatalogError):
        check_new_type("nonsense", ())
    with pytest.raises(CatalogError):
        check_new_type("choice", [" "])
    assert check_new_type("number", ["ignored"]) == NewType("number")


@given(
    st.one_of(
        st.text(max_size=40), st.integers(-(10**15), 10**15), st.booleans(), st.lists(st.text(max_size=5))
    )
)
def test_any_value_converts_to_any_type_or_says_why_not(value: object) -> None:
    for kind in Attribute.Type.values:
        result, problem = Converter(NewType(kind, ("a",)), changing_types.find_zone("UTC")).convert(
            json.dumps(value)
        )
        assert (result is None) == bool(problem)
        if result is not None:
            assert Converter(NewType(kind, ("a",)), changing_types.find_zone("UTC")).convert(result)[1] == ""
