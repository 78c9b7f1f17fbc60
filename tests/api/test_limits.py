from __future__ import annotations

import pytest

from dynamail.accounts.api_keys import Scope, make_secret
from dynamail.api.limits import Bucket, Limits, TokenBuckets
from tests.api.conftest import Shop, body_of, problem_of

PATH, EVENTS = "/api/v1/suppressions", "/api/v1/events/batch"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def slow_down(shop: Shop, rate: float, intake: float = 1000.0) -> Clock:
    clock = Clock()
    shop.app.state.limits = Limits(rate, intake, clock)
    return clock


# ── The bucket ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_burst_passes_and_then_one_for_each_token_that_comes() -> None:
    clock = Clock()
    buckets = TokenBuckets(2.0, 4.0, clock)
    assert [buckets.take("a").remaining for _place in range(4)] == [3, 2, 1, 0]
    refused = buckets.take("a")
    assert (refused.wait, refused.reset, refused.limit) == (1, 2, 4)
    assert buckets.take("b").wait == 0
    clock.now += 0.5
    assert [buckets.take("a").wait for _place in range(2)] == [0, 1]
    clock.now += 3600
    assert buckets.take("a").remaining == 3


def test_what_a_batch_owes_is_waited_for() -> None:
    clock = Clock()
    limits = Limits(1.0, 10.0, clock)
    assert limits.take(Bucket.EVENTS, 1).remaining == 19
    assert limits.charge(Bucket.EVENTS, 1, 500).remaining == 0  # 49 more
    assert limits.take(Bucket.EVENTS, 1).wait == 4
    clock.now += 4
    assert limits.take(Bucket.EVENTS, 1).wait == 0
    assert limits.charge(Bucket.EMAILS, 1, 5).remaining == 20


def test_buckets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynamail.api.limits.MOST_BUCKETS", 3)
    buckets = TokenBuckets(1.0, 1.0, Clock())
    for owner in range(10):
        buckets.take(owner)
    assert len(buckets._tokens) == 3


# ── At the door ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_every_answer_says_where_the_key_stands(shop: Shop) -> None:
    slow_down(shop, 5)
    for left, (path, status) in enumerate(
        [(PATH, 200), (f"{PATH}?limit=x", 422), (f"{PATH}/a@b.example", 404)]
    ):
        answer = shop.ask("GET", path)
        assert answer.status == status
        names = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
        assert [answer.headers[name] for name in names] == ["10", str(9 - left), "1"]
    assert "ratelimit-limit" not in shop.ask("GET", "/api/v1/openapi.json", key="").headers


def test_who_asks_too_fast_is_told_how_long_to_wait(shop: Shop) -> None:
    clock = slow_down(shop, 0.5)
    body_of(shop.ask("GET", PATH))
    answer = shop.ask("GET", PATH)
    assert problem_of(answer, 429)["code"] == "too_many_requests"
    assert (answer.headers["retry-after"], answer.headers["ratelimit-remaining"]) == ("2", "0")
    body_of(shop.ask("GET", PATH, key=shop.make_key(*Scope)))
    clock.now += 2
    body_of(shop.ask("GET", PATH))


def test_a_batch_is_one_request_for_every_ten_things_in_it(shop: Shop) -> None:
    slow_down(shop, 1, 10)
    answer = shop.ask("POST", EVENTS, {"events": [{"name": "visit", "email": "nobody@mail.example"}] * 50})
    body_of(answer)
    assert answer.headers["ratelimit-remaining"] == "15"


def test_an_ipv6_host_guesses_no_longer_by_taking_another_address() -> None:
    limits = Limits(100.0, 1000.0, Clock())
    for number in range(30):
        limits.note_wrong_key(f"2001:db8::{number:x}")
    assert limits.has_guessed_enough("2001:db8::ffff:1")
    assert not limits.has_guessed_enough("2001:db8:0:1::1")


def test_a_key_in_a_wrong_place_costs_its_holder_nothing(shop: Shop) -> None:
    slow_down(shop, 1.0)
    stolen = shop.make_key(*Scope, allowed_ips=["198.51.100.7"])
    for _time in range(5):
        answer = shop.ask("GET", PATH, key=stolen)
        assert problem_of(answer, 403)["code"] == "ip_not_allowed"
        assert "ratelimit-remaining" not in answer.headers


def test_who_guesses_keys_is_stopped_and_a_neighbor_whose_key_works_is_not(shop: Shop) -> None:
    clock = slow_down(shop, 1000)
    body_of(shop.ask("GET", PATH))
    statuses = [shop.ask("GET", PATH, key=make_secret()).status for _place in range(32)]
    assert (statuses[:30], statuses[30:]) == ([401] * 30, [429] * 2)
    answer = shop.ask("GET", PATH, key=make_secret())
    assert problem_of(answer, 429)["code"] == "too_many_wrong_keys"
    assert answer.headers["retry-after"] == "2"
    body_of(shop.ask("GET", PATH))
    clock.now += 2
    problem_of(shop.ask("GET", PATH, key=make_secret()), 401)
