"""A contact base that is put in order: duplicates merged, an attribute given another type, many deleted at once."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.support.installation import Installation
from tests.ui.conftest import OpenBrowser
from tests.ui.marketer import Marketer
from tests.ui.test_every_page import read_demo_sign_in

KEPT, GONE = "wanda.gadget@gmail.com", "wandagadget+shop@gmail.com"


@pytest.fixture
def marketer(open_browser: OpenBrowser, installation: Installation) -> Marketer:
    person = Marketer(open_browser().new_page(), email="", password="")
    person.email, person.password = read_demo_sign_in(installation)
    person.sign_in()
    return person


def add_contact(marketer: Marketer, email: str, name: str, city: str) -> None:
    page = marketer.page
    page.goto("/contacts/new/")
    page.get_by_role("textbox", name="Email").fill(email)
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("textbox", name="City").fill(city)
    marketer.press("Add contact")
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def confirm(marketer: Marketer, name: str) -> None:
    marketer.press(name, within=marketer.page.get_by_role("alertdialog"), exact=True)


def test_two_spellings_of_a_mailbox_are_found_compared_and_merged(marketer: Marketer) -> None:
    page = marketer.page
    add_contact(marketer, KEPT, "Wanda Gadget", "Minsk")
    add_contact(marketer, GONE, "W. Gadget", "Vilnius, the old town behind the cathedral")
    page.goto("/contacts/duplicates/")
    marketer.press(re.compile("^Look.*mailbox", re.IGNORECASE))
    pairs = page.get_by_role("main").get_by_role("link", name="1 pair")
    expect(pairs).to_be_visible()
    marketer.look_everywhere("duplicates-found")
    pairs.click()
    expect(page.get_by_text(GONE)).to_be_visible()
    marketer.look_everywhere("duplicate-pairs-found")
    marketer.follow("Compare")
    expect(page.get_by_role("table", name="Fields of both contacts")).to_be_visible()
    marketer.look_everywhere("contact-merge-compared")
    page.get_by_role("row").filter(has_text="City").get_by_role("radio").nth(1).check()
    marketer.press("Merge", within=page.get_by_role("main"), exact=True)
    marketer.look_everywhere("contact-merge-confirm")
    confirm(marketer, "Merge")
    expect(page.get_by_role("heading", name="Merged into this contact")).to_be_visible()
    expect(page.get_by_role("textbox", name="City")).to_have_value(re.compile("^Vilnius"))
    marketer.look_everywhere("contact-merged")
    assert marketer.faults == []


def test_an_attribute_is_tried_with_another_type_before_it_changes(marketer: Marketer) -> None:
    page = marketer.page
    page.goto("/contacts/attributes/")
    marketer.follow(re.compile("^City"))
    page.get_by_role("combobox", name="Type").last.select_option("number")
    marketer.press("Check the values")
    expect(page.get_by_role("heading", name="What was found")).to_be_visible()
    expect(page.get_by_text("is not a number").first).to_be_visible()
    marketer.look_everywhere("attribute-check")
    marketer.press("Change the type")
    marketer.look_everywhere("attribute-check-confirm")
    marketer.press("Cancel", within=page.get_by_role("alertdialog"))
    marketer.follow("Leave it")
    expect(page.get_by_role("heading", name="City")).to_be_visible()
    assert marketer.faults == []


def test_all_that_match_are_deleted_only_after_their_number_is_typed(marketer: Marketer) -> None:
    page = marketer.page
    page.goto("/contacts/?q=reader")
    page.get_by_label("Select all on this page").check()
    page.get_by_label(re.compile("^All .* that match")).check()
    marketer.look_everywhere("contacts-chosen")
    marketer.press("Delete", within=page.get_by_role("main"))
    marketer.look_everywhere("contacts-delete-confirm")
    confirm(marketer, "Delete")
    field = page.get_by_label(re.compile("^Type .* to delete them"))
    expect(field).to_be_visible()
    marketer.look_everywhere("contacts-delete")
    field.fill("1")
    marketer.press("Delete", within=page.get_by_role("main"))
    expect(page.get_by_text("This is not the number of contacts that match now.")).to_be_visible()
    marketer.look_everywhere("contacts-delete-wrong")
    marketer.follow("Cancel")
    expect(page.get_by_label("Search contacts")).to_have_value("reader")
    assert marketer.faults == []
