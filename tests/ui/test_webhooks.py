"""A developer connects another system: made and authorized, tested, looked at, its keys renewed, sent again, paused, removed."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from dynamail.protocols.standard_webhooks import verify_headers
from tests.support.installation import Installation
from tests.support.webhook_sink import Said, WebhookSink
from tests.ui.conftest import OpenBrowser
from tests.ui.marketer import Marketer
from tests.ui.test_every_page import read_demo_sign_in

NAME = "Order system"


@pytest.fixture
def developer(open_browser: OpenBrowser, installation: Installation) -> Marketer:
    person = Marketer(open_browser().new_page(), email="", password="")
    person.email, person.password = read_demo_sign_in(installation)
    person.sign_in()
    return person


def test_another_system_is_told_what_happens(developer: Marketer, hooks: WebhookSink) -> None:
    hooks.requests.clear()
    secret = make_webhook(developer, hooks)
    send_test(developer, hooks, secret)
    make_new_keys(developer, hooks, secret)
    see_one_that_fails(developer, hooks)
    send_range_again(developer, hooks)
    pause_resume_and_remove(developer)
    assert developer.faults == []


def read_secret(developer: Marketer) -> str:
    expect(developer.page.get_by_text("Copy the secret now")).to_be_visible()
    found = re.search(r"whsec_[\w+/=]+", developer.page.get_by_role("main").inner_text())
    assert found is not None
    return found[0]


def make_webhook(developer: Marketer, hooks: WebhookSink) -> str:
    page = developer.page
    page.goto("/developers/webhooks/")
    developer.follow("New webhook", within=page.get_by_role("main"))
    page.get_by_label("Address", exact=True).fill("http://10.0.0.1/hook")
    page.get_by_label("Who receives it").fill(NAME)
    page.get_by_role("radio", name="Chosen events").check()
    page.locator("input[name=kinds][value='contact.created']").check()  # the demo account has much to tell
    page.get_by_role("checkbox", name="Email addresses of people").check()
    developer.press("Create the webhook")
    expect(page.get_by_text("Nothing is sent without it").last).to_be_visible()
    expect(page.get_by_role("checkbox", name=re.compile("We authorize"))).to_have_attribute(
        "aria-invalid", "true"
    )
    developer.look_everywhere("webhook-not-authorized")
    page.get_by_role("checkbox", name=re.compile("We authorize")).check()
    developer.press("Create the webhook")  # the address is inside a private network
    expect(page.get_by_label("Address", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Address", exact=True).fill(hooks.url("/orders"))
    developer.press("Create the webhook")
    expect(page.get_by_text("In these words")).to_be_visible()
    return read_secret(developer)


def send_test(developer: Marketer, hooks: WebhookSink, secret: str) -> None:
    """The page is not loaded again by hand."""
    page = developer.page
    developer.press("Send a test")
    row = page.get_by_role("table", name="Deliveries").get_by_role("row").filter(has_text="webhook.test")
    expect(row).to_contain_text("Delivered")
    (request,) = hooks.requests
    verify_headers(secret, request.headers, request.body, now=int(request.headers["webhook-timestamp"]))
    developer.look_everywhere("webhook-tested")
    row.get_by_role("link").click()
    expect(page.get_by_text("It works.")).to_be_visible()
    expect(page.get_by_text(request.headers["webhook-id"])).to_be_visible()
    expect(page.get_by_role("table", name="Attempts")).to_contain_text("204")
    developer.look_everywhere("webhook-delivery")
    page.go_back()


def make_new_keys(developer: Marketer, hooks: WebhookSink, old: str) -> None:
    page = developer.page
    developer.press("Actions", within=page.get_by_role("main"))
    developer.press("New signing keys…")
    developer.press("Make new keys", within=page.get_by_role("alertdialog"))
    new = read_secret(developer)
    assert new != old
    expect(page.get_by_text("Old keys until")).to_be_visible()
    developer.look_everywhere("webhook-new-keys")
    developer.press("Send a test")
    hooks.wait_for(2)
    expect(page).to_have_url(re.compile(r"/whk_\w+/$"))
    request = hooks.requests[1]
    for secret in (old, new):
        verify_headers(secret, request.headers, request.body, now=int(request.headers["webhook-timestamp"]))


def see_one_that_fails(developer: Marketer, hooks: WebhookSink) -> None:
    page = developer.page
    address = page.url
    hooks.answer = lambda _request: Said(500, body=b"out of order")
    page.goto("/contacts/new/")
    page.get_by_label("Email").fill(f"hooked-{uuid4().hex[:8]}@mail.example")
    page.get_by_role("button", name=re.compile("^(Add|Save|Create)")).last.click()
    hooks.wait_for(3)
    page.goto(address)
    row = page.get_by_role("table", name="Deliveries").get_by_role("row").filter(has_text="contact.created")
    expect(row).to_contain_text("To be tried again")
    expect(row).to_contain_text("500")
    page.reload()
    expect(page.get_by_text("It does not take messages at the moment")).to_be_visible()
    developer.look_everywhere("webhook-failing")
    row.get_by_role("link").click()
    expect(page.get_by_text("out of order").first).to_be_visible()
    developer.look_everywhere("webhook-delivery-failed")
    hooks.answer = lambda _request: Said(200, body=b"thank you")
    developer.press("Send again")
    expect(page.get_by_role("table", name="Attempts")).to_contain_text("thank you")
    told = [one for one in hooks.requests if json.loads(one.body)["type"] == "contact.created"]
    assert len({one.headers["webhook-id"] for one in told}) == 1
    assert len({json.loads(one.body)["data"]["email"] for one in told}) == 1
    page.goto(address)


def send_range_again(developer: Marketer, hooks: WebhookSink) -> None:
    page = developer.page
    developer.press("Actions", within=page.get_by_role("main"))
    developer.press("Send events again…")
    developer.look_everywhere("webhook-replay")
    developer.press("Send again", within=page.get_by_role("dialog"))
    expect(page.get_by_role("table", name="Deliveries")).to_be_visible()


def pause_resume_and_remove(developer: Marketer) -> None:
    page = developer.page
    developer.press("Actions", within=page.get_by_role("main"))
    developer.press("Pause")
    expect(page.get_by_text("Nothing is sent, and new events are not noted for it.")).to_be_visible()
    developer.look_everywhere("webhook-paused")
    developer.press("Resume")
    expect(page.get_by_role("button", name="Send a test")).to_be_visible()
    page.goto("/developers/webhooks/")
    developer.look_everywhere("webhooks-list")
    developer.follow(re.compile(NAME), within=page.get_by_role("main"))
    developer.press("Actions", within=page.get_by_role("main"))
    developer.press("Remove…")
    developer.press("Remove", within=page.get_by_role("alertdialog"))
    expect(page).to_have_url(re.compile("/developers/webhooks/$"))
    expect(page.get_by_role("main").get_by_text(NAME)).to_have_count(0)
