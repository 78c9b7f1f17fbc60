"""Templates through the API."""

from __future__ import annotations

from typing import Any

import pytest

from dynamail.accounts.api_keys import Scope
from dynamail.content.models import Template
from tests.api.conftest import Shop, body_of, problem_of

PATH = "/api/v1/templates"
MJML = """<mjml><mj-body><mj-section><mj-column>
<mj-text>Hello {{ contact.first_name | default: "you" }}, your order {{ order.number }} costs {{ order.total }}.</mj-text>
</mj-column></mj-section></mj-body></mjml>"""
RECEIPT = {"name": "Receipt", "subject": "Order {{ order.number }}", "source": MJML}


def add(shop: Shop, **values: Any) -> dict[str, Any]:
    made: dict[str, Any] = body_of(shop.ask("POST", PATH, RECEIPT | values), 201)
    return made


def test_a_template_is_made_read_changed_and_archived(shop: Shop) -> None:
    made = add(shop)
    assert (made["kind"], made["version"], made["problems"]) == ("mjml", 1, [])
    one = f"{PATH}/{made['id']}"
    assert body_of(shop.ask("GET", one)) == made
    changed = body_of(shop.ask("PATCH", one, {"name": "Receipts", "version": 1}))
    assert (changed["name"], changed["version"], changed["source"]) == ("Receipts", 2, MJML)
    problem = problem_of(shop.ask("PATCH", one, {"subject": "x", "version": 1}), 409)
    assert (problem["code"], problem["errors"]) == (
        "changed_meanwhile",
        [{"field": "version", "message": "2"}],
    )
    assert shop.ask("DELETE", one).status == 204
    assert body_of(shop.ask("GET", PATH))["data"] == []
    assert [row["id"] for row in body_of(shop.ask("GET", f"{PATH}?archived=true"))["data"]] == [made["id"]]
    assert body_of(shop.ask("PATCH", one, {"archived": False}))["archived_at"] is None


def test_templates_are_listed_by_pages_and_by_name(shop: Shop) -> None:
    made = [add(shop, name=f"Letter {number}")["id"] for number in range(3)]
    first = body_of(shop.ask("GET", f"{PATH}?limit=2"))
    rest = body_of(shop.ask("GET", f"{PATH}?limit=2&after={first['next']}"))
    assert [row["id"] for row in first["data"] + rest["data"]] == made[::-1]
    assert "source" not in first["data"][0]
    assert [row["id"] for row in body_of(shop.ask("GET", f"{PATH}?name=ter%201"))["data"]] == [made[1]]
    problem_of(shop.ask("GET", f"{PATH}?after=tpl_x"), 422)


def test_mistakes_are_named_by_field_line_and_column(shop: Shop) -> None:
    broken = MJML.replace("order.total }}", "order.total }").replace("<mj-text>", "<mj-txt>")
    problem = problem_of(shop.ask("POST", PATH, RECEIPT | {"source": broken}), 422)
    assert {error["field"] for error in problem["errors"]} == {"source"}
    assert any(error["message"].startswith("Line 2, column ") for error in problem["errors"])
    problem = problem_of(shop.ask("POST", PATH, RECEIPT | {"subject": "{% if %}"}), 422)
    assert problem["errors"][0]["field"] == "subject"
    assert not Template.objects.for_account(shop.account).exists()
    draft = add(shop, source=broken, draft=True)
    assert {one["severity"] for one in draft["problems"]} == {"error"}
    assert draft["problems"][0]["line"] == 2
    problem_of(shop.ask("PATCH", f"{PATH}/{draft['id']}", {"subject": "x"}), 422)
    body_of(shop.ask("PATCH", f"{PATH}/{draft['id']}", {"subject": "x", "draft": True}))
    body_of(shop.ask("PATCH", f"{PATH}/{draft['id']}", {"source": MJML}))


def test_a_template_is_rendered_with_data(shop: Shop) -> None:
    one = f"{PATH}/{add(shop)['id']}"
    body = {"data": {"order": {"number": "<7>", "total": 12.5}}, "contact": {"first_name": "Ann"}}
    rendered = body_of(shop.ask("POST", f"{one}/render", body))
    assert rendered["subject"] == "Order <7>"
    assert "Hello Ann, your order &lt;7&gt; costs 12.5." in rendered["html"]
    assert "Hello Ann, your order <7> costs 12.5." in rendered["text"]
    assert not [one for one in rendered["problems"] if one["code"] == "unknown_variable"]
    empty = body_of(shop.ask("POST", f"{one}/render", {}))
    assert "Hello you, your order" in empty["text"]
    assert {one["code"] for one in empty["problems"]} >= {"unknown_variable"}


def test_what_cannot_be_rendered_is_named(shop: Shop) -> None:
    broken = add(shop, source="<mjml><mj-body>{{ x", draft=True)
    problem = problem_of(shop.ask("POST", f"{PATH}/{broken['id']}/render", {}), 422)
    assert problem["errors"][0]["field"] == "source"
    for body in ({"data": []}, {"colour": 1}, {"stream": "x"}):
        problem_of(shop.ask("POST", f"{PATH}/{broken['id']}/render", body), 422)


def test_what_is_no_template_is_named(shop: Shop) -> None:
    for body, field in (
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x", "kind": "word"}, "kind"),
        ({"name": "x", "subject": "x" * 301}, "subject"),
        ({"name": "x", "colour": 1}, "colour"),
    ):
        assert problem_of(shop.ask("POST", PATH, body), 422)["errors"][0]["field"] == field


@pytest.mark.promise("P5.2")
def test_another_accounts_templates_are_not_there(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    one = f"{PATH}/{add(alice)['id']}"
    assert body_of(charlie.ask("GET", PATH))["data"] == []
    for method, path, body in (
        ("GET", one, None),
        ("PATCH", one, {"name": "x"}),
        ("DELETE", one, None),
        ("POST", f"{one}/render", {}),
    ):
        problem_of(charlie.ask(method, path, body), 404)


def test_each_route_needs_its_scope(shop: Shop) -> None:
    one = f"{PATH}/{add(shop)['id']}"
    reader, writer = shop.make_key(Scope.READ_TEMPLATES), shop.make_key(Scope.WRITE_TEMPLATES)
    body_of(shop.ask("POST", f"{one}/render", {}, key=reader))
    for method, path in (("POST", PATH), ("PATCH", one), ("DELETE", one)):
        problem_of(shop.ask(method, path, {}, key=reader), 403)
    problem_of(shop.ask("GET", one, key=writer), 403)
