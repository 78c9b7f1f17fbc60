"""The page of limits as somebody uses it, with destinations that asked for less, on a desk and in a hand, in light and in dark."""

from __future__ import annotations

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.support.installation import Installation
from tests.ui.conftest import OpenBrowser, take_pictures
from tests.ui.marketer import Marketer
from tests.ui.test_every_page import read_demo_sign_in

STATES = """
INSERT INTO destination_state (account_id, transport_id, site, until, factor, reason, changed_at)
SELECT account_id, id, state.site, state.until, state.factor, state.reason, now() - interval '7 minutes'
FROM transport, (VALUES
    ('google.com', now() + interval '25 minutes', 0.1, '421 4.7.28 Gmail has detected an unusual rate of mail originating from your IP address'),
    ('yahoodns.net', NULL, 0.5, '421 4.7.0 [TS02] <b>Messages</b> temporarily deferred'),
    ('a-very-long-name-of-a-mail-installation.provider-somewhere.example', NULL, 0.25, '450 too many connections')
) AS state (site, until, factor, reason)
WHERE transport.name = 'Second server'
"""


@pytest.fixture
def limits_page(open_browser: OpenBrowser, installation: Installation) -> Page:
    page = open_browser().new_page()
    email, password = read_demo_sign_in(installation)
    Marketer(page, email=email, password=password).sign_in()
    page.goto("/settings/delivery/limits/")
    return page


def add_transport(installation: Installation) -> None:
    """A transport is added on a page of its own; here its row is enough, and nothing is ever sent through it."""
    with psycopg.connect(installation.dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO transport (account_id, uid, created_at, name, kind, host, port, security, verify_certificate, username, "
            "connections, is_enabled, is_default, provider, helo_name, warmup_plan, check_result) SELECT id, gen_random_uuid(), now(), "
            "'Second server', 'mx', '', 25, 'starttls', true, '', 10, false, false, '', '', '[]', '{}' FROM account LIMIT 1"
        )
        connection.execute(STATES)


def test_limits_can_be_seen_set_and_lifted_by_keyboard(limits_page: Page, installation: Installation) -> None:
    page = limits_page
    expect(page.get_by_text("All destinations are open")).to_be_visible()
    faults = take_pictures(page, "limits-nothing")

    add_transport(installation)
    page.goto("/settings/delivery/limits/")
    page.get_by_role("link", name="Plan a warm-up Second server").press("Enter")
    page.get_by_label("Messages per day in the end").fill("0")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Messages per day in the end")).to_be_focused()
    page.get_by_label("Messages per day in the end").fill("20000")
    faults += take_pictures(page, "limits-warm-up")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Day 1 of 30")).to_be_visible()

    page.get_by_role("link", name="Gmail and Google Workspace").press("Enter")
    page.get_by_label("Connections at once").fill("2")
    faults += take_pictures(page, "limits-rule")
    page.keyboard.press("Enter")
    expect(page.get_by_text("built in: 20", exact=True)).to_be_visible()
    faults += take_pictures(page, "limits")

    page.get_by_role("button", name="Try again now Gmail and Google Workspace").press("Enter")
    expect(page.get_by_text("The workers try again within seconds.")).to_be_visible()
    expect(page.get_by_text("unusual rate of mail")).to_have_count(0)
    assert faults == []
