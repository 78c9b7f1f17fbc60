"""Lists of which few have many entries: whole by default, in pages to whom wants them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Shop, body_of, problem_of

MAKE: dict[str, list[Any]] = {
    "topics": [{"name": name} for name in ("News", "Offers", "Tips")],
    "attributes": [{"label": label} for label in ("Zip", "City", "Age")],
    "tags": [{"name": name} for name in ("vip", "new", "old")],
    "segments": [{"name": name, "definition": {}} for name in ("Some", "All", "Few")],
    "streams": [{"name": "Receipts"}],  # two are built in
    "events": [{"name": name, "email": "ann@mail.example", "create_contact": True} for name in "zab"],
}


@pytest.mark.parametrize("noun", MAKE)
def test_a_short_list_comes_whole_and_in_pages(shop: Shop, noun: str) -> None:
    for body in MAKE[noun]:
        body_of(shop.ask("POST", f"/api/v1/{noun}", body), 201)
    path = "/api/v1/events/names" if noun == "events" else f"/api/v1/{noun}"
    whole = body_of(shop.ask("GET", path))
    assert (whole["has_more"], whole["next"]) == (False, None)
    assert len(whole["data"]) >= 3
    found: list[Any] = []
    after = ""
    while after is not None:
        page = body_of(shop.ask("GET", f"{path}?limit=1&after={after}"))
        assert page["has_more"] == (page["next"] is not None)
        found += page["data"]
        after = page["next"]
    assert found == whole["data"]
    for wrong in ("limit=0", "limit=2001", "limit=x", "after=nonsense", "after=-1.top_1", "after=1"):
        problem = problem_of(shop.ask("GET", f"{path}?{wrong}"), 422)
        assert problem["errors"][0]["field"] == wrong.partition("=")[0]


@pytest.mark.parametrize("path", ["domains", "senders", "inbound/addresses", "inbound/domains", "webhooks"])
def test_every_short_list_takes_the_words_of_all_lists(shop: Shop, path: str) -> None:
    assert body_of(shop.ask("GET", f"/api/v1/{path}?limit=1")) == {
        "data": [],
        "has_more": False,
        "next": None,
    }


def test_a_page_goes_on_where_its_last_entry_is_gone(shop: Shop) -> None:
    ids = [body_of(shop.ask("POST", "/api/v1/tags", {"name": name}), 201)["id"] for name in "abcd"]
    page = body_of(shop.ask("GET", "/api/v1/tags?limit=2"))
    shop.ask("DELETE", f"/api/v1/tags/{ids[1]}")
    rest = body_of(shop.ask("GET", f"/api/v1/tags?after={page['next']}"))
    assert [one["name"] for one in rest["data"]] == ["c", "d"]
