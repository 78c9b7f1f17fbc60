"""A domain is added, its records are published in a real DNS, and the page turns green; on a desk and in a hand."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.support.dns_server import DnsServer
from tests.support.installation import Installation
from tests.ui.conftest import OpenBrowser
from tests.ui.marketer import Marketer
from tests.ui.test_every_page import read_demo_sign_in

DOMAIN = "roastery.example"


@pytest.fixture
def marketer(open_browser: OpenBrowser, installation: Installation) -> Marketer:
    context = open_browser()
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=installation.url)
    email, password = read_demo_sign_in(installation)
    person = Marketer(context.new_page(), email=email, password=password)
    person.sign_in()
    return person


def test_a_domain_is_proved_step_by_step_and_its_keys_are_rotated(marketer: Marketer, dns: DnsServer) -> None:
    page = marketer.page
    page.goto("/settings/domains/")
    expect(page.get_by_text("No domain yet")).to_be_visible()
    marketer.look_everywhere("domains-empty")

    refuse_what_cannot_be(marketer)
    marketer.add_domain(DOMAIN)
    expect(page.get_by_text("0 of 2 required records found.")).to_be_visible()
    marketer.look_everywhere("domain-pending")
    copy_by_keyboard(marketer)

    records = marketer.read_dns_records()
    assert len(records) == 6
    prove_half(marketer, records, dns)
    marketer.publish(records, dns)
    marketer.press("Check now")
    expect(page.get_by_text("Any address at this domain may stand in From.")).to_be_visible()
    expect(page.locator(".dns-record .state").filter(has_text="Right")).to_have_count(6)
    expect(page.locator(".dns-record[open]")).to_have_count(0)
    marketer.look_everywhere("domain-verified")

    rotate(marketer, dns)
    page.goto("/settings/domains/")
    expect(page.get_by_role("row").filter(has_text=DOMAIN)).to_contain_text("6 of 6 right")
    marketer.look_everywhere("domains")
    assert marketer.faults == []


def refuse_what_cannot_be(marketer: Marketer) -> None:
    page = marketer.page
    page.goto("/settings/domains/new/")
    page.get_by_label("Domain").fill("gmail.com")
    marketer.press("Add the domain")
    expect(page.get_by_text(re.compile("public mail service")).first).to_be_visible()
    expect(page.get_by_label("Domain")).to_have_value("gmail.com")
    marketer.look_everywhere("domain-new-refused")


def copy_by_keyboard(marketer: Marketer) -> None:
    """The button says that it copied; the clipboard holds the value."""
    page = marketer.page
    button = page.get_by_role("button", name="Copy the value: Proof that the domain is yours")
    button.focus()
    page.keyboard.press("Enter")
    expect(button.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == button.get_attribute("data-copy")


def prove_half(marketer: Marketer, records: list[tuple[str, str, str]], dns: DnsServer) -> None:
    """The ownership right, one key cut off, bounces led elsewhere: each is said where it is."""
    page = marketer.page
    (owner_name, _, owner_value) = records[0]
    dns.publish(owner_name, "TXT", owner_value)
    (key_name, _, key_value) = next(one for one in records if "k=rsa" in one[2])
    dns.publish(key_name, "TXT", key_value[:200])
    dns.publish(f"bounce.{DOMAIN}", "CNAME", "elsewhere.example.")
    dns.publish(DOMAIN, "TXT", "v=spf1 mx -all")
    marketer.press("Check now")
    expect(page.get_by_text("1 of 2 required records found.")).to_be_visible()
    expect(page.get_by_text("Receivers cannot read what is published.")).to_be_visible()
    expect(page.get_by_text("elsewhere.example", exact=True)).to_be_visible()
    expect(page.get_by_text("v=spf1 mx include:mail.dynamail.example -all", exact=True)).to_be_visible()
    marketer.look_everywhere("domain-half")


def rotate(marketer: Marketer, dns: DnsServer) -> None:
    page = marketer.page
    marketer.press("Make new keys…")
    page.get_by_role("alertdialog").get_by_role("button", name="Make new keys").click()
    expect(page.get_by_text("New keys wait for their records above.")).to_be_visible()
    fresh = [
        one for one in marketer.read_dns_records() if "._domainkey." in one[0] and one[0].startswith("dm2")
    ]
    assert len(fresh) == 2
    marketer.look_everywhere("domain-rotating")
    marketer.publish(fresh, dns)
    marketer.press("Check now")
    expect(page.get_by_text("Leave its record in the DNS until")).to_have_count(2)
    expect(page.get_by_role("button", name="Make new keys…")).to_be_visible()
    marketer.look_everywhere("domain-rotated")
