from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

import dynamail
from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import ApiRequest
from dynamail.accounts.request_log import (
    LONGEST_MASKED,
    OWN_WORDS,
    NewApiRequest,
    RequestLog,
    forget_old_requests,
    mask_body,
    mask_json,
    mask_text,
)
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from tests.api.conftest import FreshConnections, Shop, body_of, database_dsn, problem_of

PATH = "/api/v1/requests"
SUPPRESSIONS = "/api/v1/suppressions"
ROOT = Path(dynamail.__file__).parent


@pytest.fixture
def shop(shops: tuple[Shop, Shop], committed_database: str) -> Shop:
    # Under the role of the real pool: what the owner of the tables may do proves nothing.
    dsn = make_conninfo(database_dsn(committed_database), options="-c role=dynamail_work")
    log: Any = RequestLog(FreshConnections(dsn))
    shops[0].app.state.requests = log
    return shops[0]


def write(shop: Shop) -> None:
    async_to_sync(shop.app.state.requests.flush)()


def logged(shop: Shop) -> list[ApiRequest]:
    write(shop)
    return list(ApiRequest.objects.for_account(shop.account).order_by("id"))


# ── What is kept ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_request_is_in_the_log_with_its_id_and_its_time(shop: Shop) -> None:
    answer = shop.ask("GET", f"{SUPPRESSIONS}?email=ann@mail.example")
    (row,) = logged(shop)
    assert row.public_id == answer.headers["x-request-id"]
    assert (row.door, row.method, row.path, row.status, row.code) == ("api", "GET", SUPPRESSIONS, 200, "")
    assert (row.body, row.detail) == (None, "")
    assert row.ms >= 0


@pytest.mark.promise("P2.4")
def test_of_a_refused_body_the_shape_is_kept_and_no_value(shop: Shop) -> None:
    body = {"email": "canary.person@mail.example", "reason": "manuel", "note": "Canary Person, Grodno"}
    answer = shop.ask("POST", SUPPRESSIONS, body)
    problem = problem_of(answer, 422)
    (row,) = logged(shop)
    assert (row.status, row.code, row.public_id) == (422, "invalid", problem["request_id"])
    assert row.body["request"] == {
        "email": "address, 26 characters",
        "reason": "text, 6 characters",
        "note": "text, 21 characters",
    }
    assert row.body["errors"][0]["field"] == "reason"
    assert "canary" not in str(vars(row)).lower()


@pytest.mark.promise("P2.4")
def test_an_address_in_the_path_is_not_kept(shop: Shop) -> None:
    problem_of(shop.ask("GET", f"{SUPPRESSIONS}/canary@mail.example"), 404)
    problem_of(shop.ask("GET", f"{SUPPRESSIONS}/canary-without-at"), 422)
    rows = logged(shop)
    assert [row.path for row in rows] == [f"{SUPPRESSIONS}/{{email}}"] * 2
    assert "canary" not in str([vars(row) for row in rows])


def test_a_request_of_nobody_is_not_kept_and_one_that_lacks_a_scope_is(shop: Shop) -> None:
    shop.ask("GET", SUPPRESSIONS, key="")
    shop.ask("GET", SUPPRESSIONS, key=shop.make_key(Scope.WRITE_EVENTS))
    (row,) = logged(shop)
    assert (row.status, row.code) == (403, "missing_scope")


def test_a_body_that_cannot_be_kept_keeps_no_request_out(shop: Shop) -> None:
    for body in (b"\xff\x00", b'{"a": "\\u0000"}', b'{"\\u0000 a": "x"}', b"{" * 9000, b'"' + b"x" * 100_000):
        assert shop.ask("POST", SUPPRESSIONS, body).status in (400, 422)
    wide = {f"key {place}": "x" * 50 for place in range(2000)}
    shop.ask("POST", SUPPRESSIONS, wide)
    rows = logged(shop)
    assert len(rows) == 6
    assert all(len(str(row.body)) <= LONGEST_MASKED + 100 for row in rows)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_whatever_was_sent_is_masked(value: Any) -> None:
    shown = mask_json({"secret": ["Canary-4711", value]})
    assert "Canary-4711" not in str(shown)


@given(st.binary(max_size=200))
def test_whatever_came_has_a_mask(raw: bytes) -> None:
    mask_body(raw)


def test_one_time_values_leave_nothing_of_them() -> None:
    masked = mask_json({"data": {"code": {"value": "9182", "persistent": False}}})
    assert masked == {"data": {"code": "one-time value"}}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Cannot be accepted; see “errors”.", "Cannot be accepted; see “errors”."),
        ("is not what “next” of a page said", "is not what “next” of a page said"),
        ("There is no “Canary-4711” here.", "There is no “…” here."),
        ("'it's Canary-4711' is no name", "“…” is no name"),
        ("The key's list and the account's name", "The key's list and the account's name"),
        ('"Canary-4711" and `Canary-4711`', "“…” and “…”"),
        ("From “Acme <hello@acme.example>”", "From “Acme <…@…>”"),
    ],
)
def test_our_own_words_stay_and_what_was_sent_goes(said: str, kept: str) -> None:
    assert mask_text(said) == kept


def test_every_word_that_our_refusals_quote_is_known_to_the_mask() -> None:
    """In what programs are told: a sentence of which the log hides our own words helps nobody."""
    found: set[str] = set()
    for package in ("api", "smtpd", "messages", "events", "consent", "webhooks", "inbound"):
        for path in (ROOT / package).glob("*.py"):
            if path.name not in ("hints.py", "introduction.py", "documentation.py", "misfits.py"):
                found |= set(_list_quoted(ast.parse(path.read_text())))
    assert found - OWN_WORDS == set()


def _list_quoted(tree: ast.Module) -> Iterator[str]:
    texts = [
        node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in texts:
        if id(node) not in documented:
            yield from re.findall(r"“([^”%{}]+)”", str(node.value))


# ── How it is written ────────────────────────────────────────────────────────────────────────────────────────────────
def some_request(shop: Shop, **values: Any) -> NewApiRequest:
    return NewApiRequest(shop.account.pk, new_id(), utc_now(), None, **values)


def test_a_full_queue_drops_and_counts(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynamail.accounts.request_log.QUEUE", 2)
    log = shop.app.state.requests
    for _place in range(5):
        log.note(some_request(shop))
    assert log.dropped == 3
    assert len(logged(shop)) == 2


def test_bodies_that_take_too_much_memory_go_first(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynamail.accounts.request_log.QUEUE_BYTES", 10)
    for _place in range(2):
        shop.app.state.requests.note(some_request(shop, status=422, raw=b'{"a": 1}'))
    kept = [row.body for row in logged(shop) if row.body is not None]
    assert kept == [{"request": {"a": "number"}}]


def test_a_database_that_is_away_is_waited_for(shop: Shop, committed_database: str) -> None:
    log = RequestLog(FreshConnections("postgresql://nobody@127.0.0.1:1/none"))
    log.note(some_request(shop))
    async_to_sync(log.flush)()
    log._pool = FreshConnections(database_dsn(committed_database))
    async_to_sync(log.flush)()
    assert ApiRequest.objects.for_account(shop.account).count() == 1


def test_after_thirty_days_nothing_is_left(shop: Shop) -> None:
    log = shop.app.state.requests
    for days in (31, 29):
        at = utc_now() - timedelta(days=days)
        log.note(NewApiRequest(shop.account.pk, new_id(at), at, None))
    write(shop)
    assert forget_old_requests(now=utc_now()) >= 1
    (row,) = ApiRequest.objects.for_account(shop.account)
    assert row.at > utc_now() - timedelta(days=30)


# ── How it is read ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_log_is_listed_by_pages_and_one_request_by_its_id(shop: Shop) -> None:
    answers = [shop.ask("GET", f"{SUPPRESSIONS}?limit={limit}") for limit in (1, 0, 2)]
    write(shop)
    first = body_of(shop.ask("GET", f"{PATH}?limit=2"))
    assert [row["status"] for row in first["data"]] == [200, 422]
    assert first["has_more"] is True
    rest = body_of(shop.ask("GET", f"{PATH}?limit=2&after={first['next']}"))
    assert [row["id"] for row in rest["data"]] == [answers[0].headers["x-request-id"]]
    assert (rest["has_more"], rest["next"]) == (False, None)
    refused = body_of(shop.ask("GET", f"{PATH}/{first['data'][1]['id']}"))
    assert refused == first["data"][1]
    assert refused["body"]["errors"][0]["field"] == "limit"


def test_the_log_is_searched(shop: Shop) -> None:
    shop.ask("GET", SUPPRESSIONS)
    wrong = shop.ask("POST", SUPPRESSIONS, {"email": "x"}).headers["x-request-id"]
    write(shop)
    for query in (
        "status=4xx",
        "status=422",
        "code=invalid",
        "method=post",
        "search=inval",
        f"search={wrong}",
    ):
        assert [row["id"] for row in body_of(shop.ask("GET", f"{PATH}?{query}"))["data"]] == [wrong], query
    for query, number in (("path=/api/v1/supp", 2), ("path=/api/v2", 0), ("door=smtp", 0), ("search=%25", 0)):
        assert len(body_of(shop.ask("GET", f"{PATH}?{query}"))["data"]) == number, query
    for query in ("status=9xx", "status=44", "limit=101", "limit=x", "after=x", "colour=red", "since=soon"):
        problem_of(shop.ask("GET", f"{PATH}?{query}"), 422)


@pytest.mark.promise("P5.2")
def test_another_account_s_requests_are_not_there(shops: tuple[Shop, Shop], shop: Shop) -> None:
    name = shop.ask("GET", SUPPRESSIONS).headers["x-request-id"]
    write(shop)
    assert body_of(shops[1].ask("GET", PATH))["data"] == []
    problem_of(shops[1].ask("GET", f"{PATH}/{name}"), 404)
