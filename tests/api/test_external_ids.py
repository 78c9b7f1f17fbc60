"""Contacts named by the ids of other systems, through the API."""

from __future__ import annotations

from typing import Any

from dynamail.accounts.api_keys import Scope
from dynamail.events.models import CustomEvent
from tests.api.conftest import Shop, body_of, problem_of

PATH = "/api/v1/contacts"
EVENTS = "/api/v1/events"


def add(shop: Shop, email: str, **values: Any) -> dict[str, Any]:
    made: dict[str, Any] = body_of(shop.ask("POST", PATH, {"email": email, **values}), 201)
    return made


def path_of(external_id: str) -> str:
    return f"{PATH}/external_id:{external_id}"  # as a server hands it on


def test_a_contact_has_external_ids_and_is_found_by_each(shop: Shop) -> None:
    ann = add(shop, "ann@mail.example", external_id="u1")
    assert ann["external_ids"] == ["u1"]
    changed = body_of(shop.ask("PATCH", f"{PATH}/{ann['id']}", {"external_id": "crm:a b@7"}))
    assert changed["external_ids"] == ["u1", "crm:a b@7"]
    assert changed["updated_at"] > ann["updated_at"]
    for name in ("u1", "crm:a b@7"):
        assert body_of(shop.ask("GET", path_of(name))) == changed
    assert body_of(shop.ask("PUT", path_of("u1"), {"name": "Ann"}))["name"] == "Ann"
    assert body_of(shop.ask("POST", f"{path_of('u1')}/tags", {"add": ["vip"]}))["tags"] == ["vip"]
    assert body_of(shop.ask("GET", f"{path_of('u1')}/topics"))["data"] == []
    (listed,) = body_of(shop.ask("GET", PATH))["data"]
    assert listed["external_ids"] == ["u1", "crm:a b@7"]
    assert shop.ask("DELETE", path_of("u1")).status == 204
    for name in ("u1", "U1", "\x00", "", "crm:a b@7", "a@mail.example"):
        for tail in ("", "/topics", "/timeline", "/disclosures"):
            problem_of(shop.ask("GET", path_of(name) + tail), 404)
    problem_of(shop.ask("PUT", path_of("u1"), {}), 404)


def test_an_external_id_of_another_contact_is_refused_and_nothing_is_done(shop: Shop) -> None:
    ann = add(shop, "ann@mail.example", external_id="u1")
    bob = add(shop, "bob@mail.example")
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", PATH, {"email": "new@mail.example"}),
        ("POST", PATH, {"email": "bob@mail.example", "mode": "upsert", "name": "No"}),
        ("PUT", f"{PATH}/other@mail.example", {}),
        ("PATCH", f"{PATH}/{bob['id']}", {"name": "No"}),
    ]
    for method, path, body in requests:
        problem = problem_of(shop.ask(method, path, body | {"external_id": "u1"}), 409)
        assert problem["code"] == "external_id_taken"
        assert problem["errors"] == [{"field": "external_id", "message": ann["id"]}]
    listed = body_of(shop.ask("GET", PATH))["data"]
    assert {one["email"]: one["external_ids"] for one in listed} == {
        "ann@mail.example": ["u1"],
        "bob@mail.example": [],
    }
    assert body_of(shop.ask("GET", f"{PATH}/{bob['id']}")) == bob
    for wrong in ("", "x" * 256, "eve@mail.example", "a\nb"):
        problem = problem_of(shop.ask("PATCH", f"{PATH}/{bob['id']}", {"external_id": wrong}), 422)
        assert [error["field"] for error in problem["errors"]] == ["external_id"]


def test_an_external_id_is_taken_off_and_free_for_another(shop: Shop) -> None:
    ann, bob = add(shop, "ann@mail.example", external_id="u1"), add(shop, "bob@mail.example")
    for owner, wrong in ((ann, "u2"), (bob, "u1"), (ann, "\x00")):
        problem_of(shop.ask("DELETE", f"{PATH}/{owner['id']}/external_ids/{wrong}"), 404)
    assert shop.ask("DELETE", f"{path_of('u1')}/external_ids/u1").status == 204
    assert body_of(shop.ask("GET", f"{PATH}/{ann['id']}"))["external_ids"] == []
    assert body_of(shop.ask("PATCH", f"{PATH}/{bob['id']}", {"external_id": "u1"}))["external_ids"] == ["u1"]


def test_a_batch_links_external_ids(shop: Shop) -> None:
    add(shop, "ann@mail.example", external_id="u1")
    bodies = [
        {"email": "ann@mail.example", "external_id": "u1"},
        {"email": "ann@mail.example", "external_id": "u1b"},
        {"email": "new@mail.example", "external_id": "u2"},
        {"email": "NEW@mail.example", "external_id": "u2"},
        {"email": "bob@mail.example", "external_id": "u1"},
        {"email": "cleo@mail.example", "external_id": "u2"},
        {"email": "dan@mail.example", "external_id": "dan@mail.example"},
        {"email": "eve@mail.example"},
    ]
    told = body_of(shop.ask("POST", f"{PATH}/batch", {"contacts": bodies}))
    assert [one["result"] for one in told["results"]] == [
        "unchanged",
        "changed",
        "created",
        "changed",
        "refused",
        "refused",
        "refused",
        "created",
    ]
    assert {one["errors"][0]["field"] for one in told["results"][4:7]} == {"external_id"}
    listed = body_of(shop.ask("GET", PATH))["data"]
    assert {one["email"]: one["external_ids"] for one in listed} == {
        "ann@mail.example": ["u1", "u1b"],
        "new@mail.example": ["u2"],
        "eve@mail.example": [],
    }


def test_an_event_is_of_whom_an_external_id_names(shop: Shop) -> None:
    add(shop, "ann@mail.example", external_id="u1")
    body_of(shop.ask("POST", EVENTS, {"name": "seen", "external_id": "u1"}), 201)
    assert CustomEvent.objects.for_account(shop.account).count() == 1
    for wrong, field, code in (
        ({"external_id": "u2"}, "external_id", "unknown_contact"),
        ({"external_id": "u1", "email": "ann@mail.example"}, "email", "two_contacts"),
        ({"external_id": "u\x00"}, "external_id", "bad_external_id"),
    ):
        problem = problem_of(shop.ask("POST", EVENTS, {"name": "seen", **wrong}), 422)
        assert (problem["code"], problem["errors"][0]["field"]) == (code, field)
    events = [{"name": "seen", "external_id": name} for name in ("u1", "u2", "u1")]
    told = body_of(shop.ask("POST", f"{EVENTS}/batch", {"events": events}))
    assert [one["result"] for one in told["results"]] == ["accepted", "refused", "accepted"]


def test_external_ids_of_other_accounts_name_nobody(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    add(alice, "ann@mail.example", external_id="u1")
    problem_of(charlie.ask("GET", path_of("u1")), 404)
    problem_of(charlie.ask("POST", EVENTS, {"name": "seen", "external_id": "u1"}), 422)
    assert add(charlie, "zoe@mail.example", external_id="u1")["external_ids"] == ["u1"]
    reader = alice.make_key(Scope.READ_SEGMENTS)
    problem_of(alice.ask("GET", path_of("u1"), key=reader), 403)
