"""A reader confirms a subscription that a program asked for: the mail, the page, the thanks, on any screen."""

from __future__ import annotations

import json
import re
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.support.developer import make_developer
from tests.support.installation import Installation
from tests.ui.conftest import open_context
from tests.ui.test_every_page import Visitor

ROOT = Path(__file__).resolve().parents[2]
READER = "reader@mail.example"


@dataclass
class Program:
    """What a developer's program asks of the API."""

    url: str
    secret: str

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/api/v1/{path}",
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request) as answer:
            told: dict[str, Any] = json.load(answer)
            return told


@pytest.fixture(scope="module")
def program(installation: Installation) -> Program:
    developer = make_developer(installation.environment, installation.dsn)
    return Program(installation.url, developer.test_secret)


def ask_to_confirm(program: Program, topic: str) -> str:
    """The link in the mail."""
    said = {"text": "Yes, write to me", "from": "Shop <hello@shop.example>"}
    asked = program.ask("POST", f"contacts/{READER}/topics/{topic}/confirmation", said)
    content = program.ask("GET", f"emails/{asked['email']}/content")
    link = re.search(r'href="([^"]+/c/[\w-]+)"', content["html"])
    assert link is not None
    return link[1]


def test_a_reader_confirms_and_is_thanked_and_an_old_link_says_so(
    chromium: Browser, installation: Installation, program: Program
) -> None:
    context, watch = open_context(chromium, installation)
    visitor = Visitor(context.new_page(), watch)
    program.ask("PUT", f"contacts/{READER}", {})
    news, offers = (program.ask("POST", "topics", {"name": name})["id"] for name in ("News", "Offers"))
    old = ask_to_confirm(program, offers)
    visitor.page.goto(ask_to_confirm(program, news))
    expect(visitor.page.get_by_role("heading", name="Subscribe to “News”?")).to_be_visible()
    assert visitor.look("confirm") == []
    visitor.page.get_by_role("button", name="Yes, subscribe me").click()
    expect(visitor.page.get_by_role("heading", name="You are subscribed")).to_be_visible()
    assert visitor.look("confirmed") == []
    program.ask("PUT", f"contacts/{READER}/topics/{offers}", {"state": "unsubscribed"})
    visitor.page.goto(old)
    expect(visitor.page.get_by_role("heading", name="This link is no longer valid")).to_be_visible()
    assert visitor.look("confirm-over") == []
    states = program.ask("GET", f"contacts/{READER}/topics")["data"]
    assert {one["name"]: one["state"] for one in states if one["name"] in ("News", "Offers")} == {
        "News": "subscribed",
        "Offers": "unsubscribed",
    }
    context.close()
