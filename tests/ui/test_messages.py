"""A developer's first hour: a key made in the browser, mail sent by real requests, seen to arrive live, opened, sent again."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.installation import Installation
from tests.ui.conftest import DESKTOP, PHONE, OpenBrowser
from tests.ui.marketer import Marketer
from tests.ui.test_every_page import read_demo_sign_in

HTML = """<h1>Your table is booked</h1><p>See you at 19:00. <a href="https://acme.example/">Change it</a></p>
<img src="https://pictures.other.example/logo.png" width="120"><script>document.title = "taken over"</script>"""


@pytest.fixture
def developer(open_browser: OpenBrowser, installation: Installation) -> Marketer:
    person = Marketer(open_browser().new_page(), email="", password="")
    person.email, person.password = read_demo_sign_in(installation)
    person.sign_in()
    return person


def test_a_key_is_made_and_mail_sent_with_it_arrives_live(
    developer: Marketer, installation: Installation
) -> None:
    secret = make_key(developer)
    watch_it_arrive(developer, installation, secret)
    open_it(developer)
    look_by_keyboard(developer)
    send_again(developer)
    find_by_filter(developer)
    find_a_person(developer)
    export_the_log(developer)
    look_at_requests(developer, installation, secret)
    revoke_on_a_phone(developer)
    assert developer.faults == []


def make_key(developer: Marketer) -> str:
    page = developer.page
    page.goto("/developers/")
    developer.look_everywhere("developers-new")
    developer.follow("Make a test key")
    expect(page.get_by_role("radio", name=re.compile("^Test:"))).to_be_checked()
    page.get_by_label("Name", exact=True).fill("First try")
    page.get_by_role("radio", name="Let me choose").check()
    page.get_by_role("checkbox", name="Read contacts").check()
    page.get_by_label("Only from these addresses").fill("nowhere")
    developer.press("Make the key")
    expect(page.get_by_label("Only from these addresses")).to_have_attribute("aria-invalid", "true")
    developer.look_everywhere("api-key-refused")
    page.get_by_role("radio", name=re.compile("^Send and look up")).check()
    expect(page.get_by_role("checkbox", name="Read contacts")).to_be_hidden()
    page.get_by_label("Only from these addresses").fill("127.0.0.0/8")
    developer.press("Make the key")
    expect(page.get_by_text("Copy the key now")).to_be_visible()
    developer.look_everywhere("api-key-created")
    tab = page.get_by_role("tab", name="curl")
    tab.press("ArrowRight")
    expect(page.get_by_role("tab", name="Python")).to_be_focused()
    expect(page.get_by_role("tabpanel")).to_contain_text("from dynamail_client import DynaMail")
    secret = re.search(r"dm_test_\w{40}_\w{6}", page.get_by_role("status").first.inner_text())
    assert secret is not None
    return secret[0]


def send(installation: Installation, secret: str, **values: Any) -> int:
    body = {
        "from": "anna@acme.example",
        "to": "guest@mail.example",
        "html": HTML,
        "text": "See you.",
        **values,
    }
    request = urllib.request.Request(
        f"{installation.url}/api/v1/emails",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {secret}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code


def watch_it_arrive(developer: Marketer, installation: Installation, secret: str) -> None:
    """The page is opened once, and not loaded again by hand."""
    page = developer.page
    page.goto("/messages/")
    assert send(installation, secret, subject="Your table is booked", tags=["booking"]) == 202
    row = find_row(page, "Your table is booked")
    expect(row).to_contain_text("Delivered")
    expect(row).to_contain_text("Test")
    assert send(installation, secret, subject="Second", to="bounce-5.1.1@simulator.invalid") == 202
    expect(find_row(page, "Second")).to_contain_text("Bounced")
    expect(page.get_by_role("table", name="Log of messages").get_by_role("row").nth(1)).to_contain_text(
        "Second"
    )
    developer.look_everywhere("messages-live")


def find_row(page: Page, subject: str) -> Any:
    return page.get_by_role("table", name="Log of messages").get_by_role("row").filter(has_text=subject)


def open_it(developer: Marketer) -> None:
    page = developer.page
    find_row(page, "Your table is booked").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your table is booked")
    expect(page.get_by_text("Accepted by API")).to_be_visible()
    page.get_by_text("SMTP conversation").click()
    expect(page.get_by_text("RCPT TO:", exact=False).first).to_be_visible()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading")).to_have_text("Your table is booked")
    expect(page.get_by_text("One picture of another host is off.")).to_be_visible()
    assert "taken over" not in page.title()
    developer.look_everywhere("message")


def look_by_keyboard(developer: Marketer) -> None:
    page = developer.page
    tabs = page.get_by_role("navigation", name="The message as")
    tabs.get_by_role("link", name="Text").press("Enter")
    expect(page.get_by_text("See you.", exact=True)).to_be_visible()
    expect(tabs.get_by_role("link", name="Text")).to_be_focused()
    tabs.get_by_role("link", name="Source").press("Enter")
    expect(page.get_by_text("multipart/alternative")).to_be_visible()
    developer.look_closely("message-source")


def send_again(developer: Marketer) -> None:
    page = developer.page
    before = page.url
    developer.press("Resend")
    developer.press("Send again", within=page.get_by_role("alertdialog"))
    expect(page.get_by_text("This is the new email.")).to_be_visible()
    assert page.url != before
    expect(page.get_by_role("listitem").filter(has_text="Delivered")).to_be_visible()


def find_by_filter(developer: Marketer) -> None:
    page = developer.page
    page.goto("/messages/")
    page.get_by_label("State", exact=True).select_option(label="Bounced")
    expect(page).to_have_url(re.compile("state=bounced$"))
    expect(find_row(page, "Second")).to_be_visible()
    expect(find_row(page, "Your table")).to_have_count(0)
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("here once you type the recipient's whole address.")).to_be_visible()
    developer.look_closely("messages-filter")
    page.keyboard.press("Escape")
    page.get_by_label("Search messages by recipient").fill("guest@")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    developer.look_everywhere("messages-nothing")
    page.get_by_label("State", exact=True).select_option(label="Opened")
    expect(page).to_have_url(re.compile("state=opened$"))


def find_a_person(developer: Marketer) -> None:
    """Typing an address brings campaigns' mail too, and the way to the person."""
    page = developer.page
    page.goto("/contacts/?q=reader7%40")
    expect(page.get_by_role("link", name=re.compile("reader7@"))).to_be_visible()
    (address,) = set(re.findall(r"reader7@[\w.-]+", page.get_by_role("main").inner_text()))
    page.goto("/messages/")
    page.get_by_label("Search messages by recipient").fill(address)
    expect(find_row(page, "Autumn")).to_be_visible()
    developer.look_everywhere("messages-of-a-person")
    page.get_by_role("link", name="Card of").click()
    expect(page.get_by_text(address).first).to_be_visible()
    assert "/contacts/" in page.url


def export_the_log(developer: Marketer) -> None:
    page = developer.page
    page.goto("/messages/?state=bounced")
    developer.press("Export these")
    link = page.get_by_role("link", name=re.compile(r"^Download \d+ rows?$"))
    developer.reload_until(link)
    developer.look_everywhere("messages-exported")
    with page.expect_download() as coming:
        link.click()
    assert "bounce-5.1.1@simulator.invalid" in coming.value.path().read_text(encoding="utf-8-sig")


def look_at_requests(developer: Marketer, installation: Installation, secret: str) -> None:
    page = developer.page
    page.goto("/developers/requests/")
    assert send(installation, secret, subject="Refused", to="not an address") == 422
    row = page.get_by_role("row").filter(has_text="422")
    expect(row.first).to_be_visible()
    developer.look_everywhere("requests")
    row.first.get_by_role("link").click()
    expect(page.get_by_text("Why it was refused")).to_be_visible()
    developer.look_everywhere("request")


def revoke_on_a_phone(developer: Marketer) -> None:
    page = developer.page
    page.set_viewport_size(PHONE)
    page.goto("/settings/api-keys/")
    expect(page.get_by_role("link", name="API keys").and_(page.locator("[aria-current]"))).to_be_in_viewport()
    revoke = page.get_by_role("button", name="Revoke First try")
    revoke.scroll_into_view_if_needed()
    box = revoke.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= PHONE["width"]
    revoke.click()
    developer.press("Revoke", within=page.get_by_role("alertdialog"), exact=True)
    expect(page.get_by_text("The key is revoked.")).to_be_visible()
    expect(revoke).to_be_hidden()
    page.set_viewport_size(DESKTOP)
