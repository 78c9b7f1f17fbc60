"""Topics, attributes and tags through the API."""

from __future__ import annotations

import pytest

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import AuditEntry
from tests.api.conftest import Shop, body_of, problem_of

TOPICS, ATTRIBUTES, TAGS = "/api/v1/topics", "/api/v1/attributes", "/api/v1/tags"


def names_of(shop: Shop, path: str, name: str = "name") -> list[str]:
    return [row[name] for row in body_of(shop.ask("GET", path))["data"]]


def actions_of(shop: Shop, prefix: str) -> list[tuple[str, str]]:
    rows = AuditEntry.objects.for_account(shop.account).filter(action__startswith=prefix).order_by("pk")
    return list(rows.values_list("action", "actor_kind"))


# ── Topics ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_topic_is_made_changed_archived_and_taken_back(shop: Shop) -> None:
    body = {"name": " Product  news ", "description": "Monthly", "is_public": False, "tracking": "aggregate"}
    made = body_of(shop.ask("POST", TOPICS, body), 201)
    assert (made["name"], made["tracking"], made["is_public"]) == ("Product news", "aggregate", False)
    one = f"{TOPICS}/{made['id']}"
    assert body_of(shop.ask("GET", one)) == made
    changed = body_of(shop.ask("PATCH", one, {"name": "News", "is_public": True}))
    assert changed == made | {"name": "News", "is_public": True}
    assert shop.ask("DELETE", one).status == shop.ask("DELETE", one).status == 204
    assert "News" not in names_of(shop, TOPICS)
    assert "News" in names_of(shop, f"{TOPICS}?archived=true")
    assert body_of(shop.ask("PATCH", one, {"archived": False}))["archived_at"] is None
    assert actions_of(shop, "topic.") == [
        ("topic.created", "api_key"),
        ("topic.changed", "api_key"),
        ("topic.archived", "api_key"),
        ("topic.restored", "api_key"),
    ]


def test_what_is_no_topic_is_named(shop: Shop) -> None:
    body_of(shop.ask("POST", TOPICS, {"name": "Taken"}), 201)
    for body, field in (
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "Taken"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "x", "tracking": "all"}, "tracking"),
        ({"name": "x", "colour": 1}, "colour"),
    ):
        assert problem_of(shop.ask("POST", TOPICS, body), 422)["errors"][0]["field"] == field


# ── Attributes ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_attribute_is_made_changed_archived_and_taken_back(shop: Shop) -> None:
    body = {"label": "Favourite colour", "type": "choice", "choices": ["red", "green"]}
    made = body_of(shop.ask("POST", ATTRIBUTES, body), 201)
    assert (made["key"], made["type"], made["choices"]) == ("favourite_colour", "choice", ["red", "green"])
    one = f"{ATTRIBUTES}/{made['id']}"
    changed = body_of(shop.ask("PATCH", one, {"choices": ["red", "blue"]}))
    assert changed == made | {"choices": ["red", "blue"]} == body_of(shop.ask("GET", one))
    assert shop.ask("DELETE", one).status == 204
    assert names_of(shop, ATTRIBUTES, "key") == []
    assert names_of(shop, f"{ATTRIBUTES}?archived=true", "key") == ["favourite_colour"]
    body_of(shop.ask("PATCH", one, {"archived": False, "label": "Colour"}))
    assert names_of(shop, ATTRIBUTES, "label") == ["Colour"]


def test_what_is_no_attribute_is_named(shop: Shop) -> None:
    body_of(shop.ask("POST", ATTRIBUTES, {"label": "City"}), 201)
    for body, field in (
        ({}, "label"),
        ({"label": " "}, "label"),
        ({"label": "City", "key": "city"}, "key"),
        ({"label": "X", "key": "Bad Key"}, "key"),
        ({"label": "X", "key": "email"}, "key"),
        ({"label": "X", "type": "choice"}, "choices"),
        ({"label": "X", "type": "money"}, "type"),
    ):
        assert problem_of(shop.ask("POST", ATTRIBUTES, body), 422)["errors"][0]["field"] == field


# ── Tags ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_tag_is_made_renamed_and_deleted(shop: Shop) -> None:
    made = body_of(shop.ask("POST", TAGS, {"name": "vip"}), 201)
    assert problem_of(shop.ask("POST", TAGS, {"name": "VIP"}), 422)["errors"][0]["field"] == "name"
    one = f"{TAGS}/{made['id']}"
    assert body_of(shop.ask("PATCH", one, {"name": "gold"}))["name"] == "gold"
    contact = body_of(shop.ask("POST", "/api/v1/contacts", {"email": "a@b.example", "tags": ["gold"]}), 201)
    assert shop.ask("DELETE", one).status == 204
    assert body_of(shop.ask("GET", f"/api/v1/contacts/{contact['id']}"))["tags"] == []
    assert names_of(shop, TAGS) == []


# ── Doors ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.promise("P5.2")
def test_another_accounts_catalogue_is_not_there(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    ones = [
        f"{path}/{body_of(alice.ask('POST', path, body), 201)['id']}"
        for path, body in (
            (TOPICS, {"name": "Mine"}),
            (ATTRIBUTES, {"label": "Mine"}),
            (TAGS, {"name": "mine"}),
        )
    ]
    for one in ones:
        change = {"label": "x"} if ATTRIBUTES in one else {"name": "x"}
        problem_of(charlie.ask("PATCH", one, change), 404)
        problem_of(charlie.ask("DELETE", one), 404)
        if TAGS not in one:
            problem_of(charlie.ask("GET", one), 404)
    for path in (TOPICS, ATTRIBUTES, TAGS):
        assert "mine" not in [str(row).lower() for row in names_of(charlie, path, "id")]
        assert problem_of(alice.ask("GET", f"{path}/nonsense" if path != TAGS else f"{path}x"), 404)


def test_each_route_needs_its_scope(shop: Shop) -> None:
    stranger = shop.make_key(Scope.READ_MESSAGES)
    for path in (TOPICS, ATTRIBUTES, TAGS):
        problem_of(shop.ask("GET", path, key=stranger), 403)
        problem_of(shop.ask("POST", path, {}, key=stranger), 403)
    reader = shop.make_key(Scope.READ_TOPICS, Scope.READ_CONTACTS)
    for path in (TOPICS, ATTRIBUTES, TAGS):
        body_of(shop.ask("GET", path, key=reader))
        problem_of(shop.ask("POST", path, {"name": "x"}, key=reader), 403)
