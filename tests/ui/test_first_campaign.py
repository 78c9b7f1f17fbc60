"""From an empty account to a campaign that arrives: a newcomer's first day, in a browser, against every real process."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.data.make_contacts import WRONG
from tests.support.dns_server import DnsServer
from tests.support.fake_mx import FakeMx
from tests.support.installation import Installation
from tests.support.postfix import Postfix
from tests.ui.conftest import OpenBrowser
from tests.ui.letterboxes import Letterbox, MailboxPages, RelayedMail
from tests.ui.marketer import Marketer, read_number

MESSY_FILE = Path(__file__).resolve().parents[1] / "data" / "contacts_cp1251.csv"
ROWS_FOR_THE_RELAY = 40
READER, READERS_NAME = "kupala0@yandex.by", "Таццяна"  # the first row of the file
AUDIENCE = """
    SELECT count(*) FROM contact c
    JOIN app_user u ON u.email = %(email)s AND u.last_account_id = c.account_id
    JOIN tag t ON t.account_id = c.account_id AND t.name = %(tag)s AND t.id = ANY (c.tags)
    JOIN topic p ON p.account_id = c.account_id AND p.name = %(topic)s
    JOIN subscription s ON (s.account_id, s.topic_id, s.contact_id, s.state) = (c.account_id, p.id, c.id, 'subscribed')
    WHERE c.state = 'active'
"""


@dataclass(frozen=True)
class Table:
    """A file of contacts, and what its author knows about it."""

    path: Path
    rows: list[dict[str, str]]

    @property
    def addresses(self) -> list[str]:
        return [row["E-mail"].strip().lower() for row in self.rows]

    @property
    def rejected(self) -> int:
        wrong = {one.strip() for one in WRONG}
        return sum(address in wrong for address in self.addresses)

    @property
    def people(self) -> int:
        return len(set(self.addresses) - {one.strip() for one in WRONG})


def read_table(path: Path) -> Table:
    with path.open(encoding="cp1251", newline="") as file:
        return Table(path, list(csv.DictReader(file, delimiter=";")))


def cut_table(whole: Table, target: Path, rows: int) -> Table:
    with target.open("w", encoding="cp1251", newline="") as file:
        writer = csv.DictWriter(file, list(whole.rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(whole.rows[:rows])
    return read_table(target)


WayOut = Callable[[Marketer, DnsServer], AbstractContextManager[Letterbox]]


@contextmanager
def through_the_mailbox(marketer: Marketer, dns: DnsServer) -> Iterator[Letterbox]:
    """Where a new account's mail lands; nothing is to be set up."""
    yield MailboxPages(marketer)


@contextmanager
def through_postfix(marketer: Marketer, dns: DnsServer) -> Iterator[Letterbox]:
    """Debian's Postfix as the account's relay, which hands on to a mail server of ours."""
    with FakeMx() as server, Postfix(relay_to=(server.host, server.port)) as postfix:
        marketer.prove_domain(marketer.email.partition("@")[2], dns)
        marketer.use_relay(name="Company server", host=postfix.host, port=postfix.port)
        yield RelayedMail(marketer, server)


@pytest.mark.parametrize(
    ("email", "way_out", "rows"),
    [
        pytest.param("masha@shop.example", through_the_mailbox, None, id="mailbox"),
        pytest.param("yanka@studio.example", through_postfix, ROWS_FOR_THE_RELAY, id="postfix"),
    ],
)
def test_a_newcomer_imports_a_messy_file_writes_sends_and_sees_who_clicked_and_who_left(
    installation: Installation,
    open_browser: OpenBrowser,
    dns: DnsServer,
    tmp_path: Path,
    email: str,
    way_out: WayOut,
    rows: int | None,
) -> None:
    table = read_table(MESSY_FILE)
    table = cut_table(table, tmp_path / "first_rows.csv", rows) if rows else table
    page = open_browser().new_page()
    marketer = Marketer(page, email=email)

    arrive(marketer)
    with way_out(marketer, dns) as letterbox:
        bring_contacts(marketer, table)
        marketer.record_clicks_of("Newsletter")
        campaign_url = write_campaign(marketer, installation, audience=table.people)
        send_campaign(marketer, recipients=table.people)
        letterbox.open(READER, subject=f"{READERS_NAME}, a short question ✉", text="I have two questions")
        click_link(letterbox, installation)
        see_click_in_report(marketer, campaign_url, installation)
        letterbox.open(READER, subject=f"{READERS_NAME}, a short question ✉", text="I have two questions")
        leave(marketer, letterbox)
        see_who_got_it(marketer, campaign_url, recipients=table.people)

    assert marketer.faults == []


def arrive(marketer: Marketer) -> None:
    """An address and a password are all that is asked for; then the address is proved and the policy accepted."""
    marketer.sign_up()
    marketer.confirm_address_by_mail()
    marketer.accept_policy()
    expect(marketer.page.get_by_role("heading", name="Home")).to_be_visible()
    expect(marketer.page.get_by_role("link", name="Import your contacts")).to_be_visible()
    marketer.look_closely("home of a new account")
    marketer.add_sender(name="Маша", email=marketer.email)


def bring_contacts(marketer: Marketer, table: Table) -> None:
    """Encoding, separator and columns are guessed; nothing happens before the exact numbers were seen."""
    page = marketer.page
    marketer.upload_contacts(table.path)
    expect(page.get_by_text(re.compile(r"Windows-1251.* separated by ;"))).to_be_visible()
    guessed = {name: marketer.read_target(name) for name in ("E-mail", "Имя", "Фамилия", "Теги")}
    assert guessed == {"E-mail": "Email", "Имя": "First name", "Фамилия": "Last name", "Теги": "Tags"}
    marketer.map_columns({"№": "Leave it out"})
    marketer.state_consent(topic="Newsletter", words="Ticked “news by mail” in the order form", tag="Spring")
    checked = marketer.read_counts("people are ready")
    assert checked == {
        "New": table.people,
        "Updated": 0,
        "Unchanged": 0,
        "Repeated rows": len(table.rows) - table.people - table.rejected,
        "Rejected": table.rejected,
        "Suppressed": 0,
    }
    marketer.start_import()
    assert marketer.read_counts("The import is done") == checked
    marketer.look_closely("import, done")
    if table.rejected:
        rejects = marketer.download_table("Download the rejected rows")
        assert len(rejects) == table.rejected
        assert all(table.rows[int(one["Row"]) - 2]["№"] == one["№"] and one["Problem"] for one in rejects)


def write_campaign(marketer: Marketer, installation: Installation, *, audience: int) -> str:
    """Four cards, each in place; returns the address of the campaign's page."""
    marketer.start_campaign("Two questions", template="Personal letter")
    campaign_url = marketer.page.url
    counted = marketer.address_campaign(topic="Newsletter", tag="Spring")
    assert counted == audience == count_by_sql(installation, marketer.email)
    marketer.choose_sender(marketer.email)
    marketer.write_subject("{{ contact.first_name }}, a short question ✉", "It takes less than two minutes.")
    marketer.edit_content(
        lambda source: source.replace("I have one question", "I have two questions").replace(
            "https://www.example.com/talk", f"{installation.url}/policy/"
        ),
        seen="I have two questions",
    )
    return campaign_url


def send_campaign(marketer: Marketer, *, recipients: int) -> None:
    marketer.review()
    marketer.send_test(marketer.email)
    marketer.launch(recipients)
    marketer.watch_until_finished()
    marketer.look_closely("campaign, finished")


def click_link(letterbox: Letterbox, installation: Installation) -> None:
    """The link is the installation's own; it leads where the author wanted."""
    link = letterbox.find_link("pick a time here")
    assert link.startswith(f"{installation.url}/t/c/")
    opened: Page = letterbox.follow_link("pick a time here")
    expect(opened).to_have_url(f"{installation.url}/policy/")
    opened.close()


def see_click_in_report(marketer: Marketer, campaign_url: str, installation: Installation) -> None:
    row = marketer.wait_for_clicks(campaign_url, link=f"{installation.url}/policy/", clicks=1)
    expect(row).to_contain_text("pick a time here")


def leave(marketer: Marketer, letterbox: Letterbox) -> None:
    """Looking at the page behind the link changes nothing, the button does; the card remembers how it came about."""
    assert letterbox.read_header("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    link = letterbox.find_link("unsubscribe")
    page = marketer.page
    page.goto(link)
    expect(page.get_by_role("heading", name="Unsubscribe from “Newsletter”?")).to_be_visible()
    marketer.look_closely("unsubscribe")
    marketer.open_contact(READER)
    expect(marketer.find_consent("Newsletter").get_by_text("Subscribed", exact=True)).to_be_visible()

    page.goto(link)
    marketer.press("Unsubscribe", exact=True)
    expect(page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    marketer.look_closely("unsubscribed")
    marketer.open_contact(READER)
    line = marketer.find_consent("Newsletter")
    expect(line.get_by_text("Unsubscribed", exact=True)).to_be_visible()
    line.get_by_text("2 records").click()
    expect(line).to_contain_text("Ticked “news by mail” in the order form")
    expect(line.get_by_text("Withdrawn")).to_be_visible()
    marketer.look_closely("contact")


def see_who_got_it(marketer: Marketer, campaign_url: str, *, recipients: int) -> None:
    rows = marketer.list_recipients(campaign_url, "delivered")
    expect(rows).to_have_count(min(recipients, 50) + 1)
    chosen = marketer.page.get_by_role("navigation", name="Outcome").locator("[aria-current=page]")
    assert read_number(chosen) == recipients  # the test message is nobody's outcome
    everybody = {line["email"]: line["outcome"] for line in marketer.download_table("CSV")}
    assert len(everybody) == recipients
    assert everybody[READER] == "delivered"


def count_by_sql(installation: Installation, email: str) -> int:
    """The audience, asked of the database in another way than the product does."""
    with psycopg.connect(installation.dsn) as connection:
        values = {"email": email, "tag": "Spring", "topic": "Newsletter"}
        row = connection.execute(AUDIENCE, values).fetchone()
    assert row is not None
    return int(row[0])
