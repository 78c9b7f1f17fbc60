from __future__ import annotations

import json
import sys
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import AuditEntry
from dynamail.api import segments as api_segments
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.editing import Profile, add_contact
from dynamail.contacts.tags import create_tag, delete_tag
from dynamail.lib.clock import utc_now
from dynamail.lib.sql import SqlFragment
from dynamail.segments.membership import refresh_whole
from dynamail.segments.models import Segment
from tests.api.conftest import Shop, body_of, problem_of
from tests.support.conditions import random_garbage
from tests.support.segments import EVERYBODY, LogReader, in_city, lacks

PATH = "/api/v1/segments"


def one(answer: dict[str, Any]) -> str:
    return f"{PATH}/{answer['id']}"


def fill(shop: Shop) -> None:
    """A city attribute and three people, two of them in Minsk."""
    now = utc_now()
    create_attribute(shop.account.pk, label="City", key="city", by=None, now=now)
    for place, (name, city) in enumerate((("ann", "Minsk"), ("bea", "Brest"), ("cora", "Minsk"))):
        profile = Profile(f"{name}@mail.example", attributes={1: city})
        add_contact(shop.account.pk, profile, by=None, now=now + timedelta(milliseconds=place))


def create(shop: Shop, definition: Any = None, name: str = "Minsk", **values: Any) -> dict[str, Any]:
    body = {"name": name, "definition": EVERYBODY if definition is None else definition, **values}
    answer: dict[str, Any] = body_of(shop.ask("POST", PATH, body), 201)
    return answer


# ── The object ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_segment_is_made_read_changed_and_archived(shop: Shop) -> None:
    fill(shop)
    made = create(shop, in_city("Minsk"), description="The capital")
    assert made["id"].startswith("seg_")
    assert (made["version"], made["keeps_members"], made["size"]) == (1, True, None)
    assert body_of(shop.ask("GET", one(made))) == made
    changed = body_of(shop.ask("PATCH", one(made), {"name": "Capital", "version": 1}))
    assert (changed["name"], changed["version"], changed["definition"]) == ("Capital", 2, made["definition"])
    assert [row["name"] for row in body_of(shop.ask("GET", PATH))["data"]] == ["Capital"]
    assert body_of(shop.ask("GET", f"{PATH}?name=capi"))["data"] == [changed]
    assert body_of(shop.ask("GET", f"{PATH}?name=xyz"))["data"] == []
    assert shop.ask("DELETE", one(made)).status == 204
    assert body_of(shop.ask("GET", PATH))["data"] == []
    (archived,) = body_of(shop.ask("GET", f"{PATH}?state=archived"))["data"]
    assert archived["archived_at"]
    entry = AuditEntry.objects.for_account(shop.account).get(action="segment.archived")
    assert (entry.actor_kind, entry.actor_name) == ("api_key", "Shop")


def test_somebody_elses_change_is_not_overwritten(shop: Shop) -> None:
    made = create(shop)
    body_of(shop.ask("PATCH", one(made), {"name": "Theirs"}))
    problem = problem_of(shop.ask("PATCH", one(made), {"name": "Mine", "version": 1}), 409)
    assert problem["code"] == "changed_meanwhile"
    assert problem["errors"] == [{"field": "version", "message": "2"}]
    assert "Shop" in problem["detail"]


def test_what_is_in_use_is_not_archived(shop: Shop) -> None:
    inner = create(shop)
    outer = create(shop, {"kind": "segment", "segment": inner["id"]}, "Outer")
    problem = problem_of(shop.ask("DELETE", one(inner)), 409)
    assert (problem["code"], problem["errors"]) == ("in_use", [{"field": outer["id"], "message": "Outer"}])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({}, "name"),
        ({"name": "X"}, "definition"),
        ({"name": "", "definition": {}}, "name"),
        ({"name": "Taken", "definition": {}}, "name"),
        ({"name": "x" * 151, "definition": {}}, "name"),
        ({"name": "X", "definition": {}, "colour": "red"}, "colour"),
        ({"name": "X", "definition": {}, "keeps_members": 1}, "keeps_members"),
        ({"name": "X", "definition": 5}, "definition"),
        ({"name": "X", "definition": None}, "definition"),
        ({"name": "X", "definition": {"kind": "moon"}}, "definition/kind"),
        (
            {"name": "X", "definition": {"all": [in_city("a"), {"not": in_city("b")}]}},
            "definition/all/0/attribute",
        ),
        (
            {"name": "X", "definition": {"kind": "segment", "segment": "seg_" + "0" * 26}},
            "definition/segment",
        ),
    ],
)
def test_what_cannot_be_accepted_is_named_by_its_place(shop: Shop, body: object, field: str) -> None:
    create(shop, name="Taken")
    problem = problem_of(shop.ask("POST", PATH, body), 422)
    assert problem["errors"][0]["field"] == field
    assert Segment.objects.for_account(shop.account).count() == 1


def test_a_circle_is_refused(shop: Shop) -> None:
    inner = create(shop, name="Inner")
    outer = create(shop, {"kind": "segment", "segment": inner["id"]}, "Outer")
    body = {"definition": {"kind": "segment", "segment": outer["id"]}}
    problem = problem_of(shop.ask("PATCH", one(inner), body), 422)
    assert problem["errors"] == [
        {"field": "definition", "message": "A segment cannot contain itself: “Inner” → “Outer” → “Inner”."}
    ]


# ── Counting and people ──────────────────────────────────────────────────────────────────────────────────────────────
def test_a_condition_is_counted_without_saving_it(shop: Shop) -> None:
    fill(shop)
    answer = body_of(shop.ask("POST", f"{PATH}/count", {"condition": in_city("Minsk")}))
    assert answer["number"] == 2
    assert answer["milliseconds"] >= 0
    problem = problem_of(shop.ask("POST", f"{PATH}/count", {"condition": {"any": []}}), 422)
    assert problem["errors"][0]["field"].startswith("condition")
    assert not Segment.objects.for_account(shop.account).exists()


def test_people_are_listed_by_pages(shop: Shop) -> None:
    fill(shop)
    made = create(shop, in_city("Minsk"))
    first = body_of(shop.ask("GET", f"{one(made)}/contacts?limit=1"))
    second = body_of(shop.ask("GET", f"{one(made)}/contacts?limit=1&after={first['next']}"))
    assert [first["data"][0]["email"], second["data"][0]["email"]] == [
        "cora@mail.example",
        "ann@mail.example",
    ]
    assert second["next"] is None
    problem_of(shop.ask("GET", f"{one(made)}/contacts?after=x"), 422)


def test_people_of_a_segment_that_lost_its_tag_are_not_listed(shop: Shop) -> None:
    """Everybody lacks a tag that is gone."""
    fill(shop)
    tag = create_tag(shop.account.pk, "spared", by=None, now=utc_now())
    made = create(shop, lacks(tag))
    assert len(body_of(shop.ask("GET", f"{one(made)}/contacts"))["data"]) == 3
    delete_tag(tag, by=None, now=utc_now())
    problem = problem_of(shop.ask("GET", f"{one(made)}/contacts"), 422)
    assert problem["errors"][0]["field"].startswith("definition")


def test_people_that_take_too_long_to_find_are_refused_with_the_reason(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shop)
    made = create(shop, in_city("Minsk"))
    slow = SqlFragment("pg_sleep(30) IS NOT NULL")
    monkeypatch.setattr(api_segments, "compile_for", lambda *_given, **_named: slow)
    monkeypatch.setattr(api_segments, "STATEMENT_TIMEOUT", 0.05)
    problem = problem_of(shop.ask("GET", f"{one(made)}/contacts"), 422)
    assert problem["code"] == "too_costly"
    assert "costs most" in problem["detail"]


def test_who_joined_and_left_is_listed(shop: Shop) -> None:
    fill(shop)
    made = create(shop, in_city("Grodno"))
    segment = Segment.objects.for_account(shop.account).get()
    refresh_whole(shop.account.pk, segment.pk, now=utc_now())
    reader = LogReader(shop.account)
    for number in range(3):
        profile = Profile(f"g{number}@mail.example", attributes={1: "Grodno"})
        add_contact(shop.account.pk, profile, by=None, now=utc_now())
        reader.follow(now=utc_now())
    first = body_of(shop.ask("GET", f"{one(made)}/changes?limit=2"))
    assert [(row["act"], row["email"]) for row in first["data"]] == [
        ("entered", "g2@mail.example"),
        ("entered", "g1@mail.example"),
    ]
    rest = body_of(shop.ask("GET", f"{one(made)}/changes?limit=2&after={first['next']}"))
    assert ([row["email"] for row in rest["data"]], rest["next"]) == (["g0@mail.example"], None)
    assert body_of(shop.ask("GET", f"{one(made)}/changes?act=left"))["data"] == []
    problem_of(shop.ask("GET", f"{one(made)}/changes?act=x"), 422)
    problem_of(shop.ask("GET", f"{one(made)}/changes?after=x"), 422)


# ── Doors ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_people_need_the_scope_of_people(shop: Shop) -> None:
    made = create(shop)
    reader = shop.make_key(Scope.READ_SEGMENTS)
    body_of(shop.ask("GET", one(made), key=reader))
    for tail in ("contacts", "changes"):
        problem = problem_of(shop.ask("GET", f"{one(made)}/{tail}", key=reader), 403)
        assert "contacts.read" in problem["detail"]
    problem_of(shop.ask("POST", PATH, {"name": "X", "definition": {}}, key=reader), 403)
    problem_of(shop.ask("DELETE", one(made), key=reader), 403)


@pytest.mark.promise("P5.2")
def test_another_accounts_segments_are_not_there(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    made = create(alice)
    assert body_of(charlie.ask("GET", PATH))["data"] == []
    for method, tail in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/contacts"),
        ("GET", "/changes"),
    ):
        body = {"name": "Mine"} if method == "PATCH" else None
        problem_of(charlie.ask(method, one(made) + tail, body), 404)
    for unknown in ("seg_nonsense", "cmp_" + "0" * 26, "%00"):
        problem_of(alice.ask("GET", f"{PATH}/{unknown}"), 404)


# ── Hostile requests ─────────────────────────────────────────────────────────────────────────────────────────────────
WORDS = st.sampled_from(
    ["all", "any", "not", "kind", "op", "value", "attribute", "field", "tag", "tags", "topic", "state", "segment",
     "activity", "act", "of", "times", "n", "period", "last_days", "event", "where", "measures", "random", "percent",
     "engagement", "standing", "source", "equals", "between", "has_any", "city", "email", "opened", "__class__", "%s",
     "'; --", "\x00", "{0}", "seg_" + "0" * 26]
)  # fmt: skip
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | WORDS
GARBAGE = st.recursive(
    VALUES | st.dictionaries(WORDS, VALUES, max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
FUZZ = settings(
    max_examples=40,
    deadline=timedelta(seconds=30),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def write(value: Any) -> bytes:
    """JSON of anything, towers of a thousand levels included."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        return json.dumps(value, default=str).encode("utf-8", "surrogatepass")
    finally:
        sys.setrecursionlimit(limit)


def check_refused(shop: Shop, condition: Any) -> None:
    """Either it is a condition, or each fault says where."""
    answer = shop.ask("POST", f"{PATH}/count", write({"condition": condition}))
    assert answer.status in (200, 400, 422), (condition, answer.body)
    if answer.status == 422:
        errors = json.loads(answer.body)["errors"]
        assert errors
        assert all(error["field"].startswith("condition") and error["message"] for error in errors)


@FUZZ
@given(GARBAGE)
def test_no_condition_breaks_it(shop: Shop, condition: Any) -> None:
    check_refused(shop, condition)


def test_monsters_are_refused_with_their_place(shop: Shop) -> None:
    deep: Any = {}
    for _level in range(300):
        deep = {"not": deep}
    wide = {"all": [in_city("x")] * 5_000}
    for condition in (deep, wide, in_city("x" * 2**20), in_city("\x00"), in_city("\ud800"), {"x" * 2**20: 1}):
        answer = shop.ask("POST", f"{PATH}/count", write({"condition": condition}))
        assert answer.status in (400, 422), answer.body[:300]
    bottomless = b'{"condition":' + b'{"not":' * 1_000 + b"{}" + b"}" * 1_001
    answer = shop.ask("POST", f"{PATH}/count", bottomless)
    assert answer.status in (400, 422), answer.body[:300]


def test_what_is_changed_into_nonsense_is_named_by_its_place(shop: Shop) -> None:
    made = create(shop)
    for body, field in (
        ({"definition": []}, "definition"),
        ({"definition": {"all": 5}}, "definition/all"),
        ({"name": " "}, "name"),
        ({"version": "1"}, "version"),
    ):
        problem = problem_of(shop.ask("PATCH", one(made), body), 422)
        assert problem["errors"][0]["field"] == field
    assert body_of(shop.ask("PATCH", one(made), {}))["version"] == 1


@FUZZ
@given(st.integers(0, 10**9))
def test_no_broken_condition_breaks_it(shop: Shop, seed: int) -> None:
    """Conditions that were right once, with one thing changed; and towers, floods and foreign keys."""
    check_refused(shop, random_garbage(Random(seed)))


@FUZZ
@given(GARBAGE, GARBAGE)
def test_no_body_breaks_it(shop: Shop, name: Any, definition: Any) -> None:
    answer = shop.ask("POST", PATH, write({"name": name, "definition": definition}))
    assert answer.status in (201, 400, 409, 422), answer.body
