"""POST routes other than /emails, which has tests of its own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from litestar.exceptions import LitestarException

from dynamail.accounts.models import IdempotencyKey
from dynamail.api import segments as api_segments
from dynamail.consent.models import Suppression
from dynamail.events.models import CustomEvent
from dynamail.segments.models import Segment
from tests.api.conftest import Shop, body_of, problem_of
from tests.support.asgi import Answer, make_scope
from tests.support.people import make_contact

SEGMENTS, EVENTS, SUPPRESSIONS = "/api/v1/segments", "/api/v1/events", "/api/v1/suppressions"
SEGMENT = {"name": "Everybody", "definition": {}}


def post(shop: Shop, path: str, body: Any, name: str = "key-1", **values: Any) -> Answer:
    return shop.ask("POST", path, body, headers={"idempotency-key": name}, **values)


def test_the_same_request_again_gets_the_same_answer_and_does_nothing(shop: Shop) -> None:
    first, second = post(shop, SEGMENTS, SEGMENT), post(shop, SEGMENTS, SEGMENT)
    assert body_of(second, 201) == body_of(first, 201)
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["x-request-id"] != first.headers["x-request-id"]
    assert Segment.objects.for_account(shop.account).count() == 1


def test_the_status_of_the_first_answer_is_kept(shop: Shop) -> None:
    """Without the key, the second would be 200: the address is suppressed already."""
    body = {"email": "ann@mail.example"}
    assert [post(shop, SUPPRESSIONS, body).status for _time in range(2)] == [201, 201]
    assert Suppression.objects.for_account(shop.account).count() == 1


def test_events_are_taken_once(shop: Shop) -> None:
    make_contact(shop.account)
    event = {"name": "visit", "email": "dana@mail.example"}
    for path, body, status in ((EVENTS, event, 201), (f"{EVENTS}/batch", {"events": [event]}, 200)):
        first, second = post(shop, path, body, path), post(shop, path, body, path)
        assert body_of(first, status) == body_of(second, status)
        assert second.headers["idempotency-replayed"] == "true"
    assert CustomEvent.objects.for_account(shop.account).count() == 2


def test_another_request_under_the_same_key_is_refused(shop: Shop) -> None:
    body_of(post(shop, SEGMENTS, SEGMENT), 201)
    other = [(SEGMENTS, SEGMENT | {"name": "Other"}), (f"{SEGMENTS}/count", {"condition": {}}), (EVENTS, {})]
    for path, body in other:
        assert problem_of(post(shop, path, body), 409)["code"] == "idempotency_conflict"
    assert Segment.objects.for_account(shop.account).count() == 1


def test_another_account_may_use_the_same_key(shops: tuple[Shop, Shop]) -> None:
    for shop in shops:
        answer = post(shop, SEGMENTS, SEGMENT)
        body_of(answer, 201)
        assert "idempotency-replayed" not in answer.headers


def test_what_was_refused_may_be_corrected_under_the_same_key(shop: Shop) -> None:
    problem_of(post(shop, SEGMENTS, SEGMENT | {"name": ""}), 422)
    problem_of(post(shop, SEGMENTS, b"{"), 400)
    assert not IdempotencyKey.objects.for_account(shop.account).exists()
    body_of(post(shop, SEGMENTS, SEGMENT), 201)


@pytest.mark.parametrize("key", ["", " ", "x" * 257, "caf\xe9", "a\tb"])
def test_a_key_that_cannot_be_one_is_refused(shop: Shop, key: str) -> None:
    assert problem_of(post(shop, SEGMENTS, SEGMENT, key), 400)["code"] == "bad_idempotency_key"
    assert not Segment.objects.for_account(shop.account).exists()


def test_reading_takes_no_key(shop: Shop) -> None:
    for _time in range(2):
        answer = shop.ask("GET", SEGMENTS, headers={"idempotency-key": "k"})
        body_of(answer)
        assert "idempotency-replayed" not in answer.headers


def test_many_at_once_do_it_once(shop: Shop) -> None:
    secret = shop.key  # made here: a thread would keep its connection
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _time: post(shop, SEGMENTS, SEGMENT, key=secret), range(24)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert Segment.objects.for_account(shop.account).count() == 1


def test_an_answer_that_was_not_committed_is_not_sent(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of the database goes while the answer is made."""

    def make_and_lose_connection(*given: Any, **named: Any) -> Segment:
        segment = create_segment(*given, **named)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (victim,) = cursor.fetchone()
        killer = threading.Thread(target=kill_connection, args=(victim,))
        killer.start()
        killer.join()
        return segment

    create_segment = api_segments.create_segment
    monkeypatch.setattr(api_segments, "create_segment", make_and_lose_connection)
    assert problem_of(post(shop, SEGMENTS, SEGMENT), 503)["code"] == "unavailable"
    monkeypatch.undo()
    answer = post(shop, SEGMENTS, SEGMENT)
    body_of(answer, 201)
    assert "idempotency-replayed" not in answer.headers


def kill_connection(process: int) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [process])
    finally:
        connection.close()


def test_a_request_whose_caller_is_gone_leaves_no_transaction_behind(shop: Shop) -> None:
    """The answer cannot be sent; it was committed, and the same request gets it."""
    raw = b'{"name": "Everybody", "definition": {}}'
    scope = make_scope(
        "POST",
        SEGMENTS,
        {
            "authorization": f"Bearer {shop.key}",
            "content-type": "application/json",
            "idempotency-key": "key-1",
        },
    )

    async def receive() -> Any:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(_message: Any) -> None:
        raise ConnectionResetError

    with pytest.raises(LitestarException):
        async_to_sync(shop.app)(scope, receive, send)  # type: ignore[arg-type]
    answer = shop.ask("POST", SEGMENTS, raw, headers={"idempotency-key": "key-1"})
    body_of(answer, 201)
    assert answer.headers["idempotency-replayed"] == "true"
