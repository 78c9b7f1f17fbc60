"""Files of the account through the API."""

from __future__ import annotations

import pytest

from dynamail.accounts.api_keys import Scope
from dynamail.content.media import MAX_MEDIA_BYTES
from dynamail.content.models import Media
from tests.api.conftest import Shop, body_of, problem_of

PATH = "/api/v1/media"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
HEADERS = {"content-type": "image/png"}
FORM = (
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="a b.gif"\r\ncontent-type: image/gif\r\n\r\nGIF89a'
    b"\r\n--b--\r\n"
)


def test_a_file_is_kept_listed_fetched_and_deleted(shop: Shop) -> None:
    made = body_of(shop.ask("POST", f"{PATH}?filename=logo.png", PNG, headers=HEADERS), 201)
    assert (made["filename"], made["content_type"], made["size"]) == ("logo.png", "image/png", len(PNG))
    one = f"{PATH}/{made['id']}"
    assert body_of(shop.ask("GET", one)) == made
    answer = shop.ask("GET", f"{one}/content")
    assert (answer.status, answer.body) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''logo.png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    second = body_of(shop.ask("POST", f"{PATH}?filename=again.png", PNG, headers=HEADERS), 201)
    page = body_of(shop.ask("GET", f"{PATH}?limit=1"))
    assert ([row["id"] for row in page["data"]], page["has_more"]) == ([second["id"]], True)
    rest = body_of(shop.ask("GET", f"{PATH}?after={page['next']}"))
    assert rest["data"] == [made]
    assert shop.ask("DELETE", one).status == 204
    problem_of(shop.ask("GET", f"{one}/content"), 404)


def test_a_form_carries_a_file(shop: Shop) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    made = body_of(shop.ask("POST", PATH, FORM, headers=headers), 201)
    assert (made["filename"], made["content_type"], made["size"]) == ("a b.gif", "image/gif", 6)
    problem = problem_of(shop.ask("POST", PATH, FORM.replace(b'"file"', b'"x"'), headers=headers), 422)
    assert problem["errors"][0]["field"] == "file"


def test_what_cannot_be_kept_is_named(shop: Shop) -> None:
    for query, headers, data, field in (
        ("", HEADERS, PNG, "filename"),
        ("?filename=/", HEADERS, PNG, "filename"),
        ("?filename=a.png", HEADERS, b"", "data"),
        ("?filename=a.png", {"content-type": "nonsense"}, PNG, "content_type"),
        ("?name=a.png", HEADERS, PNG, "name"),
    ):
        problem = problem_of(shop.ask("POST", f"{PATH}{query}", data, headers=headers), 422)
        assert problem["errors"][0]["field"] == field
    large = bytes(MAX_MEDIA_BYTES + 1)
    problem_of(shop.ask("POST", f"{PATH}?filename=a.bin", large, headers=HEADERS), 413)
    assert not Media.objects.for_account(shop.account).exists()


@pytest.mark.promise("P5.2")
def test_another_accounts_files_are_not_there(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    made = body_of(alice.ask("POST", f"{PATH}?filename=logo.png", PNG, headers=HEADERS), 201)
    assert body_of(charlie.ask("GET", PATH))["data"] == []
    for method, tail in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        problem_of(charlie.ask(method, f"{PATH}/{made['id']}{tail}"), 404)


def test_each_route_needs_its_scope(shop: Shop) -> None:
    reader, writer = shop.make_key(Scope.READ_TEMPLATES), shop.make_key(Scope.WRITE_TEMPLATES)
    problem_of(shop.ask("POST", f"{PATH}?filename=a.png", PNG, headers=HEADERS, key=reader), 403)
    problem_of(shop.ask("GET", PATH, key=writer), 403)
