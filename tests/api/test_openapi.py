"""The document says what the API does: all of its routes, and each answer that any request gets."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests
import schemathesis
from django.conf import settings as conf
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dynamail.api.app import create_api
from dynamail.api.limits import Limits
from dynamail.api.openapi import encode_document, find_operations, find_undescribed, write_document
from dynamail.tracking.pool import make_pool
from tests.api.conftest import Shop, body_of
from tests.support.asgi import call

WRITTEN = Path(__file__).parents[2] / "docs/api/openapi.json"
EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "2"))  # of each operation, of each of two kinds
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return write_document(create_api(make_pool(NO_DATABASE)))


# ── What is in it ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_every_route_says_what_it_takes_and_answers() -> None:
    assert find_undescribed(create_api(make_pool(NO_DATABASE))) == []


def test_the_repository_s_copy_is_the_document(document: dict[str, Any]) -> None:
    assert WRITTEN.read_bytes() == encode_document(document), (
        "write it anew: dynamail openapi docs/api/openapi.json"
    )


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [one.name for one in find_operations(create_api(make_pool(NO_DATABASE)))]
    assert sorted(names) == sorted(set(names))
    assert [name for name in names if not name.replace(".", "_").isidentifier()] == []


def test_every_operation_has_a_summary_a_scope_and_its_errors(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            place = f"{method} {path}"
            assert operation["summary"], place
            assert operation["security"][0]["key"], place
            assert {"401", "403", "429", "500", "503"} <= operation["responses"].keys(), place


def test_no_shape_has_the_name_of_its_module(document: dict[str, Any]) -> None:
    assert [name for name in document["components"]["schemas"] if not name.isalnum()] == []


def test_it_is_served_and_a_browser_gets_a_page(shop: Shop) -> None:
    assert body_of(shop.ask("GET", "/api/v1/openapi.json", key=""))["openapi"] == "3.1.0"
    page = shop.ask("GET", "/api/", key="", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert "'unsafe-inline'" not in page.headers["content-security-policy"]
    text = page.body.decode()
    assert "emails.send" in text
    assert "http://" not in text.replace("http://localhost", "").replace(conf.PUBLIC_URL, "")
    assert "$HOST" not in text
    for client in ("postmark", "resend", "sendgrid", "mailgun", "listmonk", "segment"):
        assert f'id="client-{client}"' in text
    assert re.findall(r'id="noun-(\w+)"', text)[:3] == ["emails", "templates", "contacts"]
    for accept in ("*/*", "application/json", "application/json, text/html"):
        assert body_of(shop.ask("GET", "/api/", key="", headers={"accept": accept}))["openapi"]


# ── Whether it is true ───────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def ask(shop: Shop) -> Iterator[Callable[[Any], Response]]:
    """One case of schemathesis, answered by the application in one event loop."""
    shop.app.state.limits = Limits(1e6, 1e6)
    runner = asyncio.Runner()

    def send(case: Any) -> Response:
        wanted = case.as_transport_kwargs(base_url="http://localhost")
        prepared = requests.Request(
            **{
                name: wanted.get(name)
                for name in ("method", "url", "headers", "params", "data", "json", "files", "cookies")
            }
        ).prepare()
        return runner.run(answer(shop, prepared))

    yield send
    runner.close()


async def answer(shop: Shop, prepared: requests.PreparedRequest) -> Response:
    body = prepared.body or b""
    raw = body.encode() if isinstance(body, str) else bytes(body)
    headers = {name.lower(): value for name, value in prepared.headers.items()}
    headers |= {"authorization": f"Bearer {shop.key}", "content-length": str(len(raw))}
    told = await call(PercentDecoded(shop.app), str(prepared.method), str(prepared.path_url), headers, raw)
    told_headers = {name: [value] for name, value in told.headers.items()}
    return Response(told.status, told_headers, told.body, prepared, elapsed=0.0, verify=False)


class PercentDecoded:
    """As a server hands a path to its application."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app({**scope, "path": unquote(scope["path"])}, receive, send)


def make_things(shop: Shop) -> dict[str, str]:
    """Something of each kind that can be made by its name alone: the id by the name of the path's parameter."""
    bodies = {
        "segment_id": ("segments", {"name": "Everybody", "definition": {}}),
        "contact": ("contacts", {"email": "dana@mail.example"}),
        "topic": ("topics", {"name": "News"}),
        "tag": ("tags", {"name": "vip"}),
        "attribute": ("attributes", {"label": "City", "kind": "text"}),
        "template": ("templates", {"name": "Welcome", "subject": "Hello", "html": "<p>Hello</p>"}),
        "stream": ("streams", {"name": "Receipts", "key": "receipts", "kind": "transactional"}),
        "domain": ("domains", {"name": "mail.example"}),
        "campaign": ("campaigns", {"name": "Spring"}),
        "webhook": (
            "webhooks",
            {"url": "https://hooks.example.com/", "events": ["message.delivered"], "authorized": True},
        ),
    }
    made = {}
    for parameter, (noun, body) in bodies.items():
        told = json.loads(shop.ask("POST", f"/api/v1/{noun}", body).body)
        if "id" in told:
            made[parameter] = told["id"]
    return made


def test_every_answer_is_as_the_document_says(
    shop: Shop, document: dict[str, Any], ask: Callable[[Any], Response]
) -> None:
    """Requests that fit the document, and requests that do not; of things that are there, and of things that are not."""
    things = make_things(shop)
    assert len(things) >= 5, things
    faults: list[str] = []
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            for real in ({}, things):
                known = {one.name: real[one.name] for one in operation.path_parameters if one.name in real}
                if bool(real) == bool(known):
                    faults += find_faults(operation, mode, known, ask)
    assert faults == [], "\n\n".join(faults)


def find_faults(
    operation: Any, mode: GenerationMode, known: dict[str, str], ask: Callable[[Any], Response]
) -> list[str]:
    faults: list[str] = []
    strategy = operation.as_strategy(generation_mode=mode, path_parameters=known or None)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def try_one(case: Any) -> None:
        response = ask(case)
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            told = "; ".join(f"{one.title}: {one.message}" for one in group.exceptions)
            sent = f"{response.request.url} {response.request.body!r:.300}"
            faults.append(
                f"{operation.label} {response.status_code}: {told} {response.content[:400]!r} {sent}"
            )

    try:
        try_one()
    except Exception as error:
        if "negative" not in str(error).lower() and type(error).__name__ not in ("Unsatisfiable", "SkipTest"):
            faults.append(f"{operation.label}: {type(error).__name__}: {str(error)[:600]}")
    return faults
