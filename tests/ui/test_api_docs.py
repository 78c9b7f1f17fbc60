"""The documentation at /api/, in a browser that is not signed in."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.installation import Installation
from tests.ui.conftest import DESKTOP, PHONE, OpenBrowser, find_faults


def test_the_documentation_is_read_and_searched_on_any_screen(
    open_browser: OpenBrowser, installation: Installation
) -> None:
    for size in (DESKTOP, PHONE):
        page = open_browser(viewport=size).new_page()
        page.goto("/api/")
        expect(page.get_by_role("heading", level=1)).to_have_text("DynaMail API")
        assert find_faults(page) == []
        page.keyboard.press("/")
        page.keyboard.type("lift delete suppressions")
        shown = page.locator("article[data-words]:visible")
        expect(shown).to_have_count(1)
        expect(shown).to_contain_text("/api/v1/suppressions/{email}")
        page.keyboard.type(" nothing of this name")
        expect(page.get_by_role("status")).to_have_text("No route has these words.")
