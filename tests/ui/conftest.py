"""Chromium against a real installation. A test fails on a console error, a page error or a request to another host."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

from dynamail.senders.domain_records import Names
from tests.support.dns_server import DnsServer
from tests.support.installation import Installation, find_free_port, start_installation
from tests.support.sending_domains import publish_installation
from tests.support.webhook_sink import WebhookSink

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PICTURES = Path(__file__).resolve().parents[2] / "test-results" / "screenshots"
AXE = Path(__file__).resolve().parents[2] / "frontend/node_modules/axe-core/axe.min.js"
DESKTOP, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
PATIENCE_MS = 30_000
RETURN_PATH = "mail.dynamail.example"  # of the installation
# Chromium without a window calls itself HeadlessChrome, which the product takes for the machine that it is.
PERSON = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process drives the browser; without a browser the tests are skipped, and said so."""
    skip = pytest.mark.skip(reason="no Chromium on this machine")
    for item in items:
        if "tests/ui/" in str(item.path):
            item.add_marker(pytest.mark.ui)
            item.add_marker(pytest.mark.xdist_group("ui"))
            if CHROMIUM is None:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def dns() -> Iterator[DnsServer]:
    """What the installation asks for DNS records; the stories publish theirs here."""
    with DnsServer(ttl=0) as server:
        publish_installation(server, Names(RETURN_PATH, RETURN_PATH))
        yield server


@pytest.fixture(scope="session")
def hooks() -> Iterator[WebhookSink]:
    """The one address of this machine that the installation may tell what happens."""
    with WebhookSink() as server:
        yield server


@pytest.fixture(scope="session")
def installation(dns: DnsServer, hooks: WebhookSink) -> Iterator[Installation]:
    """One installation with the demo account serves all tests; each story signs up with an account of its own."""
    running = start_installation(
        demo=True,
        DYNAMAIL_DNS_SERVERS=f"{dns.host}:{dns.port}",
        DYNAMAIL_RETURN_PATH_DOMAIN=RETURN_PATH,
        DYNAMAIL_EGRESS_ALLOWED=f"{hooks.host}:{hooks.port}",
        DYNAMAIL_REPORTS_PORT=str(find_free_port()),
    )
    wait_for_file(running.home / "data" / "demo_sign_in")
    yield running
    running.stop()


def wait_for_file(path: Path) -> None:
    """The demo account's first contacts and campaign are made before its sign-in is written down."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} was not written"
        time.sleep(0.1)  # asking again is all that can be done from outside


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        yield from _launch(playwright)


def _launch(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET_FLAGS)
    yield browser
    browser.close()


class Watch:
    """What went wrong while a context was open."""

    def __init__(self, context: BrowserContext, own: str) -> None:
        self.own = own
        self.faults: list[str] = []
        context.on("page", self._watch_page)
        context.on("request", self._watch_request)

    def _watch_page(self, page: Page) -> None:
        page.on("console", self._watch_console)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: error in the page: {error}"))

    def _watch_console(self, message: ConsoleMessage) -> None:
        # Chromium reports each 4xx answer as an error; a form that comes back with 422 is meant to.
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            place = message.page.url if message.page else ""
            self.faults.append(f"{place}: console: {message.text}")

    def _watch_request(self, request: Request) -> None:
        if not request.url.startswith((self.own, "data:", "blob:", "about:")):
            self.faults.append(f"request to another host: {request.url}")


OpenBrowser = Callable[..., BrowserContext]


def open_context(
    browser: Browser, installation: Installation, **options: Any
) -> tuple[BrowserContext, Watch]:
    """A desktop browser of a person, watched."""
    values: dict[str, Any] = {"base_url": installation.url, "viewport": DESKTOP, "user_agent": PERSON}
    values |= {"reduced_motion": "reduce", **options}
    context = browser.new_context(**values)
    context.set_default_timeout(PATIENCE_MS)
    context.set_default_navigation_timeout(PATIENCE_MS)
    return context, Watch(context, installation.url)


@pytest.fixture
def open_browser(chromium: Browser, installation: Installation) -> Iterator[OpenBrowser]:
    """A function that opens a watched browser context; what went wrong in any of them fails the test at its end."""
    opened: list[tuple[BrowserContext, Watch]] = []

    def open_another(**options: Any) -> BrowserContext:
        opened.append(open_context(chromium, installation, **options))
        return opened[-1][0]

    yield open_another
    for context, _watch in opened:
        context.close()
    assert [fault for _context, watch in opened for fault in watch.faults] == []


def find_axe_violations(page: Page) -> list[str]:
    """WCAG 2.2 AA and best practices, as sentences."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{found['id']}: {found['help']} ({'; '.join(node['html'][:160] for node in found['nodes'][:3])})"
        for found in result["violations"]
    ]


def find_overflow(page: Page) -> list[str]:
    """What is wider than the window, as sentences. A table may scroll inside its frame; the page itself may not."""
    pixels = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [f"{pixels} pixels wider than the window"] if pixels > 0 else []


def still(page: Page) -> None:
    """No transitions: what is measured right after another color scheme was chosen are its colors, however busy the machine."""
    page.evaluate(
        "if (!window.still) { window.still = new CSSStyleSheet();"
        " window.still.replaceSync('*, ::before, ::after { transition: none !important }');"
        " document.adoptedStyleSheets.push(window.still) }"
    )


def find_faults(page: Page, name: str = "") -> list[str]:
    """What axe and the ruler find, in light and in dark; the page is not loaded again in between."""
    found = []
    still(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        place = f"{name or re.sub('^https?://[^/]*', '', page.url)} ({scheme})"
        found += [f"{place}: {fault}" for fault in (*find_axe_violations(page), *find_overflow(page))]
    page.emulate_media(color_scheme="light")
    return found


def take_pictures(page: Page, name: str) -> list[str]:
    """Both themes at both sizes; returns what is at fault on them."""
    still(page)
    faults = []
    for size, viewport in (("desk", DESKTOP), ("phone", PHONE)):
        page.set_viewport_size(viewport)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.screenshot(path=PICTURES / f"{name}-{size}-{scheme}.png", full_page=True)
        faults += find_faults(page, f"{name}, {size}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(DESKTOP)
    return faults
