from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import timedelta

import pytest

from dynamail.accounts.models import Account, User
from dynamail.conditions.tree import Finding
from dynamail.contacts import mail_domains
from dynamail.contacts.editing import Profile, add_contact
from dynamail.contacts.importing import blocks
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.findings import export_findings
from dynamail.contacts.importing.statement import LEFT_OUT_AT_FIRST, Options
from dynamail.contacts.importing.steps import list_reject_reasons
from dynamail.contacts.mail_domains import KEEP_BAD, KEEP_GOOD, MailDomains, forget_old_domains
from dynamail.contacts.models import Contact, ContactImport, ImportReject, MailDomain
from dynamail.contacts.refreshing import refresh_findings
from tests.contacts.files import contacts_of, counts_of, take_in
from tests.support.dns_server import DnsServer, Failure
from tests.support.personas import NOW

FILE = (
    b"email,name\n"
    b"info@acme.example,Desk\n"
    b"ann@gmail.con,Ann\n"
    b"bob@mailinator.com,Bob\n"
    b"cat@dead.example,Cat\n"
    b"dan@acme.example,Dan\n"
    b"CAT@dead.example,Cat again\n"
    b"eve@null.example,Eve\n"
)


@pytest.fixture
def dns(settings: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    monkeypatch.setattr(mail_domains, "_silent_until", {})
    records = {
        ("gmail.com", "MX"): "10 mx.gmail.com",
        ("mx.gmail.com", "A"): "93.184.215.1",
        ("acme.example", "MX"): "10 mx.acme.example",
        ("mx.acme.example", "A"): "93.184.215.2",
        ("mailinator.com", "A"): "93.184.215.3",
        ("gmail.con", "A"): "93.184.215.4",
        ("null.example", "MX"): "0 .",
        ("dead.example", "TXT"): "nobody home",
    }
    with DnsServer(records) as server:
        settings.DNS_SERVERS = (server.address,)  # type: ignore[attr-defined]
        yield server


def test_what_was_noticed_is_marked_and_counted(account: Account, bob: User, dns: DnsServer) -> None:
    row = take_in(account, bob, FILE)
    counted = Counts(new=6, duplicate=1, role=1, disposable=1, typo=1, no_mail_server=2)
    assert counts_of(row) == counted
    marks = {key: contact.findings for key, contact in contacts_of(account).items()}
    assert marks == {
        "info@acme.example": 1,
        "bob@mailinator.com": 2,
        "ann@gmail.con": 4,
        "cat@dead.example": 8,
        "eve@null.example": 8,
        "dan@acme.example": 0,
    }


def test_what_is_not_wanted_is_left_out_with_the_reason(account: Account, bob: User, dns: DnsServer) -> None:
    row = take_in(account, bob, FILE, Options(leave_out=("typo", *LEFT_OUT_AT_FIRST)))
    assert counts_of(row) == Counts(new=3, invalid=4, role=1, disposable=1, typo=1, no_mail_server=2)
    assert set(contacts_of(account)) == {"info@acme.example", "bob@mailinator.com", "dan@acme.example"}
    rejects = {one.row: one for one in ImportReject.objects.for_account(account)}
    assert sorted(rejects) == [3, 5, 7, 8]
    assert rejects[3].reason == "The domain looks mistyped. Was gmail.com meant?"
    assert rejects[7].cells == ["CAT@dead.example", "Cat again"]
    reasons = {reason.code: (reason.count, reason.reason) for reason in list_reject_reasons(row)}
    assert reasons == {
        "no_mail_server": (3, "The domain takes no mail: it has no mail server."),
        "typo": (1, "The domain looks mistyped."),
    }


def test_repeated_rows_of_later_blocks_are_left_out_too(
    account: Account, bob: User, dns: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 3)
    row = take_in(account, bob, FILE, Options(leave_out=LEFT_OUT_AT_FIRST))
    assert counts_of(row) == Counts(new=4, invalid=3, role=1, disposable=1, typo=1, no_mail_server=2)


def test_the_rows_come_back_with_a_suggestion(account: Account, bob: User, dns: DnsServer) -> None:
    row = take_in(account, bob, FILE)

    def download(finding: Finding) -> list[list[str]]:
        return list(csv.reader("".join(export_findings(row, finding)).removeprefix("\ufeff").splitlines()))

    assert download(Finding.TYPO) == [
        ["email", "name", "Row", "Problem", "Suggestion"],
        ["ann@gmail.con", "Ann", "3", "The domain looks mistyped.", "ann@gmail.com"],
    ]
    assert [line[2] for line in download(Finding.NO_MAIL_SERVER)[1:]] == ["5", "8"]
    assert [line[0] for line in download(Finding.ROLE)[1:]] == ["info@acme.example"]


def test_each_domain_is_asked_once_and_not_again_soon(account: Account, bob: User, dns: DnsServer) -> None:
    take_in(account, bob, FILE)
    take_in(account, bob, b"email\nzoe@dead.example\nyan@acme.example\nx@gmail.com\n")
    assert dns.count("dead.example", "MX") == 1
    assert dns.count("acme.example", "MX") == 1
    MailDomain.objects.update(checked_at=NOW - KEEP_BAD - timedelta(minutes=1))
    take_in(account, bob, b"email\nwim@dead.example\nvic@acme.example\n")
    assert dns.count("dead.example", "MX") == 2, "bad news is asked about again the next day"
    assert dns.count("acme.example", "MX") == 1, "good news is believed longer"


def test_dns_trouble_is_never_a_verdict(account: Account, bob: User, dns: DnsServer) -> None:
    dns.fail("dead.example", "ANY", Failure.SERVFAIL)
    row = take_in(account, bob, b"email\ncat@dead.example\n", Options(leave_out=LEFT_OUT_AT_FIRST))
    assert counts_of(row) == Counts(new=1)
    assert not MailDomain.objects.filter(name="dead.example").exists()


def test_a_resolver_that_knows_nobody_is_not_believed(account: Account, bob: User, dns: DnsServer) -> None:
    dns.remove("gmail.com")
    row = take_in(account, bob, FILE, Options(leave_out=LEFT_OUT_AT_FIRST))
    assert counts_of(row).no_mail_server == counts_of(row).invalid == 0
    assert dns.count("dead.example", "MX") == 0


def test_silence_takes_no_mark_away(account: Account, bob: User, dns: DnsServer) -> None:
    take_in(account, bob, b"email\ncat@dead.example\n")
    MailDomain.objects.all().delete()
    dns.fail("dead.example", "ANY", Failure.SERVFAIL)
    assert counts_of(take_in(account, bob, b"email\ncat@dead.example\n")) == Counts(unchanged=1)
    assert contacts_of(account)["cat@dead.example"].findings == 8
    dns.recover("dead.example", "ANY")
    dns.publish("dead.example", "MX", "10 mx.gmail.com")
    assert counts_of(take_in(account, bob, b"email\ncat@dead.example\n")) == Counts(updated=1)
    assert contacts_of(account)["cat@dead.example"].findings == 0


def test_asking_ends_when_the_time_is_up(dns: DnsServer, db: None) -> None:
    dns.fail("slow.example", "ANY", Failure.TIMEOUT)
    domains = MailDomains(seconds=0.5)
    domains.learn(["slow.example", "acme.example"], now=NOW)
    assert domains.find("acme.example") is True
    assert domains.find("slow.example") is None
    domains.learn(["later.example"], now=NOW)
    assert domains.find("later.example") is None
    assert dns.count("later.example", "MX") == 0


def test_old_answers_are_forgotten(dns: DnsServer, db: None) -> None:
    MailDomains().learn(["acme.example"], now=NOW)
    assert forget_old_domains(NOW) == 0
    assert forget_old_domains(NOW + KEEP_GOOD + timedelta(days=1)) == 1


def test_contacts_of_before_are_checked_by_the_lists_of_today(account: Account, bob: User) -> None:
    for email in ("info@acme.example", "ann@gmail.con", "dan@acme.example", "cat@dead.example"):
        add_contact(account.pk, Profile(email), by=bob, now=NOW)
    contacts = Contact.objects.for_account(account)
    contacts.update(findings=0)
    contacts.filter(email_key="cat@dead.example").update(findings=8 | 2)
    assert refresh_findings(account.pk) == 3
    assert refresh_findings(account.pk) == 0
    marks = {key: contact.findings for key, contact in contacts_of(account).items()}
    assert marks == {"info@acme.example": 1, "ann@gmail.con": 4, "dan@acme.example": 0, "cat@dead.example": 8}


def test_an_import_of_before_leaves_nobody_out() -> None:
    assert Options.from_json({"merging": "file_wins"}).leave_out == ()
    assert Options.from_json(Options(leave_out=("typo",)).to_json()).leave_out == ("typo",)
    assert ContactImport().counts == {}
