"""Suppressions as somebody works with them: brought in from another system, found, lifted by keyboard; on a desk and in a hand."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import expect

from tests.support.installation import Installation
from tests.ui.conftest import OpenBrowser
from tests.ui.marketer import Marketer, read_number
from tests.ui.test_every_page import read_demo_sign_in

LIST = """Email Address,Status,Changed at,Comment
{rows}left@old.example,unsubscribed,2021-03-04 05:06:07,
gone@old.example,cleaned,2022-01-02 03:04:05,550 5.1.1 <b>no such user</b>
angry@old.example,spam,2023-05-06,
a-very-long-address-of-somebody-who-likes-long-names-indeed@a-long-domain.department.old.example,bounced,2023-05-06,
still@old.example,subscribed,2023-05-06,
broken,bounced,2023-05-06,
"""


@pytest.fixture
def marketer(open_browser: OpenBrowser, installation: Installation) -> Marketer:
    with psycopg.connect(installation.dsn, autocommit=True) as connection:
        connection.execute("DELETE FROM suppression")  # what other stories of the demo account left
    person = Marketer(open_browser().new_page(), email="", password="")
    person.email, person.password = read_demo_sign_in(installation)
    person.sign_in()
    return person


def test_a_list_is_brought_in_found_and_lifted(marketer: Marketer, tmp_path: Path) -> None:
    page, file = marketer.page, tmp_path / "old-system.csv"
    rows = "".join(f"reader{number}@old.example,bounced,2024-01-01,\n" for number in range(60))
    file.write_text(LIST.format(rows=rows))

    page.goto("/contacts/")
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Suppressions").press("Enter")
    expect(page.get_by_text("Nobody is suppressed")).to_be_visible()
    marketer.look_everywhere("suppressions-empty")

    bring_in(marketer, file)
    find_some(marketer)
    lift_by_keyboard(marketer)
    add_by_hand(marketer)
    assert marketer.faults == []


def bring_in(marketer: Marketer, file: Path) -> None:
    page = marketer.page
    marketer.follow("Import suppressions", within=page.get_by_role("main"))
    marketer.look_everywhere("suppressions-import-file")
    page.get_by_label("File").set_input_files(file)
    marketer.press("Upload")
    expect(page.get_by_role("heading", level=1)).to_contain_text(file.name)
    assert marketer.read_target("Status") == "Reason"
    assert marketer.read_target("Changed at") == "Since when"
    with page.expect_response(re.compile("/preview/")):
        page.get_by_label("Where Comment goes").select_option(label="Leave it out")
    with page.expect_response(re.compile("/preview/")):
        page.get_by_label("Where Comment goes").select_option(label="Note")
    marketer.look_everywhere("suppressions-import-columns")
    marketer.press(re.compile("^Import$"), within=page.get_by_role("main"))
    counts = marketer.read_counts("The import is done")
    assert counts == {"New": 64, "Suppressed before": 0, "Repeated rows": 0, "Left alone": 1, "Rejected": 1}
    marketer.look_everywhere("suppressions-import-result")
    (rejected,) = marketer.download_table("Download the rejected rows")
    assert rejected["Email Address"] == "broken"
    page.goto("/contacts/suppressions/imports/new/")
    marketer.look_everywhere("suppressions-import-again")


def find_some(marketer: Marketer) -> None:
    page = marketer.page
    page.goto("/contacts/suppressions/")
    table = page.get_by_role("table", name="Suppressions").get_by_role("row")
    expect(table).to_have_count(51)
    page.keyboard.press("/")
    page.keyboard.type("old.exa")
    expect(page).to_have_url(re.compile("q=old"))
    marketer.look_everywhere("suppressions")
    marketer.follow(re.compile("^Complained"))
    expect(table).to_have_count(2)
    assert read_number(page.get_by_role("link", name=re.compile("^Complained")).locator(".num")) == 1
    page.get_by_label("Search suppressions").fill("nobody of this name")
    expect(page.get_by_text("No such suppression")).to_be_visible()
    marketer.look_everywhere("suppressions-nothing-found")
    marketer.follow("Show all")
    expect(table).to_have_count(51)
    assert len(marketer.download_table("Export these")) == 64


def lift_by_keyboard(marketer: Marketer) -> None:
    page = marketer.page
    page.goto("/contacts/suppressions/?q=left@old.example")
    page.get_by_role("link", name="left@old.example").press("Enter")
    expect(page.get_by_text("This is the person's own word")).to_be_visible()
    marketer.look_everywhere("suppression")
    page.get_by_role("button", name="Lift now").press("Enter")
    page.get_by_role("alertdialog").get_by_role("button", name="Allow").press("Enter")
    expect(page.get_by_text("confirm that they did")).to_be_visible()
    marketer.look_everywhere("suppression-refused")
    page.get_by_label(re.compile("asked to be written to again")).press("Space")
    page.get_by_role("button", name="Lift now").press("Enter")
    page.get_by_role("alertdialog").get_by_role("button", name="Allow").press("Enter")
    expect(page.get_by_text("Mail to left@old.example is possible again")).to_be_visible()
    page.goto("/contacts/suppressions/?q=left@old.example")
    expect(page.get_by_text("No such suppression")).to_be_visible()


def add_by_hand(marketer: Marketer) -> None:
    page = marketer.page
    page.goto("/contacts/suppressions/")
    marketer.follow("Suppress addresses", within=page.get_by_role("main"))
    page.get_by_label("Addresses").fill("left@old.example\nnot an address")
    marketer.press("Suppress")
    expect(page.get_by_label("Addresses")).to_have_attribute("aria-invalid", "true")
    marketer.look_everywhere("suppression-new")
    page.get_by_label("Addresses").fill("left@old.example, gone@old.example")
    page.get_by_label("Campaigns only").check()
    marketer.press("Suppress")
    expect(page.get_by_text("2 addresses are suppressed now.")).to_be_visible()
    page.goto("/contacts/suppressions/?q=gone@old.example")
    expect(page.get_by_role("table", name="Suppressions").get_by_role("row")).to_have_count(3)
