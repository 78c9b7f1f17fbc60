from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.accounts.models import Account, AuditEntry, BackgroundWork, User
from dynamail.consent.gate import Reason, may_send
from dynamail.consent.models import Subscription, Suppression, Topic
from dynamail.consent.suppressing import suppress_address
from dynamail.consent.suppression_list import find_suppressions_of
from dynamail.contacts.importing import blocks
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.problems import ImportProblem, RowProblem
from dynamail.contacts.importing.rejects import export_rejects
from dynamail.contacts.importing.statement import Options, Statement
from dynamail.contacts.importing.steps import cancel_import, list_imports
from dynamail.contacts.importing_suppressions import running
from dynamail.contacts.importing_suppressions.columns import Defaults, guess_reason, guess_targets
from dynamail.contacts.importing_suppressions.rows import SuppressionReader, read_moment
from dynamail.contacts.importing_suppressions.running import run_suppression_import
from dynamail.contacts.importing_suppressions.steps import (
    list_suppression_imports,
    read_suppressions_anew,
    start_suppression_import,
    upload_suppressions,
)
from dynamail.contacts.importing_suppressions.words import read_reason
from dynamail.contacts.models import ContactImport
from dynamail.events.models import Event
from tests.contacts.files import contacts_of, counts_of, make_workbook, reload, take_in
from tests.support.people import make_contact
from tests.support.personas import NOW

MARCH = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)


def upload(account: Account, user: User, data: bytes, name: str = "list.csv") -> ContactImport:
    return upload_suppressions(account.pk, iter([data]), file_name=name, by=user, now=NOW)


def start(row: ContactImport, user: User, defaults: Defaults | None = None) -> ContactImport:
    start_suppression_import(row, row.mapping, defaults or Defaults.from_json(row.options), by=user, now=NOW)
    return reload(row)


def bring_in(
    account: Account, user: User, data: bytes, name: str = "list.csv", defaults: Defaults | None = None
) -> ContactImport:
    row = start(upload(account, user, data, name), user, defaults)
    run_suppression_import(row, now=NOW)
    row.refresh_from_db()
    assert row.state == ContactImport.State.FINISHED, row.problem
    return row


def kept(account: Account) -> dict[str, tuple[str, str, datetime, str]]:
    rows = Suppression.objects.for_account(account)
    return {row.email: (row.reason, row.scope, row.at, row.detail) for row in rows}


# ── Files of other systems ───────────────────────────────────────────────────────────────────────────────────────────
FILES: dict[str, tuple[str, bytes, tuple[str, str, datetime, str]]] = {
    "mailchimp unsubscribed": (
        "unsubscribed_email_audience_export_ab12.csv",
        b'"Email Address","First Name",UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON\n'
        b'ann@mail.example,Ann,"2021-03-04 05:06:07","Spring","NORMAL"\n',
        ("unsubscribe", "marketing", MARCH, "NORMAL"),
    ),
    "mailchimp cleaned": (
        "cleaned_email_audience_export_ab12.csv",
        b'"Email Address","First Name",CLEAN_TIME,CLEAN_CAMPAIGN_TITLE\nann@mail.example,Ann,"2021-03-04 05:06:07",Spring\n',
        ("hard_bounce", "all", MARCH, ""),
    ),
    "brevo": (
        "export.csv",
        b"CONTACT ID;EMAIL;STATUS;ADDED_TIME\n5;ann@mail.example;Unsubscribed;04-03-2021 05:06:07\n",
        ("unsubscribe", "marketing", NOW, ""),
    ),
    "listmonk": (
        "subscribers.csv",
        b'uuid,email,name,attributes,status,created_at,updated_at\nx,ann@mail.example,Ann,"{""a"": 1}",blocklisted,'
        b"2020-01-01T00:00:00Z,2021-03-04T05:06:07.123456Z\n",
        ("manual", "all", datetime(2020, 1, 1, tzinfo=UTC), ""),
    ),
    "mautic": (
        "dnc.csv",
        b'"email","date_added","reason","channel","comments"\n"ann@mail.example","2021-03-04 05:06:07","2","email","550 gone"\n',
        ("hard_bounce", "all", MARCH, "550 gone"),
    ),
    "ses": (
        "suppression.csv",
        b"EmailAddress,Reason,LastUpdateTime\nann@mail.example,COMPLAINT,2021-03-04T05:06:07.000Z\n",
        ("complaint", "all", MARCH, ""),
    ),
    "sendgrid bounces": (
        "suppression_bounces.csv",
        b'status,reason,email,created\n5.1.1,"550 5.1.1 <b>no</b> such user",ann@mail.example,1614834367\n',
        ("hard_bounce", "all", MARCH, "550 5.1.1 <b>no</b> such user"),
    ),
    "sendgrid unsubscribes": (
        "suppression_unsubscribes.csv",
        b"email,created\nann@mail.example,1614834367\n",
        ("unsubscribe", "marketing", MARCH, ""),
    ),
    "postmark": (
        "suppressions.csv",
        b"EmailAddress,SuppressionReason,Origin,CreatedAt\nann@mail.example,SpamComplaint,Recipient,2021-03-04T00:06:07-05:00\n",
        ("complaint", "all", MARCH, ""),
    ),
    "mailgun": (
        "mg.example-bounces.csv",
        b'address,code,error,created_at\nann@mail.example,550,"No such mailbox","Thu, 04 Mar 2021 05:06:07 UTC"\n',
        ("hard_bounce", "all", MARCH, "No such mailbox"),
    ),
    "klaviyo": (
        "global_suppression.csv",
        b"Email,Suppression Reason,Suppression Timestamp\nann@mail.example,Marked as spam,2021-03-04 05:06:07+00:00\n",
        ("complaint", "all", MARCH, ""),
    ),
    "our own": (
        "suppressions-2026-11-23.csv",
        b"\xef\xbb\xbfemail,reason,scope,since,expires,note\r\nann@mail.example,complaint,marketing,2021-03-04T05:06:07Z,,'=1+1\r\n",
        ("complaint", "marketing", MARCH, "=1+1"),
    ),
    "russian spreadsheet": (
        "отписки.csv",
        "Адрес;Причина;Дата\nann@mail.example;отписался;04.03.2021 5:06:07\n".encode("cp1251"),
        ("unsubscribe", "marketing", MARCH, ""),
    ),
}


@pytest.mark.parametrize("system", FILES)
def test_the_list_of_another_system_is_understood_as_it_is(account: Account, bob: User, system: str) -> None:
    name, data, expected = FILES[system]
    row = bring_in(account, bob, data, name)
    assert counts_of(row) == Counts(new=1)
    assert kept(account) == {"ann@mail.example": expected}


def test_a_workbook_is_read_too(account: Account, bob: User) -> None:
    data = make_workbook(
        [["Email", "Reason", "Date"], ["ann@mail.example", "bounced", MARCH.replace(tzinfo=None)]]
    )
    bring_in(account, bob, data, "list.xlsx")
    assert kept(account) == {"ann@mail.example": ("hard_bounce", "all", MARCH, "")}


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("Hard Bounce", "hard_bounce"),
        ("hard_bounced", "hard_bounce"),
        ("CLEANED", "hard_bounce"),
        ("spam report", "complaint"),
        ("unsubscribedViaEmail", "unsubscribe"),
        ("Opt-out", "unsubscribe"),
        ("blocked", "manual"),
        ("Do Not Contact", "manual"),
        ("3", "manual"),
        ("soft bounce", ""),
        ("subscribed", ""),
        ("Non-Subscribed", ""),
        ("0", ""),
        ("451", None),
        ("4.2.2", None),
        ("something else", None),
        ("x" * 100, None),
    ],
)
def test_words_are_known_in_any_spelling(word: str, reason: str | None) -> None:
    meaning = read_reason(word)
    assert (meaning.reason if meaning else None) == reason


def test_people_who_may_be_mailed_are_left_alone(account: Account, bob: User) -> None:
    """A whole audience with a column of states: only those who left are suppressed."""
    data = b"email,status\nann@mail.example,subscribed\nbob@mail.example,unsubscribed\neve@mail.example,pending\n"
    assert counts_of(bring_in(account, bob, data)) == Counts(new=1, mailable=2)
    assert list(kept(account)) == ["bob@mail.example"]


def test_rows_without_a_known_word_have_the_reason_that_was_chosen(account: Account, bob: User) -> None:
    data = b"email,reason\nann@mail.example,asked by phone\nbob@mail.example,\neve@mail.example,spam\n"
    bring_in(account, bob, data, defaults=Defaults("unsubscribe", "all"))
    assert kept(account) == {
        "ann@mail.example": ("unsubscribe", "all", NOW, "asked by phone"),
        "bob@mail.example": ("unsubscribe", "all", NOW, ""),
        "eve@mail.example": ("complaint", "all", NOW, ""),
    }


def test_a_date_that_cannot_be_read_loses_nobody(account: Account, bob: User) -> None:
    data = b"email,since,until\nann@mail.example,05/06/2021,someday\nbob@mail.example,2030-01-01,\n"
    bring_in(account, bob, data)
    assert kept(account) == {
        "ann@mail.example": ("manual", "all", NOW, "someday · 05/06/2021"),
        "bob@mail.example": ("manual", "all", NOW, ""),
    }


def test_an_end_in_the_file_is_kept_and_one_that_has_passed_is_refused(account: Account, bob: User) -> None:
    data = b"email,expires\nann@mail.example,2027-01-01\nbob@mail.example,2020-01-01\n"
    row = bring_in(account, bob, data)
    assert counts_of(row) == Counts(new=1, invalid=1)
    assert find_suppressions_of(account.pk, "ann@mail.example")[0].expires_at == datetime(
        2027, 1, 1, tzinfo=UTC
    )
    lines = list(csv.reader("".join(export_rejects(row)).removeprefix("\ufeff").splitlines()))
    assert lines[1] == ["bob@mail.example", "2020-01-01", "3", "This suppression ended already."]


def test_the_first_reason_stays(account: Account, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 2)
    suppress_address(account.pk, "ann@mail.example", reason="complaint", now=NOW - timedelta(days=9))
    data = (
        b"email,reason\nAnn@Mail.example,bounced\nbob@mail.example,bounced\nBOB@mail.example,spam\n"
        b"bob@mail.example,unsubscribed\nbob@mail.example,manual\nbroken,manual\n"
    )
    row = bring_in(account, bob, data)
    assert counts_of(row) == Counts(new=2, unchanged=1, duplicate=2, invalid=1)
    rows = Suppression.objects.for_account(account).order_by("email", "scope")
    assert [(one.email, one.scope, one.reason) for one in rows] == [
        ("ann@mail.example", "all", "complaint"),
        ("bob@mail.example", "all", "hard_bounce"),
        ("bob@mail.example", "marketing", "unsubscribe"),
    ]
    again = counts_of(bring_in(account, bob, data))
    assert again == Counts(unchanged=3, duplicate=2, invalid=1)


def test_known_contacts_carry_the_state_and_nobody_new_appears(account: Account, bob: User) -> None:
    ann, eve = make_contact(account, "ann@mail.example"), make_contact(account, "eve@mail.example")
    data = b"email,reason\nann@mail.example,bounced\neve@mail.example,unsubscribed\nnew@mail.example,spam\n"
    row = bring_in(account, bob, data)
    assert {key: one.state for key, one in contacts_of(account).items()} == {
        ann.email_key: "suppressed",
        eve.email_key: "active",
    }
    events = Event.objects.for_account(account).filter(kind="contact.suppressed")
    assert {(one.contact_id, one.data["scope"], one.source_id) for one in events} == {
        (ann.id, "all", row.uid),
        (eve.id, "marketing", row.uid),
    }


# ── Staying unsubscribed ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.promise("P8.4")
def test_who_unsubscribed_elsewhere_stays_so_when_they_are_imported_as_contacts(
    account: Account, bob: User
) -> None:
    topic = Topic.objects.add(account, name="Product news")
    data = b"email,status,unsubscribed at\nleft@mail.example,unsubscribed,2021-03-04 05:06:07\ngone@mail.example,bounced,\n"
    bring_in(account, bob, data)
    people = b"email\nLeft@mail.example\ngone@mail.example\nnew@mail.example\n"
    row = take_in(
        account, bob, people, Options(statement=Statement(topic.pk, "consent", None, "The old list."))
    )
    assert counts_of(row) == Counts(new=3, suppressed=1, subscribed=1, left_alone=1)
    assert Subscription.objects.for_account(account).count() == 1
    answers = {
        key: may_send(account.pk, email_key=key, contact_id=contact.id, topic_id=topic.pk, now=NOW).reason
        for key, contact in contacts_of(account).items()
    }
    assert answers == {
        "left@mail.example": Reason.SUPPRESSED,
        "gone@mail.example": Reason.SUPPRESSED,
        "new@mail.example": Reason.ALLOWED,
    }
    assert may_send(account.pk, email_key="left@mail.example", now=NOW).allowed, "a receipt still arrives"
    (standing,) = find_suppressions_of(account.pk, "left@mail.example")
    assert (standing.reason, standing.scope, standing.at) == ("unsubscribe", "marketing", MARCH)


# ── The run ──────────────────────────────────────────────────────────────────────────────────────────────────────────
class Killed(BaseException):
    """What SIGKILL looks like from inside: nothing after it runs."""


def test_a_killed_import_goes_on_without_a_second_copy(
    account: Account, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 10)
    lines = [f"p{number % 70}@mail.example,spam" for number in range(95)] + ["bad,spam"] * 5
    row = start(upload(account, bob, ("email,reason\n" + "\n".join(lines)).encode()), bob)
    for done in (3, 1, 2):
        calls = iter(range(1, 1_000))

        def report(*_: object, calls: object = calls, done: int = done) -> None:
            if next(calls) == done:  # type: ignore[call-overload]
                raise Killed

        monkeypatch.setattr(running, "report", report)
        with pytest.raises(Killed):
            run_suppression_import(reload(row), now=NOW)
    monkeypatch.undo()
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 10)
    run_suppression_import(reload(row), now=NOW)
    row.refresh_from_db()
    assert row.state == "finished"
    assert counts_of(row) == Counts(new=70, duplicate=25, invalid=5)
    assert len(kept(account)) == 70
    before = Event.objects.for_account(account).count()
    BackgroundWork.objects.for_account(account).update(state="running")
    run_suppression_import(reload(row), now=NOW)
    assert Event.objects.for_account(account).count() == before, "a finished import does not run twice"


def test_canceling_keeps_what_is_suppressed(
    account: Account, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 10)
    data = b"email\n" + b"".join(b"p%d@mail.example\n" % number for number in range(50))
    row = start(upload(account, bob, data), bob)
    real = running.report

    def report_and_cancel(*arguments: object) -> None:
        cancel_import(reload(row), by=bob, now=NOW)
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "report", report_and_cancel)
    run_suppression_import(row, now=NOW)
    row.refresh_from_db()
    assert (row.state, len(kept(account))) == ("canceled", 10)
    assert row.work is not None
    assert row.work.state == "canceled"


def test_the_run_is_told_in_the_audit_log(account: Account, bob: User) -> None:
    bring_in(account, bob, b"email\nann@mail.example\n")
    actions = AuditEntry.objects.for_account(account).order_by("pk").values_list("action", flat=True)
    assert list(actions) == [
        "suppressions.uploaded",
        "suppressions.import_started",
        "suppressions.import_finished",
    ]


def test_lists_of_contacts_and_of_suppressions_do_not_mix(account: Account, bob: User) -> None:
    suppressions = bring_in(account, bob, b"email\nann@mail.example\n")
    people = take_in(account, bob, b"email\nbob@mail.example\n")
    assert list_imports(account.pk) == [people]
    assert list_suppression_imports(account.pk) == [suppressions]


@pytest.mark.promise("P5.2")
def test_an_import_touches_no_other_account(account: Account, bob: User, other_account: Account) -> None:
    theirs = make_contact(other_account, "ann@mail.example")
    bring_in(account, bob, b"email\nann@mail.example\n")
    assert contacts_of(other_account)["ann@mail.example"].state == theirs.state == "active"
    assert not Suppression.objects.for_account(other_account).exists()


# ── Columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_file_without_a_header_is_a_list_of_addresses(account: Account, bob: User) -> None:
    row = upload(account, bob, b"ann@mail.example\nbob@mail.example\n")
    assert row.mapping == ["email"]
    row = bring_in(account, bob, b"ann@mail.example\nbob@mail.example\n", "spam_reports.csv")
    assert counts_of(row) == Counts(new=2)
    assert kept(account)["ann@mail.example"][0] == "complaint"


def test_a_file_that_was_read_wrongly_is_read_again(account: Account, bob: User) -> None:
    row = upload(account, bob, "E-mail;Причина\nann@mail.example;жалоба\n".encode("cp1251"), "bounces.csv")
    read_suppressions_anew(row, encoding="koi8-r", separator=";", has_header=True)
    assert row.columns[1] != "Причина"
    read_suppressions_anew(row, encoding="cp1251", separator=";", has_header=True)
    assert row.mapping == ["email", "reason"]
    assert row.options["reason"] == "hard_bounce"


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        ([""], "mapping"),
        (["", ""], "no_email"),
        (["email", "email"], "twice"),
        (["email", "attribute:1"], "mapping"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(
    account: Account, bob: User, mapping: list[str], code: str
) -> None:
    row = upload(account, bob, b"email,x\nann@mail.example,y\n")
    with pytest.raises(ImportProblem) as refused:
        start_suppression_import(row, mapping, Defaults(), by=bob, now=NOW)
    assert refused.value.code == code


def test_an_import_starts_once(account: Account, bob: User) -> None:
    row = upload(account, bob, b"email\nann@mail.example\n")
    start(row, bob)
    with pytest.raises(ImportProblem):
        start(reload(row), bob)


def test_an_erasure_cannot_be_claimed_by_a_file(account: Account, bob: User) -> None:
    bring_in(account, bob, b"email,reason\nann@mail.example,erasure\n", defaults=Defaults("erasure"))
    assert kept(account)["ann@mail.example"][0] == "manual"


# ── Hostile texts ────────────────────────────────────────────────────────────────────────────────────────────────────
@given(st.text(max_size=40))
def test_a_moment_is_read_or_refused(text: str) -> None:
    try:
        moment = read_moment(text)
    except RowProblem:
        return
    assert moment.tzinfo is not None


@given(st.lists(st.text(max_size=30), min_size=6, max_size=6))
def test_any_row_is_taken_or_refused_with_a_reason(cells: list[str]) -> None:
    mapping = ["email", "reason", "scope", "since", "expires", "note"]
    reader = SuppressionReader(mapping, Defaults(), now=NOW)
    for address in (cells[0], "ann@mail.example"):
        try:
            found = reader.read([address, *cells[1:]])
        except RowProblem:
            continue
        if found is not None:
            assert found.at <= NOW
            assert "\x00" not in found.detail
            assert len(found.detail) <= 500


@given(st.lists(st.text(max_size=20), max_size=6), st.text(max_size=20))
def test_guesses_never_fail(columns: list[str], name: str) -> None:
    assert len(guess_targets(columns, [columns])) == len(columns)
    assert guess_reason(name, columns)
