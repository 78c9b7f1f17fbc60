from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from litestar import Litestar, get, post
from litestar.datastructures import State
from litestar.params import JSONBody

from dynamail.api.app import create_api
from dynamail.api.errors import CODES, EXCEPTION_HANDLERS, FieldError, Problem
from dynamail.api.hints import STATUS_HINTS
from dynamail.tracking.pool import make_pool
from tests.support.asgi import Answer, call


class Letter(msgspec.Struct):
    subject: str
    size: int


@get("/refused", sync_to_thread=False)
def refuse() -> None:
    raise Problem(
        409,
        "already_sent",
        "The campaign is being sent. Pause it first.",
        (FieldError("state", "running"),),
        {"retry-after": "9"},
    )


@get("/broken", sync_to_thread=False)
def break_down() -> None:
    raise RuntimeError("a secret of ours")


@post("/letters", sync_to_thread=False)
def take(data: JSONBody[Letter]) -> None:
    return None


@pytest.fixture
def app() -> Litestar:
    return Litestar(
        [refuse, break_down, take],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,
        logging_config=None,
    )


def body_of(answer: Answer) -> dict[str, Any]:
    assert answer.headers["content-type"].startswith("application/problem+json")
    body = json.loads(answer.body)
    assert body["status"] == answer.status
    assert {"type", "title", "status", "code", "detail", "hint", "request_id"} <= body.keys()
    return body


async def test_a_refusal_has_a_code_for_programs_and_a_sentence_for_people(app: Litestar) -> None:
    answer = await call(app, "GET", "/refused")
    body = body_of(answer)
    assert (body["code"], body["detail"]) == ("already_sent", "The campaign is being sent. Pause it first.")
    assert body["errors"] == [{"field": "state", "message": "running"}]
    assert answer.headers["retry-after"] == "9"
    assert body["hint"]


def test_every_status_that_we_use_has_a_hint() -> None:
    assert CODES.keys() - STATUS_HINTS.keys() == set()


@pytest.mark.parametrize(
    ("theirs", "echoed"),
    [("abc-123", "abc-123"), ("x" * 128, "x" * 128), ("x" * 129, None), ("a\tb", None), ("caf\xe9", None)],
)
async def test_a_request_has_an_id_of_ours_and_the_caller_s_beside_it(
    theirs: str, echoed: str | None
) -> None:
    api = create_api(make_pool("postgresql://nobody@127.0.0.1:1/none"))
    answer = await call(api, "GET", "/api/v1/nothing", {"x-request-id": theirs})
    assert body_of(answer)["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers.get("x-client-request-id") == echoed


async def test_what_nobody_foresaw_says_nothing_about_us(
    app: Litestar, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await call(app, "GET", "/broken")
    assert body_of(answer)["code"] == "internal_error"
    assert b"secret" not in answer.body
    assert "GET /broken" in caplog.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"subject": 5}', 422),
        (b'{"subject": "x", "size": "big"}', 422),
        (b"{", 422),
        (b"\xff", 422),
        (b"[]", 422),
    ],
)
async def test_a_body_that_cannot_be_read_is_named(app: Litestar, body: bytes, status: int) -> None:
    answer = await call(
        app, "POST", "/letters", {"content-type": "application/json", "content-length": str(len(body))}, body
    )
    problem = body_of(answer)
    assert problem["status"] in (400, status)


async def test_unknown_addresses_and_methods_have_the_same_shape() -> None:
    api = create_api(make_pool("postgresql://nobody@127.0.0.1:1/none"))
    assert body_of(await call(api, "GET", "/api/v1/nothing"))["code"] == "not_found"
    assert body_of(await call(api, "DELETE", "/api"))["code"] == "method_not_allowed"


async def test_the_root_leads_to_the_policy_and_the_documentation() -> None:
    api = create_api(make_pool("postgresql://nobody@127.0.0.1:1/none"))
    for path in ("/api", "/api/", "/api/v1", "/api/v1/"):
        root = json.loads((await call(api, "GET", path)).body)
        assert root["name"] == "DynaMail"
        assert root["privacy_policy"].endswith("/policy/")


async def test_a_process_without_its_database_lives_but_is_not_ready() -> None:
    pool = make_pool("postgresql://nobody@127.0.0.1:1/none")
    api = create_api(pool)
    api.state = State({"pool": pool})
    assert (await call(api, "GET", "/healthz")).body == b"ok\n"
    assert (await call(api, "HEAD", "/healthz")).status == 200
    answer = await call(api, "GET", "/readyz")
    assert (answer.status, json.loads(answer.body)["ready"]) == (503, False)


# ── Methods and encodings ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/emails", "GET, HEAD, OPTIONS, POST"),
        ("/api/v1/emails/", "GET, HEAD, OPTIONS, POST"),
        ("/api/v1/contacts/ann@mail.example", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/api/v1/emails/batch", "OPTIONS, POST"),
        ("/api", "GET, HEAD, OPTIONS"),
    ],
)
async def test_options_and_a_refused_method_name_all_methods(path: str, methods: str) -> None:
    api = create_api(make_pool("postgresql://nobody@127.0.0.1:1/none"))
    answer = await call(api, "OPTIONS", path)
    assert (answer.status, answer.headers["allow"], answer.body) == (204, methods, b"")
    assert answer.headers["x-request-id"]
    refused = await call(api, "TRACE", path)
    assert body_of(refused)["code"] == "method_not_allowed"
    assert refused.headers["allow"] == methods


async def test_head_is_get_without_a_body() -> None:
    api = create_api(make_pool("postgresql://nobody@127.0.0.1:1/none"))
    there = await call(api, "GET", "/api/v1")
    head = await call(api, "HEAD", "/api/v1")
    assert (head.status, head.body) == (200, b"")
    for name in ("content-type", "content-length", "cache-control"):
        assert head.headers[name] == there.headers[name]
    assert (await call(api, "HEAD", "/api/v1/emails/batch")).status == 405
    nothing = await call(api, "HEAD", "/api/v1/nothing")
    assert nothing.status == 404
    assert (await call(api, "OPTIONS", "/api/v1/nothing")).status == 404
    assert (await call(api, "HEAD", "/api/v1/emails")).status == 401
