"""Chromium against a real installation. A test fails on a console error, a page error or a request to another host."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    sync_playwright,
)

from tests.support.installation import Installation, start_installation

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
AXE = Path(__file__).resolve().parents[2] / "frontend/node_modules/axe-core/axe.min.js"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

pytestmark = pytest.mark.ui


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
def installation() -> Iterator[Installation]:
    running = start_installation()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
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
        page.on("pageerror", lambda error: self.faults.append(f"error in the page: {error}"))

    def _watch_console(self, message: ConsoleMessage) -> None:
        # Chromium reports each 4xx answer as an error; a form that comes back with 422 is meant to.
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _watch_request(self, request: Request) -> None:
        if not request.url.startswith((self.own, "data:", "blob:", "about:")):
            self.faults.append(f"request to another host: {request.url}")


@pytest.fixture
def watched_context(chromium: Browser, installation: Installation) -> Iterator[BrowserContext]:
    context = chromium.new_context(base_url=installation.url, viewport=DESKTOP)  # type: ignore[arg-type]
    context.set_default_timeout(20_000)
    watch = Watch(context, installation.url)
    yield context
    context.close()
    assert watch.faults == []


def find_axe_violations(page: Page) -> list[str]:
    """WCAG 2.2 AA and best practices, as sentences."""
    page.evaluate(AXE.read_text())
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{found['id']}: {found['help']} ({'; '.join(node['html'][:120] for node in found['nodes'][:3])})"
        for found in result["violations"]
    ]
