"""Every page of the demo account, on a desk and in a hand, in light and in dark; and the keyboard.

Each page is looked at four ways and leaves its picture in `test-results/screenshots/`: no violation that axe knows, no error in the
console, no request to another host, nothing wider than the window.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.dns_server import DnsServer
from tests.support.installation import Installation
from tests.ui.conftest import (
    DESKTOP,
    PHONE,
    PICTURES,
    OpenBrowser,
    Watch,
    find_axe_violations,
    find_overflow,
    open_context,
    still,
)
from tests.ui.marketer import Marketer
from tests.ui.strangers import publish_stranger, write_letter

SIZES = {"desk": DESKTOP, "phone": PHONE}
SCHEMES = ("light", "dark")
# What the console says of a document that may not do what it tries.
ELSEWHERE = "request to another host: "  # noticed before the policy stops it
REFUSALS = re.compile("console: (?:Refused to|Blocked|Loading (?:the|plugin)|Executing|Framing)")


@dataclass(frozen=True)
class Place:
    """A page: its address, or the list with the link that leads to it, and what is below that."""

    path: str
    link: str = ""
    below: str = ""

    def find(self, page: Page) -> str:
        if not self.link:
            return self.path
        page.goto(self.path)
        link = page.get_by_role("main").get_by_role("link", name=re.compile(self.link)).first
        return str(link.get_attribute("href")) + self.below


# Signed in as the owner of the demo account.
PAGES = {
    "home": Place("/"),
    "campaigns": Place("/campaigns/"),
    "campaigns-nothing-found": Place("/campaigns/?q=nothing+of+this+name"),
    "campaign-new": Place("/campaigns/new/"),
    "campaign-draft": Place("/campaigns/", "^Winter sale"),
    "campaign-content": Place("/campaigns/", "^Winter sale", "content/"),
    "campaign-start": Place("/campaigns/", "^Winter sale", "start/"),
    "campaign-review": Place("/campaigns/", "^Winter sale", "review/"),
    "campaign-sent": Place("/campaigns/", "^Autumn arrivals"),
    "report": Place("/campaigns/", "^Autumn arrivals", "report/"),
    "report-recipients": Place("/campaigns/", "^Autumn arrivals", "recipients/"),
    "report-nobody": Place("/campaigns/", "^Autumn arrivals", "recipients/?outcome=bounced"),
    "contacts": Place("/contacts/"),
    "contacts-nobody": Place("/contacts/?q=nobody+of+this+name"),
    "contact-new": Place("/contacts/new/"),
    "contact": Place("/contacts/?q=reader7%40", "reader7@"),
    "contacts-condition": Place(
        "/contacts/?condition=%7B%22kind%22%3A%22tag%22%2C%22op%22%3A%22filled%22%7D"
    ),
    "contacts-faulty-condition": Place("/contacts/?condition=%7B%22kind%22%3A%22nothing%22%7D"),
    "contact-handed-over": Place("/contacts/?q=reader7%40", "reader7@", "handed-over/"),
    "handed-over": Place("/contacts/handed-over/?address=nobody%40mail.example"),
    "contact-merge": Place("/contacts/?q=reader7%40", "reader7@", "merge/"),
    "duplicates": Place("/contacts/duplicates/"),
    "duplicate-pairs": Place("/contacts/duplicates/pairs/?rule=mailbox"),
    "imports": Place("/contacts/imports/"),
    "import-new": Place("/contacts/imports/new/"),
    "import": Place("/contacts/imports/", "customers.csv"),
    "import-sources": Place("/contacts/imports/sources/"),
    "import-source-new": Place("/contacts/imports/sources/new/"),
    "import-source-new-sftp": Place("/contacts/imports/sources/new/?kind=sftp"),
    "attributes": Place("/contacts/attributes/"),
    "attribute-new": Place("/contacts/attributes/new/"),
    "attribute": Place("/contacts/attributes/", "^City"),
    "tags": Place("/contacts/tags/"),
    "tag": Place("/contacts/tags/", "^Rename or merge"),
    "topics": Place("/contacts/topics/"),
    "topic-new": Place("/contacts/topics/new/"),
    "topic": Place("/contacts/topics/", "^Product news"),
    "events": Place("/contacts/events/"),
    "event": Place("/contacts/events/", "^order"),
    "event-import-new": Place("/contacts/events/imports/new/"),
    "templates": Place("/templates/"),
    "mailbox": Place("/mailbox/"),
    "mailbox-message": Place("/mailbox/", "^New this month"),
    "mailbox-text": Place("/mailbox/", "^New this month", "?view=text"),
    "mailbox-headers": Place("/mailbox/", "^New this month", "?view=headers"),
    "mailbox-source": Place("/mailbox/", "^New this month", "?view=source"),
    "system-mailbox": Place("/mailbox/system/"),
    "delivery": Place("/settings/delivery/"),
    "sender-new": Place("/settings/delivery/senders/new/"),
    "sender": Place("/settings/delivery/", "^Anna from Acme"),
    "transport-new": Place("/settings/delivery/transports/new/"),
    "providers": Place("/settings/delivery/transports/new/api/"),
    "provider": Place("/settings/delivery/transports/new/api/brevo/"),
    "relay-new": Place("/settings/delivery/transports/new/smtp/"),
    "direct-new": Place("/settings/delivery/transports/new/mx/"),
    "routing": Place("/settings/delivery/routing/"),
    "rule-new": Place("/settings/delivery/routing/rules/new/"),
    "pool-new": Place("/settings/delivery/routing/pools/new/"),
    "way": Place("/settings/delivery/routing/way/?stream=marketing&recipient=gmail.com"),
    "domains": Place("/settings/domains/"),
    "domain-new": Place("/settings/domains/new/"),
    "segments": Place("/segments/"),
    "segments-archive": Place("/segments/?archived=1"),
    "segment": Place("/segments/", "^Birthday soon"),
    "segment-edit": Place("/segments/", "^Birthday soon", "edit/"),
    "segment-new": Place("/segments/new/"),
    "suppressions": Place("/contacts/suppressions/"),
    "suppressions-new": Place("/contacts/suppressions/new/"),
    "feedback": Place("/settings/feedback/"),
    "feedback-mailbox-new": Place("/settings/feedback/mailboxes/new/"),
    "limits": Place("/settings/delivery/limits/"),
    "why": Place("/campaigns/", "^Autumn arrivals", "recipients/?q=stranger@mail.example"),
    "settings": Place("/settings/"),
    "members": Place("/settings/members/"),
    "api-keys": Place("/settings/api-keys/"),
    "api-key-new": Place("/settings/api-keys/new/"),
    "streams": Place("/settings/streams/"),
    "stream-new": Place("/settings/streams/new/"),
    "stream": Place("/settings/streams/", "^Transactional"),
    "messages": Place("/messages/"),
    "messages-by-prefix": Place("/messages/?q=reader7%40"),
    "messages-nothing-found": Place("/messages/?q=nobody@mail.example"),
    "developers": Place("/developers/"),
    "api-requests": Place("/developers/requests/"),
    "webhooks": Place("/developers/webhooks/"),
    "webhook-new": Place("/developers/webhooks/new/"),
    "inbound": Place("/developers/inbound/"),
    "inbound-message": Place("/developers/inbound/", "^Where is my order"),
    "inbound-text": Place("/developers/inbound/", "^Where is my order", "?view=text"),
    "inbound-headers": Place("/developers/inbound/", "^Where is my order", "?view=headers"),
    "inbound-source": Place("/developers/inbound/", "^Where is my order", "?view=source"),
    "inbound-addresses": Place("/developers/inbound/addresses/"),
    "audit": Place("/settings/audit/"),
    "profile": Place("/profile/"),
    "security": Place("/profile/security/"),
    "second-factor": Place("/accounts/2fa/"),
    "account-new": Place("/new-account/"),
    "work": Place("/work/"),
    "policy": Place("/policy/"),
    "cookies": Place("/cookies/"),
    "not-found": Place("/nothing/here/"),
    "palette": Place("/campaigns/"),
}
# Without a sign-in; the last two are what a recipient sees.
OPEN_PAGES = {
    "sign-in": "/accounts/login/",
    "sign-up": "/accounts/signup/",
    "password-reset": "/accounts/password/reset/",
    "open-policy": "/policy/",
    "unsubscribe": "/u/",
    "preferences": "/p/",
}


@dataclass
class Visitor:
    """A tab that stays open from page to page, and what it saw go wrong."""

    page: Page
    watch: Watch

    def look(self, name: str) -> list[str]:
        """Look at the open page four ways; returns faults as sentences."""
        faults = []
        still(self.page)
        for size, viewport in SIZES.items():
            self.page.set_viewport_size(viewport)
            for scheme in SCHEMES:
                self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                self.page.screenshot(path=PICTURES / f"{name}-{size}-{scheme}.png", full_page=True)
                found = find_overflow(self.page)
                if (size, scheme) != ("phone", "dark"):  # the colors of one, the layout of the other
                    found += find_axe_violations(self.page)
                faults += [f"{name}, {size}, {scheme}: {fault}" for fault in found]
        self.page.set_viewport_size(DESKTOP)
        self.page.emulate_media(color_scheme="light")
        seen, self.watch.faults = self.watch.faults, []
        return faults + seen


@pytest.fixture(scope="module")
def owner(chromium: Browser, installation: Installation, dns: DnsServer) -> Iterator[Visitor]:
    """The demo account's owner, signed in, when the demo campaign was sent, some readers have clicked and a stranger has written."""
    context, watch = open_context(chromium, installation)
    page = context.new_page()
    email, password = read_demo_sign_in(installation)
    marketer = Marketer(page, email=email, password=password)
    marketer.sign_in()
    page.goto("/campaigns/")
    marketer.reload_until(page.get_by_role("row").filter(has_text="Autumn arrivals").filter(has_text="Sent"))
    publish_stranger(dns)
    write_letter(installation, make_address(page))
    yield Visitor(page, watch)
    context.close()


def make_address(page: Page) -> str:
    """An address of the account that strangers may write to."""
    page.goto("/developers/inbound/addresses/")
    form = page.locator("form").filter(has=page.get_by_label("Name"))
    form.get_by_label("Name").fill("demo-help")
    form.get_by_role("button").click()
    address = page.get_by_text(re.compile("^demo-help@")).first
    expect(address).to_be_visible()
    return address.inner_text().strip()


@pytest.fixture(scope="module")
def stranger(chromium: Browser, installation: Installation) -> Iterator[Visitor]:
    context, watch = open_context(chromium, installation)
    yield Visitor(context.new_page(), watch)
    context.close()


def read_demo_sign_in(installation: Installation) -> tuple[str, str]:
    email, password = (installation.home / "data" / "demo_sign_in").read_text().split()
    return email, password


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_keeps_to_itself_on_any_screen(owner: Visitor, name: str) -> None:
    place = PAGES[name].find(owner.page)
    owner.page.goto(place)
    expect(owner.page.locator("h1").first).to_be_visible()
    if name == "palette":
        open_palette(owner.page)
    assert owner.look(name) == []


@pytest.mark.parametrize("name", OPEN_PAGES)
def test_an_open_page_is_accessible_and_keeps_to_itself_on_any_screen(
    owner: Visitor, stranger: Visitor, name: str
) -> None:
    path = OPEN_PAGES[name]
    if path in ("/u/", "/p/"):
        path = find_recipients_link(owner.page, path)
    stranger.page.goto(path)
    expect(stranger.page.locator("h1")).to_be_visible()
    assert stranger.look(name) == []


def test_the_web_version_of_a_message_shows_it_and_runs_nothing(owner: Visitor, stranger: Visitor) -> None:
    answer = stranger.page.goto(find_recipients_link(owner.page, "/v/"))
    assert answer is not None
    assert "sandbox" in answer.headers["content-security-policy"]
    expect(stranger.page.get_by_text("Less waiting.")).to_be_visible()
    stranger.page.screenshot(path=PICTURES / "web-version-desk-light.png", full_page=True)
    assert stranger.watch.faults == []


def test_what_a_stranger_wrote_in_html_is_shown_and_can_do_nothing(owner: Visitor) -> None:
    stopped: dict[str, str | None] = {}
    owner.page.on("requestfailed", lambda request: stopped.update({request.url: request.failure}))
    owner.page.goto(PAGES["inbound-message"].find(owner.page) + "?view=html")
    document = owner.page.frame_locator("iframe.mail-frame")
    expect(document.get_by_role("heading", name="Where is my order?")).to_be_visible()
    faults = owner.look("inbound-html")
    asked = {one.partition(ELSEWHERE)[2] for one in faults if ELSEWHERE in one}
    assert {url: stopped.get(url) for url in asked} == dict.fromkeys(asked, "csp")
    assert [one for one in faults if ELSEWHERE not in one and not REFUSALS.search(one)] == []
    expect(owner.page).to_have_title(re.compile("Where is my order"))


def find_recipients_link(page: Page, prefix: str) -> str:
    """A link in one of the demo campaign's messages."""
    page.goto(PAGES["mailbox-message"].find(page))
    return str(page.locator(f"main a[href*='{prefix}']").first.get_attribute("href"))


def test_the_palette_opens_by_keyboard_and_leads_to_a_page(
    open_browser: OpenBrowser, installation: Installation
) -> None:
    page = open_browser().new_page()
    email, password = read_demo_sign_in(installation)
    Marketer(page, email=email, password=password).sign_in()
    page.goto("/")
    open_palette(page)
    page.keyboard.type("autumn")
    page.keyboard.press("Enter")  # typed fast: it means the results to come, not those still shown
    expect(page.get_by_role("heading", level=1)).to_contain_text("Autumn arrivals")


def test_a_slash_leads_to_the_search_of_a_list_and_g_c_to_campaigns(
    open_browser: OpenBrowser, installation: Installation
) -> None:
    page = open_browser().new_page()
    email, password = read_demo_sign_in(installation)
    Marketer(page, email=email, password=password).sign_in()
    page.goto("/contacts/")
    page.keyboard.press("/")
    box = page.get_by_label("Search contacts")
    expect(box).to_be_focused()
    page.keyboard.type("reader7@")
    expect(page.get_by_role("row")).to_have_count(2)
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile("/campaigns/$"))


def open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name=re.compile("Search pages"))).to_be_focused()
    expect(page.get_by_role("option").first).to_be_visible()
