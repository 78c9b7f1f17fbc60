"""What a marketer does at the browser, act by act, found by what the page says and not by its markup."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as NotYet

from tests.support.dns_server import DnsServer
from tests.ui.conftest import find_faults, take_pictures

LOOKS = 60  # times a page is loaded again until it shows what happens in the background


class Marketer:
    """One person, one tab. `faults` collects what axe finds on the pages that were looked at closely."""

    def __init__(self, page: Page, *, email: str, password: str = "correct horse battery staple") -> None:
        self.page = page
        self.email = email
        self.password = password
        self.faults: list[str] = []

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def look_closely(self, name: str) -> None:
        self.faults += find_faults(self.page, name)

    def look_everywhere(self, name: str) -> None:
        """Both themes at both sizes, with pictures and without faults."""
        self.faults += take_pictures(self.page, name)

    def press(
        self, name: str | re.Pattern[str], *, within: Locator | None = None, exact: bool = False
    ) -> None:
        (within or self.page).get_by_role("button", name=name, exact=exact).click()

    def follow(self, name: str | re.Pattern[str], *, within: Locator | None = None) -> None:
        (within or self.page).get_by_role("link", name=name).click()

    def reload_until(self, wanted: Locator) -> None:
        """For what other processes bring about: load the page again until it is there."""
        for _ in range(LOOKS):
            try:
                wanted.first.wait_for(timeout=1_000)
                return
            except NotYet:
                self.page.reload()
        expect(wanted.first).to_be_visible()

    # ── arriving ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def sign_up(self) -> None:
        self.page.goto("/accounts/signup/")
        self.look_closely("sign-up")
        self.page.get_by_label("Email").fill(self.email)
        self.page.get_by_label("Password", exact=True).fill(self.password)
        self.press("Create the account")
        expect(self.page.get_by_role("heading", name="Check your mail")).to_be_visible()

    def sign_in(self) -> None:
        self.page.goto("/accounts/login/")
        self.page.get_by_label("Email").fill(self.email)
        self.page.get_by_label("Password", exact=True).fill(self.password)
        self.press("Sign in", exact=True)
        expect(self.page.get_by_role("heading", name="Home")).to_be_visible()

    def confirm_address_by_mail(self) -> None:
        """The link in the mail changes nothing by itself; the button behind it does."""
        self.open_system_mail(self.email, "Confirm your address")
        link = self.page.get_by_role("link", name=re.compile("confirm-email")).get_attribute("href")
        assert link is not None
        self.page.goto(link)
        self.look_closely("confirm the address")
        self.press("Confirm")

    def open_system_mail(self, recipient: str, subject: str) -> None:
        self.page.goto("/mailbox/system/")
        row = self.page.get_by_role("row").filter(has_text=recipient).filter(has_text=subject)
        self.reload_until(row)
        row.first.get_by_role("link").click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(subject)

    def accept_policy(self) -> None:
        expect(self.page).to_have_url(re.compile("/policy/accept/"))
        self.look_closely("accept the policy")
        self.page.get_by_label(re.compile("I have read the privacy policy")).check()
        self.press("Accept and go on")

    # ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def add_sender(self, *, name: str, email: str) -> None:
        self.page.goto("/settings/delivery/")
        self.follow("Add a sender")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Email").fill(email)
        self.press("Save")
        row = self.page.get_by_role("row").filter(has_text=email)
        expect(row.get_by_text("Verified")).to_be_visible()

    def add_domain(self, name: str) -> None:
        self.page.goto("/settings/domains/")
        self.follow("Add a domain", within=self.page.get_by_role("main"))
        self.page.get_by_label("Domain").fill(name)
        self.press("Add the domain")
        expect(self.page.get_by_role("heading", level=1)).to_have_text(name)

    def read_dns_records(self) -> list[tuple[str, str, str]]:
        """Name, type and value of what the page asks for, as its buttons copy them."""
        records = self.page.locator(".dns-record")
        expect(records.filter(has_text="DMARC").first).to_be_visible()
        return [
            (
                str(record.get_by_label(re.compile("^Copy the name")).get_attribute("data-copy")),
                record.locator(".dns-kind").inner_text(),
                str(record.get_by_label(re.compile("^Copy the value")).get_attribute("data-copy")),
            )
            for record in records.all()
            if record.locator(".dns-kind").count()
        ]

    def publish(self, records: list[tuple[str, str, str]], dns: DnsServer) -> None:
        """What the owner of the domain does at the DNS provider."""
        for name, kind, value in records:
            dns.publish(name, kind, f"{value}." if kind == "CNAME" else value)

    def prove_domain(self, name: str, dns: DnsServer) -> None:
        """Add a domain, publish what the page says and wait until it is verified."""
        self.add_domain(name)
        self.publish(self.read_dns_records(), dns)
        self.press("Check now")
        expect(self.page.get_by_text("Any address at this domain may stand in From.")).to_be_visible()

    def add_relay(self, *, name: str, host: str, port: int) -> None:
        """Set up a relay and wait for what its check says; nothing goes through it yet."""
        self.page.goto("/settings/delivery/")
        self.follow("Add a transport")
        self.look_closely("kinds of transports")
        self.follow("SMTP relay")
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Host").fill(host)
        self.page.get_by_label("Port").fill(str(port))
        self.page.get_by_label("Encryption").select_option("none")
        self.page.get_by_label(re.compile("I authorize")).check()
        self.look_closely("new relay")
        self.press("Save and check")
        expect(self.page.get_by_role("heading", level=1)).to_have_text(name)
        expect(self.page.get_by_role("listitem").filter(has_text=f"{host}:{port}")).to_be_visible()

    def use_relay(self, *, name: str, host: str, port: int) -> None:
        """Set up a relay that answers, and send through it from now on."""
        self.add_relay(name=name, host=host, port=port)
        expect(self.page.get_by_text(f"{host}:{port} answers.")).to_be_visible()
        self.look_closely("a transport")
        self.press("Make it the default")
        self.press("Make it the default", within=self.page.get_by_role("alertdialog"))
        expect(self.page.get_by_text(f"Mail leaves through “{name}” from now on.")).to_be_visible()

    # ── contacts ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def record_clicks_of(self, topic: str) -> None:
        """Totals of opens and clicks for a topic; the default is that nothing is recorded."""
        self.page.goto("/contacts/topics/")
        self.look_closely("topics")
        self.follow(topic)
        self.page.get_by_label("Totals per campaign, no person").check()
        self.press("Save")
        expect(self.page.get_by_role("row").filter(has_text=topic)).to_contain_text("Totals per campaign")

    def upload_contacts(self, file: Path) -> None:
        self.page.goto("/contacts/")
        self.follow("Import contacts", within=self.page.get_by_role("main"))
        self.look_closely("import, file")
        self.page.get_by_label("File").set_input_files(file)
        self.press("Upload")
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(file.name)

    def read_target(self, column: str) -> str:
        """What the mapping says a column of the file becomes."""
        select = self.page.get_by_label(f"Where {column} goes")
        chosen = select.locator("option:checked")
        return chosen.inner_text().strip()

    def map_columns(self, targets: dict[str, str]) -> None:
        for column, target in targets.items():
            select = self.page.get_by_label(f"Where {column} goes")
            with self.page.expect_response(re.compile("/columns/preview/")):
                select.select_option(label=target)
        self.look_closely("import, columns")
        self.press("Continue")

    def state_consent(self, *, topic: str, words: str, tag: str) -> None:
        self.page.get_by_label(topic).check()
        self.page.get_by_label("How and with which words").fill(words)
        self.page.get_by_label("Tags for everybody in this file").fill(tag)
        self.look_closely("import, consent")
        self.press("Check the file")

    def read_counts(self, wanted: str) -> dict[str, int]:
        """The numbers under "New", "Updated" … once the page says `wanted`; it asks for its progress by itself."""
        expect(self.page.get_by_text(wanted)).to_be_visible(timeout=120_000)
        names = self.page.get_by_role("main").locator("dl.kpi-grid dt").all_inner_texts()
        values = self.page.get_by_role("main").locator("dl.kpi-grid .kpi-number").all()
        return {name: read_number(value) for name, value in zip(names, values, strict=True)}

    def start_import(self) -> None:
        self.look_closely("import, dry run")
        self.press(re.compile("^Import .* (person|people)$"))

    def download_table(self, link: str) -> list[dict[str, str]]:
        with self.page.expect_download() as download:
            self.follow(link)
        text = Path(download.value.path()).read_text(encoding="utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def open_contact(self, email: str) -> None:
        self.page.goto("/contacts/")
        box = self.page.get_by_label("Search contacts")
        box.fill(email)
        row = self.page.get_by_role("row").filter(has_text=email)
        expect(self.page.get_by_role("row")).to_have_count(2)
        row.get_by_role("link").first.click()
        expect(self.page.get_by_text("What this person may be written about")).to_be_visible()

    def find_consent(self, topic: str) -> Locator:
        """The line of a topic on the card of a contact."""
        return self.page.locator("#consent .rows > div").filter(has_text=topic)

    # ── a campaign ───────────────────────────────────────────────────────────────────────────────────────────────────
    def start_campaign(self, name: str, *, template: str) -> None:
        self.page.goto("/campaigns/")
        self.follow("New campaign", within=self.page.get_by_role("main"))
        self.page.get_by_label("Name").fill(name)
        self.look_closely("new campaign")
        self.press(re.compile(template))
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(name)

    def address_campaign(self, *, topic: str, tag: str) -> int:
        """Choose who gets it; returns the number that the page counts while the card is still open."""
        self.press("Edit To")
        card = self.page.locator("#card-to")
        card.get_by_label("Topic").select_option(label=topic)
        counted = self.page.expect_response(
            lambda answer: "/audience/" in answer.url and "include=" in (answer.request.post_data or "")
        )
        with counted:
            card.get_by_role("group", name="With any of these tags").get_by_label(tag).check()
        count = read_number(card.get_by_text(GETS_IT))
        self.look_closely("campaign, To")
        self.press("Save", within=card)
        expect(self.page.get_by_role("button", name="Edit To")).to_be_visible()
        return count

    def choose_sender(self, email: str) -> None:
        self.press("Edit From")
        card = self.page.locator("#card-from")
        option = card.get_by_label("Sender").get_by_role("option").filter(has_text=email)
        card.get_by_label("Sender").select_option(value=option.get_attribute("value"))
        self.press("Save", within=card)
        expect(self.page.get_by_role("button", name="Edit From")).to_be_visible()

    def write_subject(self, subject: str, preheader: str) -> None:
        self.press("Edit Subject")
        card = self.page.locator("#card-subject")
        card.get_by_label("Subject", exact=True).fill(subject)
        card.get_by_label("Preheader").fill(preheader)
        self.look_closely("campaign, Subject")
        self.press("Save", within=card)
        expect(self.page.get_by_role("button", name="Edit Subject")).to_be_visible()

    def edit_content(self, change: Callable[[str], str], *, seen: str) -> None:
        """Rewrite the source in the code editor until the preview beside it shows `seen`."""
        self.follow("Edit Content")
        editor = self.page.get_by_role("textbox", name="Source")
        expect(editor).to_be_visible()
        source = self.page.locator("textarea[name=body]").input_value()
        editor.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Delete")
        self.page.keyboard.insert_text(change(source))
        expect(self.page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
        frame = self.page.frame_locator("[data-stage] iframe >> nth=0")
        expect(frame.get_by_text(seen)).to_be_visible()
        self.look_closely("content editor")
        self.follow("Done")

    def review(self) -> None:
        self.follow("Review and send")
        expect(self.page.get_by_role("heading", name="Review")).to_be_visible()
        self.look_closely("review")

    def send_test(self, to: str) -> None:
        self.page.get_by_label("Addresses").fill(to)
        self.press("Send the test")
        expect(self.page.get_by_text("1 test message is on its way.")).to_be_visible()

    def launch(self, recipients: int) -> None:
        """The button asks for the number of people to be typed before anything leaves."""
        self.press(re.compile("^Send to .* now$"))
        dialog = self.page.get_by_role("alertdialog")
        yes = dialog.get_by_role("button", name="Send now")
        expect(yes).to_be_disabled()
        dialog.get_by_role("textbox").fill(str(recipients))
        yes.click()
        expect(self.page.get_by_text(re.compile("Sending to .* has begun"))).to_be_visible()

    def watch_until_finished(self) -> None:
        """The page asks for its progress by itself."""
        expect(self.page.get_by_role("link", name="See the report")).to_be_visible(timeout=240_000)
        expect(self.page.locator("#progress .live-percent")).to_have_text("100%")

    # ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────
    def wait_for_clicks(self, campaign_url: str, *, link: str, clicks: int) -> Locator:
        """The row of a link in the report, once that many clicks on it were counted."""
        self.page.goto(f"{campaign_url}report/")
        row = self.page.get_by_role("row").filter(has_text=link)
        self.reload_until(row.filter(has=self.page.get_by_role("cell", name=str(clicks), exact=True).last))
        self.look_closely("report")
        return row

    def list_recipients(self, campaign_url: str, outcome: str) -> Locator:
        self.page.goto(f"{campaign_url}recipients/?outcome={outcome}")
        self.look_closely("recipients")
        return self.page.get_by_role("table", name="Recipients").get_by_role("row")


GETS_IT = re.compile(r"^\s*\d.* contacts? gets? it")


def read_number(place: Locator) -> int:
    """The number in a text, whatever separates its thousands."""
    text = place.first.inner_text()
    return int("".join(letter for letter in text if letter.isdigit()))
