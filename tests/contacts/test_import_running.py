from __future__ import annotations

import csv
import json
from datetime import date, timedelta

import pytest
from django.db import connection

from dynamail.accounts.background import request_cancel
from dynamail.accounts.models import Account, BackgroundWork, User
from dynamail.consent.models import ConsentRecord, Subscription, SuppressionReason, Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import give_consent, withdraw_consent
from dynamail.consent.suppressing import suppress_address
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.editing import Profile, add_contact
from dynamail.contacts.importing import blocks, running
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.rejects import export_rejects
from dynamail.contacts.importing.running import run_import
from dynamail.contacts.importing.statement import Merging, Options, Statement
from dynamail.contacts.importing.steps import cancel_import, list_reject_reasons, start_import
from dynamail.contacts.models import Attribute, Contact, ContactImport, ImportReject, Tag
from dynamail.contacts.tags import create_tag
from dynamail.contacts.timeline import list_moments
from dynamail.events.models import Event
from tests.contacts.files import DATA, check, contacts_of, counts_of, reload, run, take_in, upload
from tests.support.personas import NOW


@pytest.fixture
def topic(account: Account) -> Topic:
    return Topic.objects.add(account, name="Product news")


def test_the_old_address_book_comes_in_whole(account: Account, bob: User) -> None:
    row = upload(account, bob, (DATA / "contacts_cp1251.csv").read_bytes(), name="клиенты.csv")
    assert (row.encoding, row.separator) == ("cp1251", ";")
    assert row.mapping[1:4] == ["email", "first_name", "last_name"]
    assert row.mapping[5:8] == ["new:date", "new:number", "tags"]
    checked = check(row, bob)
    assert not contacts_of(account), "a dry run adds nobody"
    assert not Attribute.objects.for_account(account).exists()
    assert not Tag.objects.for_account(account).exists()
    assert run(row, bob) == checked
    assert checked.rows == 5_000
    assert checked.new == len(contacts_of(account)) > 4_500
    assert checked.duplicate > 100
    assert checked.invalid == ImportReject.objects.for_account(account).count() > 100
    contact = contacts_of(account)["kupala0@yandex.by"]
    assert (contact.name, contact.lane) == ("Таццяна Цвірка", 5)
    assert (contact.source_kind, contact.source_label, contact.source_id) == (
        "import",
        "клиенты.csv",
        row.public_id,
    )
    birthday = Attribute.objects.for_account(account).get(label="Дата рождения")
    assert contacts_of(account)["kovalev1@example.by"].attributes[str(birthday.number)] == "1978-02-27"
    assert set(Tag.objects.for_account(account).values_list("name", flat=True)) == {
        "VIP",
        "опт",
        "розница",
        "выставка 2025",
        "новости",
    }


def test_the_same_file_again_changes_nothing(account: Account, bob: User) -> None:
    data = (DATA / "contacts_cp1251.csv").read_bytes()
    first = counts_of(take_in(account, bob, data))
    before = Event.objects.for_account(account).filter(contact_id__isnull=False).count()
    again = counts_of(take_in(account, bob, data))
    assert again.new == again.updated == 0
    assert again.unchanged == first.new
    assert (again.duplicate, again.invalid) == (first.duplicate, first.invalid)
    assert Event.objects.for_account(account).filter(contact_id__isnull=False).count() == before


def test_rows_that_cannot_be_taken_come_back_with_their_reasons(account: Account, bob: User) -> None:
    row = take_in(account, bob, b"email,name\nann@example.com,Ann\nbroken,Bob\n=evil,Eve\n")
    lines = list(csv.reader("".join(export_rejects(row)).removeprefix("\ufeff").splitlines()))
    assert lines[0] == ["email", "name", "Row", "Problem"]
    assert lines[1] == ["broken", "Bob", "3", "The address has no @ sign."]
    assert lines[2][0] == "'=evil"
    assert list_reject_reasons(row)[0].count == 2


def test_one_address_in_two_spellings_is_one_person(account: Account, bob: User) -> None:
    row = take_in(account, bob, b"email,name\nAnn@Example.com,Ann\nann@example.COM,Ann Lee\n")
    assert counts_of(row) == Counts(new=1, duplicate=1)
    assert contacts_of(account)["ann@example.com"].name == "Ann Lee"
    assert contacts_of(account)["ann@example.com"].email == "Ann@Example.com"


def test_a_repeated_address_in_a_later_block_is_a_duplicate_too(
    account: Account, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 2)
    rows = b"a@example.com,A\nb@example.com,B\nA@example.com,A two\nc@example.com,C\nbad,\na@example.com,A three\n"
    row = take_in(account, bob, b"email,name\n" + rows)
    assert counts_of(row) == Counts(new=3, duplicate=2, invalid=1)
    assert contacts_of(account)["a@example.com"].name == "A three"


@pytest.mark.parametrize(("merging", "name"), [(Merging.FILE_WINS, "Anna"), (Merging.FILL_EMPTY, "Ann")])
def test_known_people_are_merged_as_chosen(account: Account, bob: User, merging: str, name: str) -> None:
    city = create_attribute(account.pk, label="City", by=bob, now=NOW)
    age = create_attribute(account.pk, label="Age", type="number", by=bob, now=NOW)
    add_contact(
        account.pk, Profile("ann@example.com", "Ann", attributes={city.number: "Minsk"}), by=bob, now=NOW
    )
    data = b"email,name,City,Age\nann@example.com,Anna,,41\n"
    assert counts_of(take_in(account, bob, data, Options(merging=merging))) == Counts(updated=1)
    contact = contacts_of(account)["ann@example.com"]
    assert contact.name == name
    assert contact.attributes == {str(city.number): "Minsk", str(age.number): 41}, (
        "an empty cell clears nothing"
    )


def test_a_change_by_import_is_told_once(account: Account, bob: User) -> None:
    add_contact(account.pk, Profile("ann@example.com", "Ann"), by=bob, now=NOW)
    row = take_in(account, bob, b"email,name\nann@example.com,Anna\nnew@example.com,New\n")
    told = Event.objects.for_account(account).filter(source_kind="import", source_id=row.uid)
    assert list(told.order_by("kind").values_list("kind", "contact_id")) == [
        ("contact.updated", contacts_of(account)["ann@example.com"].id),
        ("contacts.imported", None),
    ]
    assert told.get(kind="contacts.imported").data["new"] == 1
    new = contacts_of(account)["new@example.com"]
    moments = list_moments(account.pk, new.id, before=None, limit=10)
    assert [moment.kind for moment in moments] == ["contact.created"], (
        "a new person tells of the import itself"
    )


def test_tags_for_everybody_and_tags_of_cells_are_added(account: Account, bob: User) -> None:
    fair = create_tag(account.pk, "fair", by=bob, now=NOW)
    take_in(
        account,
        bob,
        b'email,tags\nann@example.com,"vip, Fair"\nbob@example.com,\n',
        Options(tags=("Fair",)),
    )
    vip = Tag.objects.for_account(account).get(name="vip")
    assert contacts_of(account)["ann@example.com"].tags == sorted([fair.pk, vip.pk])
    assert contacts_of(account)["bob@example.com"].tags == [fair.pk]


def test_the_statement_of_consent_is_kept_with_each_person(account: Account, bob: User, topic: Topic) -> None:
    statement = Statement(topic.pk, "consent", date(2024, 5, 1), "They ticked the box at the counter.")
    row = take_in(account, bob, b"email\nann@example.com\n", Options(statement=statement))
    assert counts_of(row) == Counts(new=1, subscribed=1)
    record = ConsentRecord.objects.for_account(account).get()
    assert (record.act, record.method, record.text) == (
        "imported",
        "import",
        "They ticked the box at the counter.",
    )
    assert (record.since, record.source_id, record.actor) == (date(2024, 5, 1), row.public_id, "Bob")
    assert record.evidence["sha256"] == row.file_sha256


@pytest.mark.promise("P2.3")
def test_without_a_statement_nobody_is_subscribed(account: Account, bob: User, topic: Topic) -> None:
    take_in(account, bob, b"email\nann@example.com\n")
    assert not Subscription.objects.for_account(account).exists()


def test_an_import_never_brings_back_who_left(account: Account, bob: User, topic: Topic) -> None:
    gone = add_contact(account.pk, Profile("gone@example.com"), by=bob, now=NOW)
    there = add_contact(account.pk, Profile("there@example.com"), by=bob, now=NOW)
    withdraw_consent(account.pk, gone.id, topic.pk, proof=Proof(method="page"), now=NOW)
    give_consent(account.pk, there.id, topic.pk, proof=Proof(method="page"), now=NOW)
    data = b"email\ngone@example.com\nthere@example.com\nnew@example.com\n"
    row = take_in(account, bob, data, Options(statement=Statement(topic.pk)))
    assert counts_of(row) == Counts(new=1, unchanged=2, subscribed=1, left_alone=1)
    assert Subscription.objects.for_account(account).get(contact_id=gone.id).state == "unsubscribed"


@pytest.mark.promise("P8.4")
def test_suppressed_addresses_come_in_but_stay_suppressed(account: Account, bob: User, topic: Topic) -> None:
    for key in ("known@example.com", "new@example.com"):
        suppress_address(account.pk, key, reason=SuppressionReason.COMPLAINT, now=NOW)
    data = b"email\nKnown@example.com\nnew@example.com\nfree@example.com\n"
    row = take_in(account, bob, data, Options(statement=Statement(topic.pk)))
    assert counts_of(row) == Counts(new=3, suppressed=2, subscribed=1)
    states = {key: contact.state for key, contact in contacts_of(account).items()}
    assert states == {
        "known@example.com": "suppressed",
        "new@example.com": "suppressed",
        "free@example.com": "active",
    }


@pytest.mark.promise("P8.3")
def test_a_restricted_person_is_left_as_they_are(account: Account, bob: User) -> None:
    contact = add_contact(account.pk, Profile("ann@example.com", "Ann"), by=bob, now=NOW)
    Contact.objects.for_account(account).filter(id=contact.id).update(state="restricted")
    assert counts_of(take_in(account, bob, b"email,name\nann@example.com,Other\n")) == Counts(unchanged=1)
    assert contacts_of(account)["ann@example.com"].name == "Ann"


def test_an_import_of_another_account_touches_nobody_here(
    account: Account, bob: User, other_account: Account, charlie: User
) -> None:
    add_contact(account.pk, Profile("ann@example.com", "Ann"), by=bob, now=NOW)
    suppress_address(account.pk, "ann@example.com", reason=SuppressionReason.MANUAL, now=NOW)
    row = take_in(other_account, charlie, b"email,name\nann@example.com,Theirs\n")
    assert counts_of(row) == Counts(new=1)
    assert contacts_of(account)["ann@example.com"].name == "Ann"


class Killed(BaseException):
    """What SIGKILL looks like from inside: nothing after it runs."""


def test_a_killed_import_goes_on_without_doubles(
    account: Account, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 10)
    lines = [f"p{number % 70}@example.com,Person {number}" for number in range(95)] + ["bad,"] * 5
    row = upload(account, bob, ("email,name\n" + "\n".join(lines)).encode())
    checked = check(row, bob)
    start_import(row, by=bob, now=NOW)
    for blocks_done in (3, 1, 2):
        monkeypatch.setattr(running, "report", _killer(after=blocks_done))
        with pytest.raises(Killed):
            run_import(reload(row), now=NOW)
    monkeypatch.undo()
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 10)
    run_import(reload(row), now=NOW)
    row.refresh_from_db()
    assert counts_of(row) == checked == Counts(new=70, duplicate=25, invalid=5)
    assert len(contacts_of(account)) == 70
    assert contacts_of(account)["p3@example.com"].name == "Person 73"
    assert ImportReject.objects.for_account(account).count() == 5


def _killer(*, after: int) -> object:
    calls = iter(range(1, 1_000))

    def report(*_: object) -> None:
        if next(calls) == after:
            raise Killed

    return report


def test_a_finished_import_does_not_run_twice(account: Account, bob: User) -> None:
    row = take_in(account, bob, b"email,name\nann@example.com,Ann\n")
    Contact.objects.for_account(account).update(name="Changed since")
    BackgroundWork.objects.for_account(account).update(state="running")
    run_import(reload(row), now=NOW + timedelta(minutes=1))
    assert contacts_of(account)["ann@example.com"].name == "Changed since"


def test_canceling_stops_after_the_block_under_way(
    account: Account, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 10)
    row = upload(account, bob, b"email\n" + b"".join(b"p%d@example.com\n" % number for number in range(50)))
    check(row, bob)
    start_import(row, by=bob, now=NOW)
    real = running.report

    def report_and_cancel(*arguments: object) -> None:
        request_cancel(row.work, now=NOW)
        real(*arguments)

    monkeypatch.setattr(running, "report", report_and_cancel)
    run_import(reload(row), now=NOW)
    row.refresh_from_db()
    assert row.state == ContactImport.State.CANCELED
    assert BackgroundWork.objects.for_account(account).get(pk=row.work_id).state == "canceled"
    assert len(contacts_of(account)) == counts_of(row).new == 10, "what was imported stays"


def test_an_import_canceled_in_the_queue_never_begins(account: Account, bob: User) -> None:
    row = upload(account, bob, b"email\nann@example.com\n")
    check(row, bob)
    start_import(row, by=bob, now=NOW)
    cancel_import(row, by=bob, now=NOW)
    run_import(reload(row), now=NOW)
    row.refresh_from_db()
    assert row.state == ContactImport.State.CANCELED
    assert not contacts_of(account)


def test_the_task_is_deferred_with_the_row(account: Account, bob: User) -> None:
    row = upload(account, bob, b"email\nann@example.com\n")
    check(row, bob)
    with connection.cursor() as cursor:
        cursor.execute("SELECT task_name, args FROM procrastinate_jobs ORDER BY id DESC LIMIT 1")
        name, arguments = cursor.fetchone()
    assert (name, json.loads(arguments)["import_id"]) == ("contacts.check_import", row.pk)
