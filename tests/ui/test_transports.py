"""Two relays, a pool, a rule, and a relay that is down: what the owner of an account does and sees."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.fake_mx import FakeMx
from tests.support.installation import Installation
from tests.ui.conftest import OpenBrowser
from tests.ui.marketer import Marketer

OWNER = "olga.routes@shop.example"


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that nobody answers on while the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_mail_is_routed_through_a_pool_and_a_relay_that_is_down_is_seen(
    open_browser: OpenBrowser, installation: Installation, silent_port: int
) -> None:
    olga = Marketer(open_browser().new_page(), email=OWNER)
    page = olga.page
    olga.sign_up()
    olga.confirm_address_by_mail()
    olga.accept_policy()
    with FakeMx() as mx:
        olga.add_relay(name="First relay", host="127.0.0.1", port=mx.port)
        expect(page.get_by_text(f"127.0.0.1:{mx.port} answers.")).to_be_visible()
        olga.add_relay(name="Second relay", host="127.0.0.1", port=silent_port)
    # The second one was checked in the background and found to be down; the page says so without being loaded again.
    expect(page.get_by_text("Check host and port").first).to_be_visible()
    expect(page.locator("#transport-live .state").first).to_have_text("Down")
    olga.look_closely("a relay that is down")

    make_pool(olga)
    add_rule(olga, stream="Campaigns", target="Campaign servers")
    add_rule(olga, stream="Transactional", target="First relay")
    move_the_second_rule_up_by_keyboard(page)
    olga.look_closely("routing")

    answer = ask_the_way(page, stream="Campaigns", recipient="anna@gmail.com")
    expect(answer).to_contain_text("Rule 2 holds: the pool “Campaign servers” carries it.")
    expect(answer.get_by_role("listitem")).to_have_text(["First relay", "Second relay"])
    answer = ask_the_way(page, stream="Transactional", recipient="anna@gmail.com")
    expect(answer).to_contain_text("Rule 1 holds: “First relay” carries it.")
    answer = ask_the_way(page, stream="Campaigns", recipient="not an address")
    expect(answer).to_contain_text("Write an address or a domain.")

    page.goto("/settings/delivery/")
    row = page.get_by_role("row").filter(has_text="Second relay")
    expect(row).to_contain_text("Down")
    olga.look_closely("sending")
    remove_what_is_needed(olga)
    assert olga.faults == []


def make_pool(olga: Marketer) -> None:
    page = olga.page
    page.goto("/settings/delivery/")
    olga.follow("Rules and pools")
    olga.look_closely("no routing yet")
    olga.follow("Add a pool")
    page.get_by_label("Name", exact=True).fill("Campaign servers")
    page.get_by_label("First relay").fill("3")
    page.get_by_label("Second relay").fill("1")
    olga.look_closely("a pool")
    olga.press("Save")
    expect(page.get_by_role("listitem").filter(has_text="First relay 75%")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Second relay 25%")).to_be_visible()


def add_rule(olga: Marketer, *, stream: str, target: str) -> None:
    page = olga.page
    olga.follow("Add a rule")
    page.get_by_label("Kind of message").select_option(label=stream)
    page.get_by_label("Goes through").select_option(label=target)
    olga.look_closely("a rule")
    olga.press("Save")
    expect(page.locator("#rules").get_by_role("listitem").filter(has_text=stream)).to_contain_text(target)


def move_the_second_rule_up_by_keyboard(page: Page) -> None:
    """The rule changes its place, the focus stays on its button, and the page is not loaded again."""
    rules = page.locator("#rules").get_by_role("listitem")
    expect(rules.first).to_contain_text("Campaigns")
    button = page.get_by_role("button", name="Move rule 2 up")
    button.focus()
    page.keyboard.press("Enter")
    expect(rules.first).to_contain_text("Transactional")
    expect(page.get_by_role("button", name="Move rule 1 up")).to_be_focused()


def ask_the_way(page: Page, *, stream: str, recipient: str) -> Locator:
    page.get_by_label("Kind of message").select_option(label=stream)
    page.locator("#way_recipient").fill(recipient)
    with page.expect_response("**/routing/way/**"):
        page.get_by_role("button", name="Show the way").click()
    return page.locator("#way")


def remove_what_is_needed(olga: Marketer) -> None:
    """The refusal names what stands in the way."""
    page = olga.page
    olga.follow("Second relay")
    olga.press("More")
    olga.press("Remove…")
    olga.press("Remove", within=page.get_by_role("alertdialog"))
    expect(
        page.get_by_text("“Second relay” is a member of “Campaign servers”. Take it out first.")
    ).to_be_visible()
