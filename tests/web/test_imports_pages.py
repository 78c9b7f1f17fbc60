from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, User
from dynamail.accounts.roles import Role
from dynamail.consent.models import ConsentRecord, Topic
from dynamail.contacts.importing.running import check_import, run_import
from dynamail.contacts.models import Attribute, Contact, ContactImport, Tag
from tests.contacts.files import DATA, reload
from tests.support.personas import NOW, make_member, make_user

SignIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def files_dir(settings: object, tmp_path: Path) -> Path:
    settings.FILES_DIR = tmp_path / "files"  # type: ignore[attr-defined]
    return tmp_path / "files"


@pytest.fixture
def topic(account: Account) -> Topic:
    return Topic.objects.add(account, name="Product news")


def upload(client: Client, data: bytes, name: str = "people.csv") -> object:
    return client.post(reverse("contact_import_new"), {"file": SimpleUploadedFile(name, data)})


def newest(account: Account) -> ContactImport:
    return ContactImport.objects.for_account(account).latest("created_at")


def test_a_file_walks_through_the_wizard(account: Account, bob: User, topic: Topic, sign_in: SignIn) -> None:
    client = sign_in(bob)
    response = upload(client, (DATA / "contacts_cp1251.csv").read_bytes(), "клиенты.csv")
    row = newest(account)
    columns = reverse("contact_import_mapping", args=[row.public_id])
    assert response.url == columns
    page = client.get(columns).content.decode()
    assert "Windows-1251" in page
    assert "kupala0@yandex.by" in page
    mapping = {f"column_{place}": target for place, target in enumerate(row.mapping)}
    preview = client.post(
        reverse("contact_import_preview", args=[row.public_id]), mapping | {"column_0": "email"}
    )
    assert "The address has no @ sign." in preview.content.decode() or "space" in preview.content.decode()
    consent = reverse("contact_import_consent", args=[row.public_id])
    assert client.post(columns, mapping).url == consent
    refused = client.post(consent, {"topic": topic.public_id, "text": "", "merging": "file_wins"})
    assert refused.status_code == 422
    stated = {
        "topic": topic.public_id,
        "basis": "consent",
        "since": "2024-01-31",
        "text": "Order form",
        "merging": "file_wins",
    }
    result = reverse("contact_import", args=[row.public_id])
    assert client.post(consent, stated | {"tags": "старые клиенты"}).url == result
    assert "Checking every row" in client.get(result).content.decode()
    check_import(reload(row), now=NOW)
    page = client.get(result).content.decode()
    assert "These numbers are exact" in page
    assert not Contact.objects.for_account(account).exists()

    client.post(reverse("contact_import_start", args=[row.public_id]))
    assert Attribute.objects.for_account(account).filter(type="date", label="Дата рождения").exists()
    stale = client.get(f"{result}?state=checking", headers={"HX-Request": "true"})
    assert stale.headers["HX-Refresh"] == "true"
    part = client.get(f"{result}?state=running", headers={"HX-Request": "true"}).content.decode()
    assert "Importing" in part
    assert "<html" not in part
    run_import(reload(row), now=NOW)
    page = client.get(result).content.decode()
    assert "The import is done" in page
    people = Contact.objects.for_account(account).count()
    assert people > 4_500
    assert ConsentRecord.objects.for_account(account).filter(text="Order form").count() == people
    tag = Tag.objects.for_account(account).get(name="старые клиенты")
    assert Contact.objects.for_account(account).filter(tags__contains=[tag.pk]).count() == people
    rejected = client.get(reverse("contact_import_rejects", args=[row.public_id]))
    assert b"The address has no @ sign." in b"".join(rejected)
    assert "клиенты.csv" in client.get(reverse("contact_imports")).content.decode()


@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n\x00\x00", b"PK\x03\x04rest", b"email\n"]
)
def test_a_wrong_file_is_explained_where_it_was_chosen(
    account: Account, bob: User, sign_in: SignIn, data: bytes
) -> None:
    response = upload(sign_in(bob), data)
    assert response.status_code == 422
    assert "field-error" in response.content.decode()
    assert not ContactImport.objects.for_account(account).exists()


def test_a_mapping_without_address_is_explained(account: Account, bob: User, sign_in: SignIn) -> None:
    client = sign_in(bob)
    upload(client, b"Name,City\nAnn,Minsk\n")
    url = reverse("contact_import_mapping", args=[newest(account).public_id])
    assert "No column is the email address yet" in client.get(url).content.decode()
    response = client.post(url, {"column_0": "name", "column_1": ""})
    assert response.status_code == 422
    assert "Choose the column that holds the email address" in response.content.decode()


def test_a_wrong_guess_of_the_encoding_is_corrected(account: Account, bob: User, sign_in: SignIn) -> None:
    client = sign_in(bob)
    upload(client, "Имя;Почта\nАнна;anna@example.by\n".encode("cp1251"))
    row = newest(account)
    form = {"encoding": "koi8-r", "separator": ";", "has_header": "on"}
    client.post(reverse("contact_import_reading", args=[row.public_id]), form)
    row.refresh_from_db()
    assert row.encoding == "koi8-r"
    client.post(reverse("contact_import_reading", args=[row.public_id]), form | {"encoding": "cp1251"})
    row.refresh_from_db()
    assert row.columns == ["Имя", "Почта"]


def test_dropping_an_import_removes_its_file(
    account: Account, bob: User, sign_in: SignIn, files_dir: Path
) -> None:
    client = sign_in(bob)
    upload(client, b"email\nann@example.com\n")
    row = newest(account)
    client.post(reverse("contact_import_cancel", args=[row.public_id]))
    row.refresh_from_db()
    assert row.state == "canceled"
    assert not [path for path in files_dir.rglob("*") if path.is_file()]
    assert client.get(reverse("contact_import", args=[row.public_id])).status_code == 200


def test_a_fresh_account_is_offered_to_import_without_consent(
    account: Account, bob: User, sign_in: SignIn
) -> None:
    client = sign_in(bob)
    upload(client, b"email\nann@example.com\n")
    row = newest(account)
    client.post(reverse("contact_import_mapping", args=[row.public_id]), {"column_0": "email"})
    url = reverse("contact_import_consent", args=[row.public_id])
    assert client.get(url).status_code == 200
    assert client.post(url, {"topic": "none", "merging": "fill_empty"}).status_code == 302


@pytest.mark.promise("P5.2")
def test_a_stranger_sees_no_import(
    account: Account, bob: User, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    upload(sign_in(bob), b"email\nann@example.com\n")
    row, client = newest(account), sign_in(charlie)
    for name in ("", "_mapping", "_consent", "_rejects"):
        response = client.get(reverse(f"contact_import{name}", args=[row.public_id]))
        assert response.status_code == 404
    for name in ("_mapping", "_preview", "_reading", "_consent", "_start", "_cancel"):
        assert client.post(reverse(f"contact_import{name}", args=[row.public_id])).status_code == 404
    assert "people.csv" not in client.get(reverse("contact_imports")).content.decode()


def test_an_analyst_may_look_at_imports_only(account: Account, bob: User, sign_in: SignIn) -> None:
    upload(sign_in(bob), b"email\nann@example.com\n")
    analyst = make_user("dora@acme.example")
    make_member(account, analyst, Role.ANALYST)
    row, client = newest(account), sign_in(analyst)
    assert client.get(reverse("contact_imports")).status_code == 200
    assert client.get(reverse("contact_import", args=[row.public_id])).status_code == 200
    for name in ("_mapping", "_start", "_cancel"):
        assert client.post(reverse(f"contact_import{name}", args=[row.public_id])).status_code == 403
