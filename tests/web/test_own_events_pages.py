from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from dynamail.accounts.models import Account, AuditEntry, User
from dynamail.accounts.roles import Role
from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.importing_events.running import check_event_import, run_event_import
from dynamail.contacts.models import Contact, ContactImport
from dynamail.contacts.own_events import NewOwnEvent, record_own_events
from dynamail.events.models import CustomEvent, EventName
from dynamail.lib.clock import utc_now
from tests.contacts.files import reload
from tests.support.people import make_contact
from tests.support.personas import make_member, make_user

LIST = "/contacts/events/"
NEW = "/contacts/events/imports/new/"
ORDERS = "email,time,id,total\ndana@mail.example,2026-03-04,1,5\nnobody@mail.example,2026-03-04,2,7\n"


@pytest.fixture(autouse=True)
def files_dir(settings: object, tmp_path: Path) -> None:
    settings.FILES_DIR = tmp_path / "files"  # type: ignore[attr-defined]


@pytest.fixture
def client(bob: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(bob)


@pytest.fixture
def viewer(account: Account, sign_in: Callable[[User], Client]) -> Client:
    user = make_user("vera@acme.example")
    make_member(account, user, Role.ANALYST)
    return sign_in(user)


@pytest.fixture
def dana(account: Account) -> Contact:
    return make_contact(account, name="Dana")


def record(account: Account, contact: Contact, name: str = "order.placed", **properties: object) -> EventName:
    with account_scope(account.pk):
        record_own_events(
            account.pk,
            [NewOwnEvent(name, contact_id=contact.id, properties=properties)],
            source_kind="api",
            by=None,
            now=utc_now(),
        )
    return EventName.objects.for_account(account).get(name=name)


def text_of(answer: object, status: int = 200) -> str:
    assert answer.status_code == status  # type: ignore[attr-defined]
    return answer.content.decode()  # type: ignore[attr-defined,no-any-return]


# ── The list and one event ───────────────────────────────────────────────────────────────────────────────────────────
def test_without_events_the_page_shows_how_to_send_one(client: Client, account: Account) -> None:
    page = text_of(client.get(LIST))
    assert "No events yet" in page
    assert "curl " in page
    assert "/api/v1/events" in page


def test_events_are_listed_with_their_count_and_properties(
    client: Client, account: Account, dana: Contact
) -> None:
    for total in (5, 7):
        record(account, dana, total=total, category="shoes")
    page = text_of(client.get(LIST))
    assert "order.placed" in page
    assert "category" in page
    assert '<td class="num">2</td>' in page


def test_an_event_shows_its_latest_and_takes_a_description(
    client: Client, account: Account, dana: Contact
) -> None:
    row = record(account, dana, note="<script>alert(1)</script>", total=7, items=[{"sku": "A"}])
    address = f"{LIST}{row.public_id}/"
    page = text_of(client.get(address))
    assert "Dana" in page
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert f"/segments/new/?event={row.public_id}" in page
    assert "order.placed" in text_of(client.get(f"/segments/new/?event={row.public_id}"))
    assert client.post(address, {"description": " Somebody  bought something "}).status_code == 302
    row.refresh_from_db()
    assert row.description == "Somebody bought something"
    assert AuditEntry.objects.for_account(account).filter(action="event_name.described").exists()
    assert text_of(client.post(address, {"description": "x" * 301}), 422)


def test_the_timeline_of_a_contact_shows_own_events_among_the_others(
    client: Client, account: Account, dana: Contact
) -> None:
    record(account, dana, total=49.9, category="shoes & more")
    page = text_of(client.get(f"/contacts/{dana.public_id}/"))
    assert "order.placed" in page
    assert "category: shoes &amp; more" in page


def test_who_only_looks_changes_nothing(viewer: Client, account: Account, dana: Contact) -> None:
    row = record(account, dana)
    assert "Import events" not in text_of(viewer.get(LIST))
    assert viewer.get(f"{LIST}{row.public_id}/").status_code == 200
    assert viewer.post(f"{LIST}{row.public_id}/", {"description": "x"}).status_code == 403
    assert viewer.get(NEW).status_code == 403


def test_another_account_s_event_is_not_there(
    account: Account, dana: Contact, charlie: User, other_account: Account, sign_in: Callable[[User], Client]
) -> None:
    row = record(account, dana)
    client = sign_in(charlie)
    for event_id in (row.public_id, "evn_x", "nonsense"):
        assert client.get(f"{LIST}{event_id}/").status_code == 404
    assert "No events yet" in text_of(client.get(LIST))


# ── A file ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def upload(client: Client, text: str = ORDERS, name: str = "orders.csv") -> str:
    answer = client.post(NEW, {"file": SimpleUploadedFile(name, text.encode())})
    assert answer.status_code == 302, answer.content
    return str(answer["location"]).removesuffix("columns/")


def the_import(account: Account) -> ContactImport:
    row = ContactImport.objects.for_account(account).get()
    return reload(row)


def test_a_file_goes_through_columns_and_a_dry_run_into_events(
    client: Client, account: Account, dana: Contact
) -> None:
    place = upload(client)
    page = text_of(client.get(f"{place}columns/"))
    assert "What is in each column?" in page
    chosen = {"column_0": "email", "column_1": "time", "column_2": "id", "column_3": "property:number"}
    answer = client.post(f"{place}columns/", chosen | {"event": "order.placed"})
    assert answer["location"] == place
    assert "Nothing is kept yet" in text_of(client.get(place))
    check_event_import(the_import(account), now=utc_now())
    page = text_of(client.get(place))
    assert "1 event would come in" in page
    assert "No contact of this account has it" in page
    assert not CustomEvent.objects.for_account(account).exists()
    assert client.post(f"{place}run/")["location"] == place
    run_event_import(the_import(account), now=utc_now())
    assert "1 event came in" in text_of(client.get(place))
    (event,) = CustomEvent.objects.for_account(account)
    assert event.properties == {"total": 5}
    rejected = b"".join(client.get(f"{place}rejected.csv").streaming_content).decode()  # type: ignore[attr-defined]
    assert "nobody@mail.example" in rejected
    assert "orders.csv" in text_of(client.get(NEW))


def test_a_mapping_without_a_name_is_refused_with_a_sentence(client: Client, account: Account) -> None:
    place = upload(client)
    chosen = {"column_0": "email", "column_1": "time", "column_2": "id", "column_3": ""}
    assert "names the event" in text_of(client.post(f"{place}columns/", chosen), 422)
    assert "belong to DynaMail" in text_of(
        client.post(f"{place}columns/", chosen | {"event": "message.x"}), 422
    )
    page = text_of(client.post(f"{place}preview/", {"column_0": "time"}))
    assert "is not a date" in page


def test_a_checked_import_can_go_back_to_its_columns(client: Client, account: Account) -> None:
    place = upload(client)
    client.post(f"{place}columns/", {"column_0": "email", "event": "visit"})
    assert client.post(f"{place}run/").status_code == 409, "it is not checked yet"
    check_event_import(the_import(account), now=utc_now())
    assert client.post(f"{place}reopen/")["location"] == f"{place}columns/"
    assert client.get(place)["location"] == f"{place}columns/"
    assert client.post(f"{place}cancel/")["location"] == NEW
    assert the_import(account).state == "canceled"


def test_an_upload_that_is_no_table_says_so(client: Client, account: Account) -> None:
    answer = client.post(NEW, {"file": SimpleUploadedFile("x.csv", b"\x89PNG\r\n\x1a\n" + bytes(99))})
    assert "not a table" in text_of(answer, 422)


def test_imports_of_contacts_are_none_of_events(client: Client, account: Account) -> None:
    place = upload(client)
    assert client.get(place.replace("/events/imports/", "/imports/")).status_code == 404
    assert "Import events" in text_of(client.get("/contacts/imports/"))
