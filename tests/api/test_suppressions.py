from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynamail.accounts.models import AuditEntry
from dynamail.consent.gate import may_send
from dynamail.consent.models import Suppression
from dynamail.consent.suppressing import suppress_address
from dynamail.contacts.models import Contact
from dynamail.lib.clock import utc_now
from tests.api.conftest import Shop, body_of, problem_of
from tests.support.people import make_contact

PATH = "/api/v1/suppressions"
ANN = "ann@mail.example"
MARCH = "2021-03-04T05:06:07Z"


def one(email: str) -> str:
    return f"{PATH}/{quote(email, safe='@')}"


# ── Adding ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_one_address_is_suppressed_and_again_is_no_error(shop: Shop) -> None:
    contact = make_contact(shop.account, ANN)
    said = {"email": "Ann@MAIL.example", "reason": "hard_bounce", "note": "gone", "since": MARCH}
    added = body_of(shop.ask("POST", PATH, said), 201)
    key = added.pop("source")
    assert added == {
        "email": ANN,
        "reason": "hard_bounce",
        "scope": "all",
        "in_force": True,
        "since": MARCH,
        "expires_at": None,
        "note": "gone",
    }
    assert key["kind"] == "api"
    assert key["id"].startswith("key_")
    again = shop.ask("POST", PATH, {"email": ANN, "reason": "complaint"})
    assert body_of(again, 200)["reason"] == "hard_bounce", "the first reason stays"
    assert Contact.objects.for_account(shop.account).get(id=contact.id).state == "suppressed"
    assert not may_send(shop.account.pk, email_key=ANN, now=utc_now()).allowed
    entry = AuditEntry.objects.for_account(shop.account).get(action="address.suppressed")
    assert (entry.actor_kind, entry.actor_name) == ("api_key", "Shop")


@pytest.mark.parametrize(
    ("reason", "scope"),
    [("unsubscribe", "marketing"), ("complaint", "all"), ("manual", "all"), ("hard_bounce", "all")],
)
def test_a_scope_that_is_left_out_is_the_usual_one(shop: Shop, reason: str, scope: str) -> None:
    assert body_of(shop.ask("POST", PATH, {"email": ANN, "reason": reason}), 201)["scope"] == scope


def test_a_list_is_answered_one_by_one(shop: Shop) -> None:
    shop.ask("POST", PATH, {"email": ANN})
    said = [
        {"email": ANN},
        {"email": "bob@mail.example", "scope": "marketing"},
        {"email": "bob@mail.example", "scope": "marketing", "reason": "complaint"},
        {"email": "bob@mail.example", "scope": "all"},
        {"email": "broken"},
        {"email": "eve@mail.example", "reason": "erasure"},
        {"email": 5},
        {"mail": "eve@mail.example"},
        "eve@mail.example",
    ]
    answer = body_of(shop.ask("POST", PATH, said))
    assert (answer["added"], answer["already_suppressed"], answer["invalid"]) == (2, 2, 5)
    words = ["already_suppressed", "added", "already_suppressed", "added", *["invalid"] * 5]
    assert [result["result"] for result in answer["results"]] == words
    fields = [result["errors"][0]["field"] for result in answer["results"] if "errors" in result]
    assert fields == ["email", "reason", "email", "mail", "body"]
    assert Suppression.objects.for_account(shop.account).count() == 3


def test_a_thousand_go_in_one_request_and_not_one_more(shop: Shop) -> None:
    said = [{"email": f"p{number}@mail.example"} for number in range(1_001)]
    assert problem_of(shop.ask("POST", PATH, said), 422)["errors"][0]["field"] == "body"
    problem_of(shop.ask("POST", PATH, []), 422)
    assert body_of(shop.ask("POST", PATH, said[:1_000]))["added"] == 1_000
    assert body_of(shop.ask("POST", PATH, said[:1_000]))["already_suppressed"] == 1_000


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "email"),
        ({"email": "a@b"}, "email"),
        ({"email": "x" * 400}, "email"),
        ({"email": ANN, "reason": "erasure"}, "reason"),
        ({"email": ANN, "reason": ["manual"]}, "reason"),
        ({"email": ANN, "scope": "everything"}, "scope"),
        ({"email": ANN, "note": "x" * 501}, "note"),
        ({"email": ANN, "since": "yesterday"}, "since"),
        ({"email": ANN, "since": "2021-03-04T05:06:07"}, "since"),
        ({"email": ANN, "since": "0001-01-01T00:00:00+14:00"}, "since"),
        ({"email": ANN, "since": "2999-01-01T00:00:00Z"}, "since"),
        ({"email": ANN, "expires_at": MARCH}, "expires_at"),
        ({"email": ANN, "expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"email": ANN, "colour": "red"}, "colour"),
        ("text", "body"),
        (5, "body"),
        (None, "body"),
    ],
)
def test_what_cannot_be_accepted_is_named_by_its_field(shop: Shop, said: object, field: str) -> None:
    problem = problem_of(shop.ask("POST", PATH, json.dumps(said).encode()), 422)
    assert [error["field"] for error in problem["errors"]] == [field]
    assert not Suppression.objects.for_account(shop.account).exists()


def test_bodies_that_are_no_json_are_refused(shop: Shop) -> None:
    for body in (b"", b"{", b"\xff", b'{"email": "\xff"}', b"[" * 100_000, b'"\\ud800"'):
        assert shop.ask("POST", PATH, body).status in (400, 422)
    problem_of(
        shop.ask("POST", PATH, b"email=x", headers={"content-type": "application/x-www-form-urlencoded"}), 415
    )
    big = json.dumps([{"email": ANN, "note": "x" * 500}] * 20_000).encode()
    assert len(big) > 10 * 2**20
    problem_of(shop.ask("POST", PATH, big), 413)


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_pages_follow_each_other(shop: Shop) -> None:
    shop.ask("POST", PATH, [{"email": f"p{number}@mail.example"} for number in range(25)])
    seen, url = [], f"{PATH}?limit=10"
    while url:
        page = body_of(shop.ask("GET", url))
        seen += [row["email"] for row in page["data"]]
        url = f"{PATH}?limit=10&after={page['next']}" if page["next"] else ""
    assert len(seen) == len(set(seen)) == 25


def test_the_list_is_narrowed(shop: Shop) -> None:
    now = utc_now()
    shop.ask(
        "POST",
        PATH,
        [{"email": ANN, "reason": "complaint"}, {"email": "bob@post.example", "reason": "unsubscribe"}],
    )
    suppress_address(shop.account.pk, "old@mail.example", reason="manual", now=now, expires_at=now)
    for query, found in (
        ("", {ANN, "bob@post.example"}),
        ("?email=mail.ex", {ANN}),
        (f"?email={ANN}", {ANN}),
        ("?reason=complaint", {ANN}),
        ("?scope=marketing", {"bob@post.example"}),
        ("?state=ended", {"old@mail.example"}),
        ("?state=any", {ANN, "bob@post.example", "old@mail.example"}),
    ):
        assert {row["email"] for row in body_of(shop.ask("GET", PATH + query))["data"]} == found, query


@pytest.mark.parametrize(
    "query",
    [
        "reason=x",
        "scope=x",
        "state=x",
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=%D9%A3",
        "limit=-1",
        "after=x",
        "after=W10",
    ],
)
def test_a_query_that_makes_no_sense_is_named(shop: Shop, query: str) -> None:
    problem = problem_of(shop.ask("GET", f"{PATH}?{query}"), 422)
    assert problem["errors"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize(
    "email", [ANN, "a+b@mail.example", "a/b@mail.example", "анна@пример.бел", "o'hara@mail.example"]
)
def test_one_address_is_looked_up_and_lifted_however_it_is_written(shop: Shop, email: str) -> None:
    problem_of(shop.ask("GET", "/api/v1/suppressions/ann@mail.example"), 404)
    body_of(shop.ask("POST", PATH, {"email": email}), 201)
    path = f"{PATH}/{email}"  # as a server hands it over: unquoted
    (found,) = body_of(shop.ask("GET", path))["data"]
    assert found["reason"] == "manual"
    assert shop.ask("DELETE", path).status == 204
    problem_of(shop.ask("GET", path), 404)
    problem_of(shop.ask("DELETE", path), 404)


def test_an_erased_person_is_shown_without_their_address(shop: Shop) -> None:
    suppress_address(shop.account.pk, ANN, reason="erasure", now=utc_now())
    Suppression.objects.for_account(shop.account).update(email="")
    (found,) = body_of(shop.ask("GET", one(ANN)))["data"]
    assert (found["email"], found["reason"]) == (None, "erasure")
    assert problem_of(shop.ask("DELETE", f"{one(ANN)}?confirm=erasure"), 409)["code"] == "erased"


# ── Lifting ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("reason", ["unsubscribe", "complaint"])
def test_a_persons_own_word_is_lifted_only_when_it_is_named(shop: Shop, reason: str) -> None:
    shop.ask("POST", PATH, {"email": ANN, "reason": reason})
    for query in ("", "?confirm=yes", "?confirm=manual"):
        problem = problem_of(shop.ask("DELETE", one(ANN) + query), 409)
        assert problem["code"] == "own_word"
        assert f"confirm={reason}" in problem["detail"]
    assert shop.ask("DELETE", f"{one(ANN)}?confirm={reason}").status == 204


def test_all_of_an_address_is_lifted_or_nothing(shop: Shop) -> None:
    shop.ask("POST", PATH, [{"email": ANN}, {"email": ANN, "reason": "unsubscribe"}])
    problem_of(shop.ask("DELETE", one(ANN)), 409)
    assert len(body_of(shop.ask("GET", one(ANN)))["data"]) == 2
    assert shop.ask("DELETE", f"{one(ANN)}?scope=all").status == 204
    (left,) = body_of(shop.ask("GET", one(ANN)))["data"]
    assert left["scope"] == "marketing"
    problem_of(shop.ask("GET", f"{one(ANN)}?scope=all"), 404)


@pytest.mark.promise("P5.2")
def test_another_account_is_not_there(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    alice.ask("POST", PATH, {"email": ANN})
    assert body_of(charlie.ask("GET", PATH))["data"] == []
    problem_of(charlie.ask("GET", one(ANN)), 404)
    problem_of(charlie.ask("DELETE", one(ANN)), 404)
    body_of(charlie.ask("POST", PATH, {"email": ANN}), 201)
    assert charlie.ask("DELETE", one(ANN)).status == 204
    assert len(body_of(alice.ask("GET", one(ANN)))["data"]) == 1


def test_no_answer_is_kept_by_a_cache(shop: Shop) -> None:
    for answer in (
        shop.ask("GET", PATH),
        shop.ask("POST", PATH, {"email": ANN}),
        shop.ask("GET", one("x@y.example")),
    ):
        assert answer.headers["cache-control"] == "no-store"


# ── Hostile requests ─────────────────────────────────────────────────────────────────────────────────────────────────
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
MOMENTS = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
FIELDS = {
    "email": JSON | st.just(ANN) | st.emails(),
    "reason": JSON | st.sampled_from(["manual", "complaint"]),
    "scope": JSON | st.sampled_from(["all", "marketing"]),
    "note": JSON | st.text(max_size=600),
    "since": JSON | MOMENTS,
    "expires_at": JSON | MOMENTS,
}
BODIES = (
    JSON
    | st.fixed_dictionaries({}, optional=FIELDS)
    | st.lists(st.fixed_dictionaries({}, optional=FIELDS), max_size=3)
)
FUZZ = settings(
    max_examples=60,
    deadline=timedelta(seconds=30),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def write(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


@FUZZ
@given(BODIES)
def test_no_body_breaks_it(shop: Shop, body: object) -> None:
    answer = shop.ask("POST", PATH, write(body))
    assert answer.status in (200, 201, 400, 422), answer.body


@FUZZ
@given(st.binary(max_size=60))
def test_no_bytes_break_it(shop: Shop, body: bytes) -> None:
    assert shop.ask("POST", PATH, body).status in (400, 422)


@FUZZ
@given(
    st.sampled_from(["email", "reason", "scope", "state", "limit", "after", "confirm"]),
    st.text(max_size=60) | st.binary(max_size=30),
    st.sampled_from(["", "/ann@mail.example"]),
)
def test_no_query_breaks_it(shop: Shop, name: str, value: str | bytes, tail: str) -> None:
    text = quote(value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass"))
    for method in ("GET", "DELETE"):
        assert shop.ask(method, f"{PATH}{tail}?{name}={text}").status in (200, 404, 405, 409, 422)


@FUZZ
@given(st.text(max_size=60).filter(lambda text: "?" not in text))
def test_no_address_in_the_path_breaks_it(shop: Shop, text: str) -> None:
    path = f"{PATH}/{text}".encode("utf-8", "replace").decode()
    assert shop.ask("GET", path).status in (200, 404, 422)
