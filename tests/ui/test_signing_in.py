"""Signing in with a passkey, end to end: Chromium's own virtual authenticator, our pages, our content security policy."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.installation import Installation
from tests.ui.conftest import DESKTOP, PATIENCE_MS, PERSON, Watch, find_faults
from tests.ui.marketer import Marketer


@pytest.fixture
def page(chromium: Browser, installation: Installation) -> Iterator[Page]:
    """A page with a device that holds passkeys. Browsers allow them at a name such as localhost, not at a bare address."""
    address = installation.url.replace("127.0.0.1", "localhost")
    context = chromium.new_context(base_url=address, viewport=DESKTOP, user_agent=PERSON)
    context.set_default_timeout(PATIENCE_MS)
    watch = Watch(context, address)
    page = context.new_page()
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    yield page
    context.close()
    assert watch.faults == []


def test_a_passkey_is_added_and_signs_in_without_a_password(page: Page) -> None:
    person = Marketer(page, email="passkey@keys.example")
    person.sign_up()
    person.confirm_address_by_mail()
    person.accept_policy()

    page.goto("/profile/security/")
    person.look_closely("sign-in and security")
    page.get_by_role("link", name="Add").click()
    expect(page.get_by_role("heading", name="Is it you?")).to_be_visible()
    person.look_closely("is it you")
    page.get_by_label("Password", exact=True).fill(person.password)
    person.press("Confirm")
    person.look_closely("add a passkey")
    page.get_by_label("Name").fill("My laptop")
    page.get_by_role("checkbox").check()
    person.press("Add", exact=True)
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    person.look_closely("recovery codes")

    page.goto("/accounts/logout/")
    person.press("Sign out")
    page.goto("/accounts/login/")
    person.look_closely("sign in")
    person.press("Sign in with a passkey")
    expect(page).to_have_url(re.compile(r"//[^/]+/$"))
    page.goto("/profile/security/")
    expect(page.get_by_text("This browser")).to_be_visible()
    expect(page.get_by_text("1 passkey or security key")).to_be_visible()
    page.goto("/accounts/2fa/webauthn/")
    expect(page.get_by_text("My laptop")).to_be_visible()
    assert person.faults + find_faults(page) == []
