"""Characters that the database or a page cannot hold, wherever a noun takes text: refused or left out, never a crash."""

from __future__ import annotations

from typing import Any

from dynamail.lib.clock import utc_now
from tests.api.conftest import Shop, body_of

API = "/api/v1"
STRANGE = ("a\x00b", "\x1b[31m\u202e", "{{ %s%n '; --", "\U0001f600" * 20)
BODIES: dict[str, dict[str, Any]] = {
    "contacts": {
        "email": "a@b.example",
        "name": "x",
        "language": "en",
        "timezone": "UTC",
        "tags": ["x"],
        "attributes": {"city": "x"},
    },
    "topics": {"name": "x", "description": "x"},
    "attributes": {"label": "x", "key": "x", "type": "choice", "choices": ["x"]},
    "tags": {"name": "x"},
    "templates": {
        "name": "x",
        "subject": "x",
        "preheader": "x",
        "source": "x",
        "kind": "text",
        "draft": True,
    },
    "campaigns": {
        "name": "x",
        "subject": "x",
        "preheader": "x",
        "body": "x",
        "text": "x",
        "topic": "x",
        "sender": "x",
        "template": "x",
        "segment": "x",
        "include_tags": ["x"],
        "utm": {"source": "x"},
    },
    "streams": {"name": "x", "key": "x"},
    "domains": {"name": "x"},
    "senders": {"email": "a@b.example", "name": "x", "reply_to": "x"},
    "exports": {"columns": ["x"], "segment": "x"},
}


def put(value: Any, text: str) -> Any:
    return (
        [text]
        if isinstance(value, list)
        else {name: text for name in value}
        if isinstance(value, dict)
        else text
    )


def test_no_text_breaks_a_noun(shop: Shop) -> None:
    body_of(shop.ask("POST", f"{API}/attributes", {"label": "City"}), 201)
    for noun, body in BODIES.items():
        required = {name: f"{name}{utc_now().timestamp()}" for name in ("name", "label") if name in body}
        required |= {"email": "a@b.example"} if "email" in body else {}
        for field, value in body.items():
            if isinstance(value, bool) or field in ("kind", "type"):
                continue
            for text in STRANGE:
                answer = shop.ask("POST", f"{API}/{noun}", required | {field: put(value, text)})
                assert answer.status in (200, 201, 202, 409, 422), (noun, field, text, answer.body)


def test_no_name_in_an_address_breaks_a_noun(shop: Shop) -> None:
    for noun in (*BODIES, "media"):
        for text in ("%00", "a%00@b.example", "%1b", "..%2f", "%E2%80%AE", "x" * 500, "%s"):
            answer = shop.ask("PATCH" if noun == "tags" else "GET", f"{API}/{noun}/{text}", {"name": "x"})
            assert answer.status in (404, 405, 422), (noun, text, answer.body)
        for query in (
            "name=%00",
            "after=%00",
            "limit=x",
            "archived=x",
            "tag=%00",
            "segment=%00",
            "topic=%00",
        ):
            answer = shop.ask("GET", f"{API}/{noun}?{query}")
            assert answer.status in (200, 422), (noun, query, answer.body)


def test_no_consent_breaks_a_contact(shop: Shop) -> None:
    topic = body_of(shop.ask("POST", f"{API}/topics", {"name": "News"}), 201)
    body_of(shop.ask("POST", f"{API}/contacts", {"email": "a@b.example"}), 201)
    path = f"{API}/contacts/a@b.example/topics/{topic['id']}"
    for text in STRANGE:
        for said in ({"text": text}, {"text": "x", "source": text}, {"text": "x", "evidence": {text: text}}):
            shop.ask("PUT", path, {"state": "unsubscribed"})
            answer = shop.ask("PUT", path, {"state": "subscribed", **said})
            assert answer.status in (200, 422), (said, answer.body)


def test_no_depth_breaks_a_noun(shop: Shop) -> None:
    for levels in (500, 900, 5_000):
        tower = b"[" * levels + b"]" * levels
        answer = shop.ask(
            "POST", f"{API}/contacts", b'{"email":"a@b.example","attributes":{"x":' + tower + b"}}"
        )
        assert answer.status in (400, 422), answer.body


def test_a_number_that_no_machine_holds_is_refused_by_its_route(shop: Shop) -> None:
    for method, path, body in (
        ("POST", "contacts", b'{"email": "a@b.example", "attributes": {"n": 1e400}}'),
        ("POST", "contacts/search", b'{"condition": {"n": -1e400}}'),
        ("POST", "events", b'{"name": "a", "email": "a@b.example", "properties": {"n": 1e400}}'),
        ("POST", "segments", b'{"name": "a", "definition": {"n": 1e400}}'),
    ):
        assert shop.ask(method, f"{API}/{path}", body).status in (400, 422), path
