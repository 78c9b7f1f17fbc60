"""Segments as a marketer works with them: one built without a mouse, counted, looked at, and written to."""

from __future__ import annotations

import re

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.installation import Installation
from tests.ui.conftest import OpenBrowser
from tests.ui.marketer import Marketer, read_number
from tests.ui.test_every_page import read_demo_sign_in

NAME = "Warm in Minsk and Vilnius"
CAMPAIGN = "For the warm ones"
# The same question by hand. The demo's facts are hours old at most, so that the period's first day does not matter.
MEMBERS = """
    SELECT c.email FROM contact c JOIN attribute city ON city.account_id = c.account_id AND city.key = 'city'
    WHERE c.state <> 'restricted' AND c.attributes ->> city.number::text IN ('Minsk', 'Vilnius')
      AND (EXISTS (SELECT FROM activity a WHERE a.account_id = c.account_id AND a.contact_id = c.id AND a.kind = 'clicked')
           OR (SELECT sum(a.n) FROM activity a
               WHERE a.account_id = c.account_id AND a.contact_id = c.id AND a.kind = 'opened' AND a.at > now() - interval '29 days') >= 3)
"""
RECIPIENTS = (
    MEMBERS
    + """
      AND c.state = 'active'
      AND EXISTS (SELECT FROM subscription s JOIN topic t ON t.id = s.topic_id
                  WHERE s.account_id = c.account_id AND s.contact_id = c.id AND s.state = 'subscribed' AND t.name = 'Product news')
"""
)
# Every third person opened the sent campaign three times more within the last hour.
OPENS = """
    INSERT INTO activity (account_id, kind, at, contact_id, source_id, link_number, n)
    SELECT c.account_id, 'opened', date_bin('15 minutes', now(), 'epoch'), c.id, p.uid, -1, 3
    FROM (SELECT *, row_number() OVER (ORDER BY email) AS place FROM contact) c
    JOIN campaign p ON p.account_id = c.account_id AND p.launched_at IS NOT NULL
    WHERE c.place %% 3 = 0
    ON CONFLICT (account_id, kind, at, contact_id, source_id, link_number) DO UPDATE SET n = activity.n + 3
"""


@pytest.fixture
def marketer(open_browser: OpenBrowser, installation: Installation) -> Marketer:
    with psycopg.connect(installation.dsn, autocommit=True) as connection:
        connection.execute(OPENS.replace("%%", "%"))
    person = Marketer(open_browser().new_page(), email="", password="")
    person.email, person.password = read_demo_sign_in(installation)
    person.sign_in()
    return person


def ask(installation: Installation, statement: str) -> set[str]:
    with psycopg.connect(installation.dsn) as connection:
        return {row[0] for row in connection.execute(statement)}


def test_a_segment_is_built_without_a_mouse_and_written_to(
    marketer: Marketer, installation: Installation
) -> None:
    page, members = marketer.page, ask(installation, MEMBERS)
    assert 10 < len(members) < 200, "a question that some answer with yes and some with no"
    page.goto("/segments/")
    build_by_keyboard(marketer)
    assert read_number(page.locator(".cb-count-number:visible").first) == len(members)
    marketer.look_everywhere("segment-editor")
    save_by_keyboard(page)
    expect(page.locator("#segment-figures .kpi-number").first).to_have_text(str(len(members)))
    expect(page.get_by_text("City is Minsk or Vilnius")).to_be_visible()
    expect(page.locator("#segment-people li")).to_have_count(10)
    marketer.look_everywhere("segment-page")
    assert {row["Email"] for row in export_people(marketer)} == members

    send_to_segment(marketer, installation)
    page.goto("/segments/")
    marketer.follow(NAME, within=page.get_by_role("main"))
    expect(page.get_by_role("link", name=CAMPAIGN)).to_be_visible()


# ── By keyboard ──────────────────────────────────────────────────────────────────────────────────────────────────────
def go_to(page: Page, wanted: Locator, *, backward: bool = False) -> None:
    """With the Tab key alone."""
    for _ in range(120):
        if wanted.count() and wanted.first.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab" if backward else "Tab")
    raise AssertionError(f"the Tab key does not lead to {wanted}")


def press(page: Page, name: str, *, within: Locator | None = None) -> None:
    go_to(page, (within or page).get_by_role("button", name=name, exact=True).first)
    page.keyboard.press("Enter")


def add_condition(page: Page, words: str, *, within: Locator | None = None) -> None:
    """Open the list, type, take the first."""
    press(page, "Add condition", within=within)
    expect(page.get_by_placeholder("Search attributes, tags, events…")).to_be_focused()
    page.keyboard.type(words)
    page.keyboard.press("Enter")


def choose(page: Page, select: Locator, wanted: str) -> None:
    """Open the list, move through it with the arrow keys, take one."""
    go_to(page, select)
    if select.evaluate("element => element.selectedOptions[0].text") != wanted:
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Home")
        for _ in range(20):
            if page.evaluate("document.activeElement.text") == wanted:
                break
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
    expect(select.locator("option:checked")).to_have_text(wanted)


def build_by_keyboard(marketer: Marketer) -> None:
    page = marketer.page
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_have_text("New segment")
    expect(page.get_by_role("button", name="Add condition", exact=True)).to_be_visible()
    go_to(page, page.get_by_label("Name", exact=True))
    page.keyboard.type(NAME)

    add_condition(page, "city")
    city = page.get_by_role("group", name=re.compile(r"^1\. City"))
    page.keyboard.press("Shift+Tab")
    choose(page, city.get_by_label("Comparison"), "is one of")
    page.keyboard.press("Tab")
    for town in ("Minsk", "Vilnius"):
        page.keyboard.type(town)
        page.keyboard.press("Enter")

    press(page, "Add group")
    group = page.get_by_role("region", name="Group 2", exact=True)
    add_condition(page, "clicked", within=group)
    expect(group.get_by_role("group", name=re.compile(r"^2\.1\. Clicked"))).to_be_visible()
    add_condition(page, "opened", within=group)
    opened = group.get_by_role("group", name=re.compile(r"^2\.2\. Opened"))
    go_to(page, opened.get_by_label("How often"), backward=True)
    choose(page, opened.get_by_label("How often"), "at least")
    go_to(page, opened.get_by_label("Times", exact=True))
    page.keyboard.press("Control+A")
    page.keyboard.type("3")
    choose(page, opened.get_by_label("When"), "in the last")
    expect(page.locator(".cb-mark-exact:visible").first).to_be_visible()
    expect(page.get_by_text(re.compile("opened .* 3 times in the last 30 days")).first).to_be_visible()


def save_by_keyboard(page: Page) -> None:
    press(page, "Save the segment")
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)


# ── What it is good for ──────────────────────────────────────────────────────────────────────────────────────────────
def export_people(marketer: Marketer) -> list[dict[str, str]]:
    marketer.press("More")
    return marketer.download_table("Export as CSV")


def send_to_segment(marketer: Marketer, installation: Installation) -> None:
    """Only its members among the subscribers of the topic get the campaign."""
    page, recipients = marketer.page, ask(installation, RECIPIENTS)
    marketer.start_campaign(CAMPAIGN, template="Plain text")
    marketer.press("Edit To")
    card = page.locator("#card-to")
    card.get_by_label("Topic", exact=True).select_option(label="Product news")
    add_condition(page, "segment", within=card)
    page.keyboard.type(NAME[:8])
    page.keyboard.press("Enter")
    expect(card.locator(".audience-count b")).to_have_text(str(len(recipients)))
    expect(card.get_by_text("Do not fit the condition")).to_be_visible()
    marketer.look_everywhere("campaign-audience")
    assert marketer.faults == []
    marketer.press("Save", within=card)
    expect(page.get_by_text(f"In the segment {NAME}")).to_be_visible()
    marketer.write_subject("For you alone", "")
    marketer.review()
    marketer.launch(len(recipients))
    marketer.watch_until_finished()
    captured = "SELECT envelope_to FROM captured_message WHERE subject = 'For you alone'"
    assert {write_domain(address) for address in ask(installation, captured)} == recipients


def write_domain(address: str) -> str:
    """As people write it; envelopes carry the ASCII form (RFC 5891)."""
    local, domain = address.split("@")
    return f"{local}@{domain.encode('ascii').decode('idna')}"
