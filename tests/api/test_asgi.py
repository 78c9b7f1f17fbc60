from __future__ import annotations

import pytest

from dynamail.asgi import WebApplication, clean_scope, create_app
from tests.support.asgi import call, make_scope

PATHS = (
    "/",
    "/campaigns/",
    "/static/x.css",
    "/t/c/x",
    "/u/x",
    "/p/x",
    "/v/x",
    "/api",
    "/api/v1/",
    "/healthz",
    "/readyz",
    "/table/",
)


def who_answers(app: WebApplication, path: str) -> str:
    found = app.find_application(path)
    names = {id(app.api): "api", id(app.tracking): "tracking", id(app.pages): "pages"}
    return "nobody" if found is None else names[id(found)]


@pytest.mark.parametrize(
    ("serve", "answers"),
    [
        ("all", "pages pages pages tracking pages pages pages api api api api pages"),
        ("pages", "pages pages pages nobody pages pages pages nobody nobody api api pages"),
        ("api", "nobody nobody nobody nobody nobody nobody nobody api api api api nobody"),
        ("tracking", "nobody nobody pages tracking pages pages pages nobody nobody api api nobody"),
    ],
)
def test_a_process_answers_to_what_it_serves(serve: str, answers: str) -> None:
    app = WebApplication(serve)
    assert " ".join(who_answers(app, path) for path in PATHS) == answers


def test_an_unknown_choice_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'mail'; it must be one of all, pages, api, tracking"):
        create_app("mail")


async def test_what_a_process_does_not_serve_is_a_plain_404() -> None:
    answer = await call(WebApplication("api"), "GET", "/campaigns/")
    assert (answer.status, answer.body) == (404, b"Nothing is served here.\n")


def test_a_header_cannot_pretend_to_be_another() -> None:
    scope = make_scope("GET", "/", {"x_forwarded_proto": "https", "x-real": "kept"})
    names = [name for name, _ in clean_scope(scope)["headers"]]
    assert b"x_forwarded_proto" not in names
    assert b"x-real" in names


def test_cookies_that_were_sent_apart_are_one_header() -> None:
    scope = make_scope("GET", "/")
    scope["headers"] += [(b"cookie", b"a=1"), (b"cookie", b"b=2")]
    assert (b"cookie", b"a=1; b=2") in clean_scope(scope)["headers"]


def test_octets_that_are_no_ascii_in_the_query_are_escaped() -> None:
    scope = make_scope("GET", "/?q=caf\xe9")
    assert clean_scope(scope)["query_string"] == b"q=caf%E9"
