from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from dynamail.accounts.models import Account, AuditEntry, BackgroundWork, User
from dynamail.contacts.importing import blocks
from dynamail.contacts.importing.counting import Counts
from dynamail.contacts.importing.problems import ImportProblem
from dynamail.contacts.importing.rejects import export_rejects
from dynamail.contacts.importing.steps import cancel_import, list_imports, list_reject_reasons
from dynamail.contacts.importing_events import running
from dynamail.contacts.importing_events.columns import EventOptions, guess_targets
from dynamail.contacts.importing_events.running import check_event_import, run_event_import
from dynamail.contacts.importing_events.steps import (
    list_event_imports,
    start_event_check,
    start_event_import,
    upload_events,
)
from dynamail.contacts.models import Contact, ContactImport, ContactState
from dynamail.events.models import CustomEvent, Event, EventName
from tests.contacts.files import make_workbook, reload
from tests.support.people import make_contact
from tests.support.personas import NOW

ORDERS = EventOptions(event="order.placed")
CREATE = EventOptions(event="order.placed", create_contacts=True)


@pytest.fixture(autouse=True)
def people(account: Account) -> list[Contact]:
    return [make_contact(account, f"{name}@mail.example") for name in ("dana", "erik")]


def upload(account: Account, user: User, data: bytes, name: str = "orders.csv") -> ContactImport:
    return upload_events(account.pk, iter([data]), file_name=name, by=user, now=NOW)


def check(
    row: ContactImport, user: User, options: EventOptions = ORDERS, mapping: list[str] | None = None
) -> Counts:
    start_event_check(row, mapping or row.mapping, options, by=user, now=NOW)
    check_event_import(reload(row), now=NOW)
    row.refresh_from_db()
    assert row.state == ContactImport.State.CHECKED, row.problem
    return Counts.from_json(row.counts["checked"])


def run(row: ContactImport, user: User) -> Counts:
    start_event_import(row, by=user, now=NOW)
    run_event_import(reload(row), now=NOW)
    row.refresh_from_db()
    assert row.state == ContactImport.State.FINISHED, row.problem
    return Counts.from_json(row.counts["imported"])


def bring_in(
    account: Account, user: User, data: bytes, options: EventOptions = ORDERS, name: str = "orders.csv"
) -> Counts:
    """The dry run must have told the truth and changed nothing."""
    row = upload(account, user, data, name)
    before = CustomEvent.objects.for_account(account).count(), Contact.objects.for_account(account).count()
    checked = check(row, user, options)
    assert before == (
        CustomEvent.objects.for_account(account).count(),
        Contact.objects.for_account(account).count(),
    )
    assert run(row, user) == checked
    return checked


def kept(account: Account) -> list[CustomEvent]:
    return list(CustomEvent.objects.for_account(account).order_by("id"))


def test_columns_become_events_with_properties(account: Account, bob: User, people: list[Contact]) -> None:
    data = (
        b"Email,Event,Time,Order ID,Total,Paid,City,Shipped\n"
        b"dana@mail.example,order.placed,2026-03-04 05:06:07,A-1,19.90,yes,Hrodna,2026-03-05\n"
        b"Erik@Mail.Example,order.paid,2026-03-04T05:06:07+02:00,A-2,1200,no,,\n"
    )
    assert bring_in(account, bob, data, EventOptions()) == Counts(new=2)
    late, early = kept(account)[::-1]
    assert (late.contact_id, late.at) == (people[0].id, datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))
    assert late.properties == {"Total": 19.9, "Paid": True, "City": "Hrodna", "Shipped": "2026-03-05"}
    assert (early.contact_id, early.properties) == (people[1].id, {"Total": 1200, "Paid": False})
    assert late.source_kind == "import"
    names = {row.name: row.properties for row in EventName.objects.for_account(account)}
    assert names["order.placed"] == {"Total": "number", "Paid": "boolean", "City": "text", "Shipped": "text"}
    assert names.keys() == {"order.placed", "order.paid"}


def test_a_workbook_is_read_too(account: Account, bob: User) -> None:
    at = datetime(2026, 3, 4, 5, 6)  # noqa: DTZ001 — a workbook knows no zones
    data = make_workbook([["email", "at", "total"], ["dana@mail.example", at, 7]])
    assert bring_in(account, bob, data, name="orders.xlsx") == Counts(new=1)
    assert (kept(account)[0].at, kept(account)[0].properties) == (
        datetime(2026, 3, 4, 5, 6, tzinfo=UTC),
        {"total": 7},
    )


def test_rows_that_cannot_be_taken_are_kept_with_their_reasons(account: Account, bob: User) -> None:
    make_contact(account, "rita@mail.example", state=ContactState.RESTRICTED)
    data = (
        b"email,event,time,id,total\n"
        b"dana@mail.example,,2026-03-04,1,5\n"
        b"nobody@mail.example,,2026-03-04,2,5\n"
        b"rita@mail.example,,2026-03-04,3,5\n"
        b"no address,,2026-03-04,4,5\n"
        b"dana@mail.example,message.opened,2026-03-04,5,5\n"
        b"dana@mail.example,,2020-03-04,6,5\n"
        b"dana@mail.example,,,7,5\n"
        b"dana@mail.example,,soon,8,5\n"
        b"dana@mail.example,,2026-03-04,9,much\n"
        b"erik@mail.example,,2026-03-04,1,6\n"
    )
    row = upload(account, bob, data)
    mapping = ["email", "event", "time", "id", "property:number"]
    expected = Counts(new=1, duplicate=1, invalid=8)
    assert check(row, bob, mapping=mapping) == expected
    assert run(row, bob) == expected
    assert {reason.code: reason.row for reason in list_reject_reasons(row)} == {
        "unknown_contact": 3,
        "restricted": 4,
        "space": 5,
        "reserved_name": 6,
        "too_old": 7,
        "no_time": 8,
        "bad_time": 9,
        "bad_number": 10,
    }
    lines = "".join(export_rejects(row)).splitlines()
    assert len(lines) == 9
    assert lines[1].startswith("nobody@mail.example,,2026-03-04,2,5,3,")


def test_the_same_file_again_makes_no_second_copy(account: Account, bob: User) -> None:
    data = b"email,time\n" + b"dana@mail.example,2026-03-04\n" * 3
    assert bring_in(account, bob, data) == Counts(new=3), "rows that look alike are events of their own"
    assert bring_in(account, bob, data) == Counts(duplicate=3)
    assert bring_in(account, bob, data + b"dana@mail.example,2026-03-05\n") == Counts(new=4), "another file"


def test_contacts_are_made_where_the_member_wants_it(account: Account, bob: User) -> None:
    data = b"email,id\nNew@mail.example,1\nnew@mail.example,2\ndana@mail.example,3\n"
    row = upload(account, bob, data)
    assert check(row, bob, CREATE) == Counts(new=3)
    assert run(row, bob) == Counts(new=3)
    contact = Contact.objects.for_account(account).get(email_key="new@mail.example")
    assert (contact.email, contact.source_kind, contact.source_id, contact.source_label) == (
        "New@mail.example",
        "import",
        row.public_id,
        "orders.csv",
    )
    assert not Event.objects.for_account(account).filter(kind="contact.created").exists()


class Killed(BaseException):
    """The process is gone: nothing after this runs."""


def killer(after: int, real: Callable[..., None] | None = None) -> Callable[..., None]:
    calls = iter(range(1, 1_000))

    def call(*arguments: object) -> None:
        if next(calls) == after:
            raise Killed
        if real is not None:
            real(*arguments)

    return call


def test_a_killed_import_goes_on_without_a_second_copy(
    account: Account, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed behind a block's commit (`report`) and before it, when its rows are written already (`advance`)."""
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 10)
    lines = [f"p{number % 30}@mail.example,o-{number % 80}" for number in range(95)] + ["bad,x"] * 5
    row = upload(account, bob, ("email,id\n" + "\n".join(lines)).encode())
    assert check(row, bob, CREATE) == Counts(new=80, duplicate=15, invalid=5)
    start_event_import(row, by=bob, now=NOW)
    for place, done in (("report", 3), ("advance", 1), ("advance", 2), ("report", 1)):
        with monkeypatch.context() as patch:
            real = running.advance if place == "advance" else None
            patch.setattr(running, place, killer(done, real))
            with pytest.raises(Killed):
                run_event_import(reload(row), now=NOW)
    run_event_import(reload(row), now=NOW)
    row.refresh_from_db()
    assert row.state == "finished"
    assert Counts.from_json(row.counts["imported"]) == Counts(new=80, duplicate=15, invalid=5)
    assert len(kept(account)) == 80
    BackgroundWork.objects.for_account(account).update(state="running")
    run_event_import(reload(row), now=NOW)
    assert len(kept(account)) == 80, "a finished import does not run twice"


def test_canceling_keeps_what_came_in(account: Account, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 10)
    row = upload(account, bob, b"email\n" + b"dana@mail.example\n" * 50)
    check(row, bob)
    start_event_import(row, by=bob, now=NOW)
    real = running.report

    def report_and_cancel(*arguments: object) -> None:
        cancel_import(reload(row), by=bob, now=NOW)
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "report", report_and_cancel)
    run_event_import(reload(row), now=NOW)
    row.refresh_from_db()
    assert row.state == "canceled"
    assert len(kept(account)) == 10


@pytest.mark.parametrize(
    ("header", "mapping", "options", "code"),
    [
        ("email", [""], ORDERS, "no_email"),
        ("email", ["email"], EventOptions(), "no_event"),
        ("email", ["email"], EventOptions(event="message.opened"), "bad_event"),
        ("email", ["email", "id"], ORDERS, "mapping"),
        ("email", ["nonsense"], ORDERS, "mapping"),
        ("email,b", ["email", "email"], ORDERS, "twice"),
        ("email,b,b", ["email", "property:text", "property:text"], ORDERS, "twice"),
        (
            "email," + ",".join(f"c{n}" for n in range(51)),
            ["email"] + ["property:text"] * 51,
            ORDERS,
            "too_many_properties",
        ),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(
    account: Account, bob: User, header: str, mapping: list[str], options: EventOptions, code: str
) -> None:
    width = header.count(",") + 1
    row = upload(account, bob, (header + "\n" + ",".join(["dana@mail.example"] * width) + "\n").encode())
    with pytest.raises(ImportProblem) as caught:
        start_event_check(row, mapping, options, by=bob, now=NOW)
    assert caught.value.code == code


def test_an_import_starts_from_a_dry_run(account: Account, bob: User) -> None:
    row = upload(account, bob, b"email\ndana@mail.example\n")
    with pytest.raises(ImportProblem):
        start_event_import(row, by=bob, now=NOW)


def test_columns_are_guessed_from_headers_and_samples() -> None:
    columns = ["E-mail", "Событие", "Дата", "Order number", "Created at", "Total", "Note", "Empty"]
    samples = [["a@b.example", "x", "2026-03-04", "7", "2026-03-04 10:00", "5.5", "text", ""]]
    assert guess_targets(columns, samples) == [
        "email",
        "event",
        "time",
        "id",
        "property:time",
        "property:number",
        "property:text",
        "",
    ]
    assert guess_targets(["who", "what"], [["a@b.example", "x"]])[0] == "email"


def test_imports_of_events_are_a_list_of_their_own_and_audited(
    account: Account, bob: User, other_account: Account
) -> None:
    bring_in(account, bob, b"email\ndana@mail.example\n")
    assert [row.file_name for row in list_event_imports(account.pk)] == ["orders.csv"]
    assert list_imports(account.pk) == list_event_imports(other_account.pk) == []
    actions = set(AuditEntry.objects.for_account(account).values_list("action", flat=True))
    assert {"events.uploaded", "events.import_started", "events.import_finished"} <= actions


def test_times_without_an_offset_are_in_the_account_s_zone(account: Account, bob: User) -> None:
    Account.objects.filter(pk=account.pk).update(timezone="Europe/Minsk")
    bring_in(account, bob, b"email,time\ndana@mail.example,2026-03-04 10:00\n")
    assert kept(account)[0].at == datetime(2026, 3, 4, 7, 0, tzinfo=UTC)
    assert kept(account)[0].at < NOW - timedelta(days=200)
