"""What HTTP itself says of a request: how its body is packed, how long it is, its methods and its keys."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.api.conftest import Shop, body_of, problem_of

EMAIL = {"from": "hello@acme.example", "to": "ann@mail.example", "subject": "x", "text": "y"}


@pytest.mark.parametrize("path", ["emails", "emails/batch", "contacts", "events", "media?filename=a.png"])
def test_a_body_that_was_packed_is_refused_as_such(shop: Shop, path: str) -> None:
    packed = gzip.compress(json.dumps(EMAIL).encode())
    answer = shop.ask("POST", f"/api/v1/{path}", packed, headers={"content-encoding": "gzip"})
    problem = problem_of(answer, 415)
    assert problem["code"] == "unsupported_encoding"
    assert "gzip" in problem["detail"]
    assert "Content-Encoding" in problem["hint"]
    assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(("path", "limit"), [("emails", "36 MB"), ("contacts", "10 MB"), ("media", "25 MB")])
def test_a_body_that_is_too_large_learns_the_limit(shop: Shop, path: str, limit: str) -> None:
    answer = shop.ask("POST", f"/api/v1/{path}", b"{}", headers={"content-length": "99000000"})
    problem = problem_of(answer, 413)
    assert problem["code"] == "too_large"
    assert limit in problem["detail"]


@pytest.mark.parametrize("path", ["emails", "emails/batch", "events", "topics"])
def test_an_empty_idempotency_key_is_refused_everywhere(shop: Shop, path: str) -> None:
    body = {
        "emails": EMAIL,
        "emails/batch": {"emails": [EMAIL]},
        "events": {"name": "x", "email": "ann@mail.example"},
        "topics": {"name": "News"},
    }[path]
    problem = problem_of(shop.ask("POST", f"/api/v1/{path}", body, headers={"idempotency-key": ""}), 400)
    assert problem["code"] == "bad_idempotency_key"


def test_head_asks_with_a_key_like_get(shop: Shop) -> None:
    body_of(shop.ask("GET", "/api/v1/topics"))
    answer = shop.ask("HEAD", "/api/v1/topics")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0
