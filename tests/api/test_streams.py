"""Streams, sending domains and senders through the API."""

from __future__ import annotations

import pytest

from dynamail.accounts.api_keys import Scope
from dynamail.events.counters import count_for_source
from dynamail.lib.clock import utc_now
from dynamail.senders.models import SendingDomain, Stream
from tests.api.conftest import Shop, body_of, problem_of

STREAMS, DOMAINS, SENDERS = "/api/v1/streams", "/api/v1/domains", "/api/v1/senders"


# ── Streams ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_stream_is_made_changed_archived_and_taken_back(shop: Shop) -> None:
    made = body_of(shop.ask("POST", STREAMS, {"name": "Password resets", "body_days": 0}), 201)
    assert (made["key"], made["kind"], made["body_days"], made["built_in"]) == (
        "password-resets",
        "transactional",
        0,
        False,
    )
    one = f"{STREAMS}/{made['id']}"
    row = Stream.objects.for_account(shop.account).get(key="password-resets")
    count_for_source(shop.account.pk, row.uid, "delivered", n=3, now=utc_now())
    for name in (made["id"], "password-resets"):
        found = body_of(shop.ask("GET", f"{STREAMS}/{name}"))
        assert (found["id"], found["counts"]["delivered"], found["counts"]["bounced"]) == (made["id"], 3, 0)
    changed = body_of(shop.ask("PATCH", one, {"tracks_opens": True, "log_days": 30}))
    assert changed == made | {"tracks_opens": True, "log_days": 30}
    assert shop.ask("DELETE", one).status == 204
    keys = [row["key"] for row in body_of(shop.ask("GET", STREAMS))["data"]]
    assert keys == ["transactional", "marketing"]
    assert len(body_of(shop.ask("GET", f"{STREAMS}?archived=true"))["data"]) == 3
    assert body_of(shop.ask("PATCH", one, {"archived": False}))["archived_at"] is None
    assert problem_of(shop.ask("DELETE", f"{STREAMS}/marketing"), 409)["code"] == "built_in"


def test_what_is_no_stream_is_named(shop: Shop) -> None:
    for body, field in (
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x", "key": "X"}, "key"),
        ({"name": "x", "key": "marketing"}, "key"),
        ({"name": "x", "kind": "else"}, "kind"),
        ({"name": "x", "body_days": 366}, "body_days"),
        ({"name": "x", "log_days": 0}, "log_days"),
    ):
        assert problem_of(shop.ask("POST", STREAMS, body), 422)["errors"][0]["field"] == field
    problem_of(shop.ask("GET", f"{STREAMS}/%00"), 404)


# ── Domains and senders ──────────────────────────────────────────────────────────────────────────────────────────────
def test_a_domain_is_added_with_the_records_to_publish(shop: Shop) -> None:
    made = body_of(shop.ask("POST", DOMAINS, {"name": "Shop.Example"}), 201)
    assert (made["name"], made["state"], made["checking"]) == ("shop.example", "pending", True)
    purposes = [record["purpose"] for record in made["records"]]
    assert purposes.count("dkim") == 2
    assert {"ownership", "dmarc"} <= set(purposes)
    assert {record["state"] for record in made["records"]} == {"unknown"}
    assert problem_of(shop.ask("POST", DOMAINS, {"name": "shop.example"}), 409)["code"] == "domain_exists"
    for name in (made["id"], "shop.example"):
        assert body_of(shop.ask("GET", f"{DOMAINS}/{name}")) == made
    assert body_of(shop.ask("POST", f"{DOMAINS}/{made['id']}/check"), 202)["checking"]
    assert [row["id"] for row in body_of(shop.ask("GET", DOMAINS))["data"]] == [made["id"]]
    assert shop.ask("DELETE", f"{DOMAINS}/{made['id']}").status == 204
    problem_of(shop.ask("GET", f"{DOMAINS}/{made['id']}"), 404)


def test_what_is_no_domain_or_sender_is_named(shop: Shop) -> None:
    for path, body, field in (
        (DOMAINS, {}, "name"),
        (DOMAINS, {"name": "localhost"}, "name"),
        (DOMAINS, {"name": "a b.example"}, "name"),
        (SENDERS, {}, "email"),
        (SENDERS, {"email": "nobody"}, "email"),
    ):
        assert problem_of(shop.ask("POST", path, body), 422)["errors"][0]["field"] == field


def test_a_sender_at_a_verified_domain_is_verified(shop: Shop) -> None:
    body_of(shop.ask("POST", DOMAINS, {"name": "shop.example"}), 201)
    waiting = body_of(shop.ask("POST", SENDERS, {"email": "a@other.example"}), 201)
    assert waiting["verified_at"] is None
    SendingDomain.objects.for_account(shop.account).update(state="verified")
    made = body_of(shop.ask("POST", SENDERS, {"email": "hello@shop.example", "name": "Shop"}), 201)
    assert made["verified_at"] is not None
    assert body_of(shop.ask("GET", f"{SENDERS}/{made['id']}")) == made
    problem = problem_of(shop.ask("POST", SENDERS, {"email": "hello@shop.example"}), 409)
    assert problem["code"] == "sender_exists"
    assert len(body_of(shop.ask("GET", SENDERS))["data"]) == 2


# ── Doors ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.promise("P5.2")
def test_another_accounts_are_not_there(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    stream = body_of(alice.ask("POST", STREAMS, {"name": "Mine"}), 201)
    domain = body_of(alice.ask("POST", DOMAINS, {"name": "shop.example"}), 201)
    sender = body_of(alice.ask("POST", SENDERS, {"email": "a@shop.example"}), 201)
    for name in (stream["id"], "mine"):
        problem_of(charlie.ask("GET", f"{STREAMS}/{name}"), 404)
        problem_of(charlie.ask("PATCH", f"{STREAMS}/{name}", {"name": "x"}), 404)
        problem_of(charlie.ask("DELETE", f"{STREAMS}/{name}"), 404)
    for name in (domain["id"], "shop.example"):
        problem_of(charlie.ask("GET", f"{DOMAINS}/{name}"), 404)
        problem_of(charlie.ask("POST", f"{DOMAINS}/{name}/check"), 404)
        problem_of(charlie.ask("DELETE", f"{DOMAINS}/{name}"), 404)
    problem_of(charlie.ask("GET", f"{SENDERS}/{sender['id']}"), 404)
    assert body_of(charlie.ask("GET", DOMAINS))["data"] == body_of(charlie.ask("GET", SENDERS))["data"] == []


def test_each_route_needs_its_scope(shop: Shop) -> None:
    reader, writer = shop.make_key(Scope.READ_DOMAINS), shop.make_key(Scope.WRITE_DOMAINS)
    for path in (STREAMS, DOMAINS, SENDERS):
        body_of(shop.ask("GET", path, key=reader))
        problem_of(shop.ask("POST", path, {}, key=reader), 403)
        problem_of(shop.ask("GET", path, key=writer), 403)
