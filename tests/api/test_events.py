from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynamail.accounts.api_keys import Scope
from dynamail.contacts.models import Contact, ContactState
from dynamail.events.models import CustomEvent, EventName
from dynamail.lib.clock import utc_now
from tests.api.conftest import Shop, body_of, problem_of
from tests.support.people import make_contact

PATH = "/api/v1/events"
BATCH = f"{PATH}/batch"
NAMES = f"{PATH}/names"


@pytest.fixture
def dana(shop: Shop) -> Contact:
    return make_contact(shop.account)


def order(**values: Any) -> dict[str, Any]:
    return {"name": "order.placed", "email": "dana@mail.example", "properties": {"total": 99}, **values}


def kept(shop: Shop) -> list[CustomEvent]:
    return list(CustomEvent.objects.for_account(shop.account).order_by("id"))


# ── One event ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_event_is_taken_and_the_same_id_again_is_the_same_event(shop: Shop, dana: Contact) -> None:
    at = (utc_now() - timedelta(days=3)).replace(microsecond=0)
    taken = body_of(shop.ask("POST", PATH, order(id="A-17", at=at.isoformat())), 201)
    assert taken["id"].startswith("evt_")
    assert taken["duplicate"] is False
    assert body_of(shop.ask("POST", PATH, order(id="A-17"))) == {"id": taken["id"], "duplicate": True}
    (event,) = kept(shop)
    assert (event.contact_id, event.at, event.properties, event.source_kind) == (
        dana.id,
        at,
        {"total": 99},
        "api",
    )


def test_numbers_are_kept_as_they_were_written(shop: Shop, dana: Contact) -> None:
    body = b'{"name": "n", "email": "dana@mail.example", "properties": {"a": 0.10, "b": 12345678901234567890.123}}'
    body_of(shop.ask("POST", PATH, body), 201)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT properties->>'a', properties->>'b' FROM custom_event WHERE account_id = %s",
            [shop.account.pk],
        )
        assert cursor.fetchone() == ("0.10", "12345678901234567890.123")


def test_a_contact_is_named_by_its_id(shop: Shop, dana: Contact) -> None:
    event = {"name": "visit", "contact": dana.public_id}
    body_of(shop.ask("POST", PATH, event), 201)
    assert kept(shop)[0].contact_id == dana.id


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"email": "nobody@mail.example"}, "unknown_contact", "email"),
        ({"email": "nonsense"}, "no_at", "email"),
        ({"email": ""}, "no_contact", "email"),
        ({"email": 7}, "invalid", "email"),
        ({"contact": "con_x"}, "invalid", "contact"),
        ({"name": "message.opened"}, "reserved_name", "name"),
        ({"name": "a\nb"}, "bad_name", "name"),
        ({"at": "2026-03-31"}, "invalid", "at"),
        ({"at": "2026-03-31T10:00:00"}, "invalid", "at"),
        ({"at": "2001-03-31T10:00:00Z"}, "too_old", "at"),
        ({"at": "2100-03-31T10:00:00Z"}, "future", "at"),
        ({"id": "x" * 201}, "bad_id", "id"),
        ({"properties": {"a": {"b": {"c": {"d": 1}}}}}, "too_deep", "properties.a"),
        ({"properties": {"a": "\x00"}}, "bad_text", "properties.a"),
        ({"properties": [1]}, "invalid", "properties"),
        ({"unknown": 1}, "invalid", "unknown"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_field_alone_and_in_a_batch(
    shop: Shop, dana: Contact, change: dict[str, Any], code: str, field: str
) -> None:
    problem = problem_of(shop.ask("POST", PATH, order(**change)), 422)
    assert (problem["code"], problem["errors"][0]["field"]) == (code, field)
    answer = body_of(shop.ask("POST", BATCH, {"events": [order(), order(**change), order()]}))
    assert (answer["accepted"], answer["refused"]) == (2, 1)
    (refused,) = [one for one in answer["results"] if one["result"] == "refused"]
    assert refused == answer["results"][1]
    assert (refused["code"], refused["errors"][0]["field"]) == (code, field)
    assert len(kept(shop)) == 2


@pytest.mark.promise("P8.3")
def test_nothing_is_recorded_about_a_restricted_contact(shop: Shop) -> None:
    make_contact(shop.account, state=ContactState.RESTRICTED)
    assert problem_of(shop.ask("POST", PATH, order()), 422)["code"] == "restricted"
    assert kept(shop) == []


def test_making_contacts_needs_the_scope_for_it(shop: Shop) -> None:
    narrow = shop.make_key(Scope.WRITE_EVENTS)
    event = order(email="New@mail.example", create_contact=True)
    problem = problem_of(shop.ask("POST", PATH, event, key=narrow), 422)
    assert (problem["code"], problem["errors"][0]["field"]) == ("missing_scope", "create_contact")
    body_of(shop.ask("POST", PATH, event), 201)
    contact = Contact.objects.for_account(shop.account).get()
    assert (contact.email, contact.source_kind) == ("New@mail.example", "api")


# ── A batch ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_batch_answers_for_each_event_in_order(shop: Shop, dana: Contact) -> None:
    events = [order(id="1"), order(email="nobody@mail.example"), order(id="1"), order(id="2"), "no event"]
    answer = body_of(shop.ask("POST", BATCH, {"events": events}))
    assert [one["result"] for one in answer["results"]] == [
        "accepted",
        "refused",
        "duplicate",
        "accepted",
        "refused",
    ]
    assert (answer["accepted"], answer["duplicates"], answer["refused"]) == (2, 1, 2)
    assert answer["results"][2]["id"] == answer["results"][0]["id"]
    assert answer["results"][1]["errors"] == [
        {"field": "email", "message": "No contact of this account has it."}
    ]
    again = body_of(shop.ask("POST", BATCH, {"events": events}))
    assert (again["accepted"], again["duplicates"], again["refused"]) == (0, 3, 2)
    assert len(kept(shop)) == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"events": []},
        {"events": [{}] * 501},
        {"events": "x"},
        {"events": [], "more": 1},
        "x",
        None,
        7,
    ],
)
def test_a_body_that_is_no_batch_is_refused(shop: Shop, body: Any) -> None:
    assert problem_of(shop.ask("POST", BATCH, json.dumps(body).encode()), 422)["errors"]


def test_a_body_that_is_no_json_is_refused(shop: Shop) -> None:
    for body in (b"", b"{", b"\xff", b'{"events": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}"):
        for path in (PATH, BATCH):
            assert shop.ask("POST", path, body).status in (400, 422), body[:20]
    deep = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    event = b'{"name": "n", "email": "dana@mail.example", "properties": ' + deep + b"}"
    assert shop.ask("POST", PATH, event).status in (400, 422)
    assert shop.ask("POST", BATCH, b'{"events": [' + event + b"]}").status in (200, 400, 422)
    assert shop.ask("POST", PATH, b"{}", headers={"content-type": "text/plain"}).status == 415


# ── Names, scopes, accounts ──────────────────────────────────────────────────────────────────────────────────────────
def test_the_names_of_events_are_listed_with_their_properties(shop: Shop, dana: Contact) -> None:
    body_of(shop.ask("POST", PATH, order()), 201)
    (name,) = body_of(shop.ask("GET", NAMES))["data"]
    row = EventName.objects.for_account(shop.account).get()
    assert name["id"] == row.public_id
    assert (name["name"], name["description"], name["properties"]) == (
        "order.placed",
        "",
        {"total": "number"},
    )
    assert name["last_at"] is not None


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [("POST", PATH, "events.write"), ("POST", BATCH, "events.write"), ("GET", NAMES, "events.read")],
)
def test_each_door_needs_its_scope(shop: Shop, method: str, path: str, scope: str) -> None:
    assert problem_of(shop.ask(method, path, key=""), 401)["code"] == "unauthenticated"
    others = [one for one in Scope if one.value != scope]
    assert scope in problem_of(shop.ask(method, path, key=shop.make_key(*others)), 403)["detail"]


def test_another_account_s_contacts_are_unknown_here(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    contact = make_contact(alice.account)
    for event in (order(), {"name": "visit", "contact": contact.public_id}):
        assert problem_of(charlie.ask("POST", PATH, event), 422)["code"] == "unknown_contact"
    assert body_of(charlie.ask("GET", NAMES))["data"] == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["name", "email", "at", "id", "properties", "contact", "x"]),
                inner,
                max_size=7,
            )
        ),
        max_leaves=12,
    )
)
def test_no_body_is_an_error_of_ours(shop: Shop, body: Any) -> None:
    for path, told in ((PATH, body), (BATCH, {"events": [body]})):
        assert shop.ask("POST", path, told).status < 500
