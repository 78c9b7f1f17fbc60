"""Contacts through the API."""

from __future__ import annotations

from typing import Any

import pytest

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.models import AuditEntry
from dynamail.consent.models import ConsentRecord
from dynamail.consent.topics import create_topic
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.models import Contact
from dynamail.lib.clock import utc_now
from tests.api.conftest import Shop, body_of, problem_of

PATH = "/api/v1/contacts"
ANN = {
    "email": "Ann@Mail.example",
    "name": "Ann Lee",
    "language": "en",
    "timezone": "Europe/Minsk",
    "tags": ["vip", "new"],
    "attributes": {"city": "Minsk", "age": 41, "likes": ["tea", "go"], "adult": True, "born": "1984-03-04"},
}


@pytest.fixture
def filled(shop: Shop) -> Shop:
    for label, kind in (
        ("City", "text"),
        ("Age", "number"),
        ("Likes", "list"),
        ("Adult", "boolean"),
        ("Born", "date"),
    ):
        create_attribute(shop.account.pk, label=label, type=kind, by=None, now=utc_now())
    return shop


def add(shop: Shop, **values: Any) -> dict[str, Any]:
    made: dict[str, Any] = body_of(shop.ask("POST", PATH, ANN | values), 201)
    return made


def errors_of(shop: Shop, body: object, method: str = "POST", path: str = PATH) -> dict[str, str]:
    problem = problem_of(shop.ask(method, path, body), 422)
    return {error["field"]: error["message"] for error in problem["errors"]}


# ── One contact ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_contact_is_added_and_read_by_id_and_by_address(filled: Shop) -> None:
    made = add(filled)
    assert made["email"] == "Ann@Mail.example"
    assert made["attributes"] == ANN["attributes"]
    assert (made["tags"], made["timezone"], made["state"]) == (["new", "vip"], "Europe/Minsk", "active")
    assert made["source"] == {"kind": "api", "label": "Shop"}
    for name in (made["id"], "ann@mail.example"):
        assert body_of(filled.ask("GET", f"{PATH}/{name}")) == made


def test_adding_a_contact_subscribes_them_to_nothing(filled: Shop) -> None:
    create_topic(filled.account, name="News", by=None, now=utc_now())
    made = add(filled)
    answer = body_of(filled.ask("GET", f"{PATH}/{made['id']}/topics"))
    assert [row["state"] for row in answer["data"]] == ["none"]
    assert not ConsentRecord.objects.for_account(filled.account).exists()


def test_an_address_is_added_once(filled: Shop) -> None:
    made = add(filled)
    problem = problem_of(filled.ask("POST", PATH, {"email": "ANN@mail.example"}), 409)
    assert (problem["code"], problem["errors"]) == (
        "contact_exists",
        [{"field": "email", "message": made["id"]}],
    )
    body = {"email": "ANN@mail.example", "mode": "upsert", "name": "Anna"}
    changed = body_of(filled.ask("POST", PATH, body), 200)
    assert (changed["id"], changed["name"], changed["email"]) == (made["id"], "Anna", "Ann@Mail.example")


def test_put_adds_by_address_or_changes_and_leaves_the_rest(filled: Shop) -> None:
    path = f"{PATH}/bob@mail.example"
    made = body_of(filled.ask("PUT", path, {"attributes": {"city": "Grodno", "age": "7"}}), 201)
    assert made["attributes"] == {"city": "Grodno", "age": 7}
    changed = body_of(filled.ask("PUT", path, {"name": "Bob", "attributes": {"city": None}}), 200)
    assert (changed["name"], changed["attributes"]) == ("Bob", {"age": 7})
    by_id = body_of(filled.ask("PUT", f"{PATH}/{made['id']}", {"tags": ["x"]}), 200)
    assert (by_id["tags"], by_id["name"]) == (["x"], "Bob")
    problem_of(filled.ask("PUT", f"{PATH}/con_{'0' * 26}", {}), 404)


def test_a_change_names_what_is_to_change(filled: Shop) -> None:
    made = add(filled)
    path = f"{PATH}/{made['id']}"
    changed = body_of(filled.ask("PATCH", path, {"email": "ann.lee@mail.example", "language": "pt-BR"}))
    assert (changed["email"], changed["language"], changed["tags"]) == (
        "ann.lee@mail.example",
        "pt-BR",
        ["new", "vip"],
    )
    assert body_of(filled.ask("PATCH", path, {})) == changed
    add(filled, email="other@mail.example")
    problem = problem_of(filled.ask("PATCH", path, {"email": "other@mail.example"}), 409)
    assert problem["code"] == "contact_exists"


def test_tags_are_given_and_taken_one_by_one(filled: Shop) -> None:
    path = f"{PATH}/{add(filled)['id']}/tags"
    body = {"add": ["gold"], "remove": ["VIP", "unknown"]}
    assert body_of(filled.ask("POST", path, body))["tags"] == ["gold", "new"]
    tags = body_of(filled.ask("GET", "/api/v1/tags"))["data"]
    assert sorted(tag["name"] for tag in tags) == ["gold", "new", "vip"]


def test_a_deleted_contact_is_gone(filled: Shop) -> None:
    made = add(filled)
    assert filled.ask("DELETE", f"{PATH}/{made['email']}").status == 204
    problem_of(filled.ask("GET", f"{PATH}/{made['id']}"), 404)
    problem_of(filled.ask("DELETE", f"{PATH}/{made['id']}"), 404)
    entry = AuditEntry.objects.for_account(filled.account).filter(action="contact.deleted").get()
    assert (entry.actor_kind, entry.actor_name) == ("api_key", "Shop")


MISTAKES: list[tuple[object, str, str]] = [
    ({"email": "nobody"}, "email", "@"),
    ({"email": ""}, "email", ""),
    ({}, "email", "missing"),
    ({"email": "a@b.example", "colour": 1}, "colour", "not known"),
    ({"email": "a@b.example", "language": "english"}, "language", "language tag"),
    ({"email": "a@b.example", "timezone": "Minsk"}, "timezone", "IANA"),
    ({"email": "a@b.example", "name": "x" * 201}, "name", "200"),
    ({"email": "a@b.example", "tags": [""]}, "tags[0]", ""),
    ({"email": "a@b.example", "mode": "replace"}, "mode", "none of the values"),
    ({"email": "a@b.example", "attributes": {"citty": "x"}}, "attributes.citty", "Did you mean “city”?"),
    ({"email": "a@b.example", "attributes": {"zzz": "x"}}, "attributes.zzz", "Create it first"),
    ({"email": "a@b.example", "attributes": {"age": "old"}}, "attributes.age", "not a number"),
    ({"email": "a@b.example", "attributes": {"age": True}}, "attributes.age", "takes number"),
    ({"email": "a@b.example", "attributes": {"adult": 1}}, "attributes.adult", "takes yes or no"),
    ({"email": "a@b.example", "attributes": {"likes": [1]}}, "attributes.likes", "takes several values"),
    ({"email": "a@b.example", "attributes": {"city": {"a": 1}}}, "attributes.city", "takes text"),
    ({"email": "a@b.example", "attributes": {"born": "2020-02-31"}}, "attributes.born", "no such day"),
    ([], "body", "object"),
]


def test_what_cannot_be_taken_is_named(filled: Shop) -> None:
    for body, field, message in MISTAKES:
        errors = errors_of(filled, body)
        assert message in errors[field], (body, errors)
    assert not Contact.objects.for_account(filled.account).exists()


def test_numbers_of_any_size_are_kept_or_refused(filled: Shop) -> None:
    for number in (0, -3, 1.5, 0.1, 1e3, 123456789012345, 0.30000000000000004, 1e300, 10**30):
        path = f"{PATH}/n@mail.example"
        answer = filled.ask("PUT", path, {"attributes": {"age": number}})
        if answer.status == 422:
            assert number > 1e15
        else:
            kept = body_of(answer, answer.status)["attributes"]["age"]
            assert kept == float(f"{number:.15g}")


# ── Many ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_batch_tells_each_fate_in_order(filled: Shop) -> None:
    add(filled)
    contacts = [
        {"email": "z@mail.example", "tags": ["batch"]},
        {"email": "no address"},
        {"email": "ann@mail.example", "name": "Changed"},
        {"email": "Z@mail.example"},
        {"email": "y@mail.example", "attributes": {"citty": 1}},
        7,
    ]
    answer = body_of(filled.ask("POST", f"{PATH}/batch", {"contacts": contacts}))
    assert [one["result"] for one in answer["results"]] == [
        "created",
        "refused",
        "changed",
        "unchanged",
        "refused",
        "refused",
    ]
    assert (answer["created"], answer["changed"], answer["unchanged"], answer["refused"]) == (1, 1, 1, 3)
    assert answer["results"][4]["errors"][0]["field"] == "attributes.citty"
    assert Contact.objects.for_account(filled.account).count() == 2


def test_a_batch_has_a_size(shop: Shop) -> None:
    for contacts in ([], [{"email": "a@b.example"}] * 501, "x", None):
        problem_of(shop.ask("POST", f"{PATH}/batch", {"contacts": contacts}), 422)


# ── Lists ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_lists_are_filtered_and_go_by_pages(filled: Shop) -> None:
    topic = create_topic(filled.account, name="News", by=None, now=utc_now())
    ann = add(filled)
    for number in range(3):
        add(filled, email=f"p{number}@mail.example", tags=[], attributes={})
    body = {"state": "subscribed", "text": "Yes, send me news"}
    body_of(filled.ask("PUT", f"{PATH}/{ann['id']}/topics/{topic.public_id}", body))

    def emails(query: str) -> list[str]:
        return [row["email"] for row in body_of(filled.ask("GET", f"{PATH}?{query}"))["data"]]

    assert emails("tag=VIP") == emails("email=ann@mail.example") == ["Ann@Mail.example"]
    assert emails(f"topic={topic.public_id}") == ["Ann@Mail.example"]
    assert len(emails(f"topic={topic.public_id}&topic_state=none")) == 3
    assert emails("updated_since=2100-01-01T00:00:00Z") == []
    assert len(emails("updated_since=2020-01-01T00:00:00Z&state=active")) == 4
    first = body_of(filled.ask("GET", f"{PATH}?limit=3"))
    assert (len(first["data"]), first["has_more"]) == (3, True)
    rest = body_of(filled.ask("GET", f"{PATH}?limit=3&after={first['next']}"))
    assert ([row["id"] for row in rest["data"]], rest["has_more"], rest["next"]) == ([ann["id"]], False, None)


def test_lists_go_by_segment_and_condition(filled: Shop) -> None:
    add(filled)
    add(filled, email="bob@mail.example", attributes={"city": "Grodno"})
    condition = {"kind": "attribute", "attribute": "city", "op": "equals", "value": "Minsk"}
    found = body_of(filled.ask("POST", f"{PATH}/search", {"condition": condition}))
    assert [row["email"] for row in found["data"]] == ["Ann@Mail.example"]
    segment = body_of(filled.ask("POST", "/api/v1/segments", {"name": "Minsk", "definition": condition}), 201)
    listed = body_of(filled.ask("GET", f"{PATH}?segment={segment['id']}"))
    assert listed["data"] == found["data"]
    errors = errors_of(filled, {"condition": {"kind": "moon"}}, path=f"{PATH}/search")
    assert list(errors) == ["condition/kind"]


def test_a_filter_that_makes_no_sense_is_named(shop: Shop) -> None:
    for query, field in (
        ("tag=nobody", "tag"),
        ("topic=top_x", "topic"),
        ("topic_state=maybe", "topic_state"),
        ("state=dead", "state"),
        ("segment=seg_x", "segment"),
        ("email=x", "email"),
        ("updated_since=yesterday", "updated_since"),
        ("after=x", "after"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("colour=red", "colour"),
    ):
        assert field in errors_of(shop, None, "GET", f"{PATH}?{query}")


# ── Topics and what happened ─────────────────────────────────────────────────────────────────────────────────────────
def test_consent_is_kept_with_its_proof(filled: Shop) -> None:
    topic = create_topic(filled.account, name="News", by=None, now=utc_now())
    ann = add(filled)
    path = f"{PATH}/{ann['id']}/topics/{topic.public_id}"
    body = {
        "state": "subscribed",
        "text": "I want news",
        "source": "checkout",
        "evidence": {"ip": "192.0.2.1"},
        "since": "2024-05-06",
    }
    for _again in range(2):
        standing = body_of(filled.ask("PUT", path, body))
        assert (standing["state"], standing["basis"]) == ("subscribed", "consent")
    record = ConsentRecord.objects.for_account(filled.account).get()
    assert (record.method, record.text, str(record.since)) == ("api", "I want news", "2024-05-06")
    assert record.evidence == {"ip": "192.0.2.1", "source": "checkout"}
    assert body_of(filled.ask("PUT", path, {"state": "unsubscribed"}))["state"] == "unsubscribed"
    timeline = body_of(filled.ask("GET", f"{PATH}/{ann['id']}/timeline"))
    assert [row["kind"] for row in timeline["data"]] == [
        "consent.withdrawn",
        "consent.given",
        "contact.created",
    ]
    assert timeline["data"][0]["topic"] == topic.public_id
    page = body_of(filled.ask("GET", f"{PATH}/{ann['id']}/timeline?limit=1"))
    after = page["next"].replace("+", "%2B")
    rest = body_of(filled.ask("GET", f"{PATH}/{ann['id']}/timeline?after={after}"))
    assert rest["data"] == timeline["data"][1:]


def test_nobody_is_subscribed_without_proof(shop: Shop) -> None:
    topic = create_topic(shop.account, name="News", by=None, now=utc_now())
    ann = body_of(shop.ask("POST", PATH, {"email": "ann@mail.example"}), 201)
    path = f"{PATH}/{ann['id']}/topics/{topic.public_id}"
    for body, field in (
        ({"state": "subscribed"}, "text"),
        ({"state": "pending"}, "state"),
        ({"state": "subscribed", "text": "x", "since": "2200-01-01"}, "since"),
        ({"state": "subscribed", "text": "x", "evidence": {"x": "y" * 5_000}}, "evidence"),
        ({"state": "subscribed", "text": "x", "basis": "whim"}, "basis"),
    ):
        assert field in errors_of(shop, body, "PUT", path)
    assert not ConsentRecord.objects.for_account(shop.account).exists()


def test_who_asked_to_be_left_alone_is_not_subscribed(filled: Shop) -> None:
    topic = create_topic(filled.account, name="News", by=None, now=utc_now())
    path = f"{PATH}/{add(filled)['id']}/topics/{topic.public_id}"
    Contact.objects.for_account(filled.account).update(state="restricted")
    problem = problem_of(filled.ask("PUT", path, {"state": "subscribed", "text": "x"}), 409)
    assert problem["code"] == "restricted"
    problem_of(filled.ask("PUT", path + "x", {"state": "unsubscribed"}), 404)


# ── Doors ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.promise("P5.2")
def test_another_accounts_contacts_are_not_there(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    made = body_of(alice.ask("POST", PATH, {"email": "ann@mail.example"}), 201)
    topic = create_topic(alice.account, name="News", by=None, now=utc_now())
    assert body_of(charlie.ask("GET", PATH))["data"] == []
    for name in (made["id"], made["email"]):
        for method, tail, body in (
            ("GET", "", None),
            ("PATCH", "", {"name": "Mine"}),
            ("DELETE", "", None),
            ("POST", "/tags", {"add": ["mine"]}),
            ("GET", "/topics", None),
            ("PUT", f"/topics/{topic.public_id}", {"state": "unsubscribed"}),
            ("GET", "/timeline", None),
        ):
            problem_of(charlie.ask(method, f"{PATH}/{name}{tail}", body), 404)
    problem_of(charlie.ask("PUT", f"{PATH}/{made['id']}", {"name": "Mine"}), 404)
    for unknown in ("con_nonsense", "seg_" + "0" * 26, "%00"):
        problem_of(alice.ask("GET", f"{PATH}/{unknown}"), 404)


def test_each_route_needs_its_scope(filled: Shop) -> None:
    made = add(filled)
    reader, writer = filled.make_key(Scope.READ_CONTACTS), filled.make_key(Scope.WRITE_CONTACTS)
    one = f"{PATH}/{made['id']}"
    for method, path in (
        ("POST", PATH),
        ("PUT", one),
        ("PATCH", one),
        ("DELETE", one),
        ("POST", f"{PATH}/batch"),
    ):
        assert problem_of(filled.ask(method, path, {}, key=reader), 403)["code"] == "missing_scope"
    for path in (PATH, one, f"{one}/topics", f"{one}/timeline"):
        assert problem_of(filled.ask("GET", path, key=writer), 403)["code"] == "missing_scope"


def test_a_timeline_names_the_key_that_made_a_change(shop: Shop) -> None:
    made = body_of(shop.ask("POST", PATH, {"email": "eve@mail.example"}), 201)
    body_of(shop.ask("PATCH", f"{PATH}/{made['id']}", {"name": "Eve"}))
    told = body_of(shop.ask("GET", f"{PATH}/{made['id']}/timeline"))["data"]
    assert [one["data"]["by"] for one in told] == ["API key “Shop”"] * 2


def test_a_timeline_is_read_whole_in_pages_of_one(shop: Shop) -> None:
    """What one request says of a contact may have happened at one moment."""
    body_of(shop.ask("POST", PATH, {"email": "ann@mail.example"}), 201)
    at = utc_now().isoformat()
    calls = [
        {"type": "track", "userId": "ann@mail.example", "event": f"e{number}", "timestamp": at}
        for number in range(4)
    ]
    body_of(shop.ask("POST", "/compat/segment/v1/batch", {"batch": calls}))
    path = f"{PATH}/ann@mail.example/timeline"
    whole = body_of(shop.ask("GET", path))["data"]
    assert len(whole) == 5
    pieces, after = [], ""
    while after is not None:
        page = body_of(shop.ask("GET", f"{path}?limit=1&after={after.replace('+', '%2B')}"))
        pieces += page["data"]
        after = page["next"]
    assert pieces == whole
