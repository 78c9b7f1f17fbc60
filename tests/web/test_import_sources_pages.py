from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, AuditEntry, User
from dynamail.accounts.roles import Role
from dynamail.consent.models import ConsentRecord, Topic
from dynamail.contacts.editing import Profile, add_contact
from dynamail.contacts.fetching.rounds import fetch_source
from dynamail.contacts.importing.running import check_import, run_import
from dynamail.contacts.models import Contact, ContactImport, ImportSource
from tests.contacts.files import reload
from tests.support.personas import NOW, make_member, make_user
from tests.support.sftp_server import SftpServer
from tests.support.web_server import Page, WebServer

SignIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def files_dir(settings: object, tmp_path: Path) -> Path:
    settings.FILES_DIR = tmp_path / "files"  # type: ignore[attr-defined]
    return tmp_path / "files"


@pytest.fixture
def topic(account: Account) -> Topic:
    return Topic.objects.add(account, name="Product news")


@pytest.fixture
def web(settings: object) -> Iterator[WebServer]:
    with WebServer() as server:
        settings.EGRESS_ALLOWED = ((server.host, server.port),)  # type: ignore[attr-defined]
        server.pages["/people.csv"] = Page(b"Email,Name\nann@shop.example,Ann\ninfo@shop.example,Desk\n")
        yield server


def the_source(account: Account) -> ImportSource:
    return ImportSource.objects.for_account(account).select_related("created_by").get()


def page_of(client: Client, source: ImportSource) -> str:
    return client.get(reverse("import_source", args=[source.public_id])).content.decode()


def act(client: Client, source: ImportSource, action: str, **data: str) -> object:
    return client.post(reverse("import_source_action", args=[source.public_id, action]), data)


def test_a_source_is_set_up_from_address_to_schedule(
    account: Account, bob: User, topic: Topic, web: WebServer, sign_in: SignIn
) -> None:
    client = sign_in(bob)
    assert "No sources yet" in client.get(reverse("import_sources")).content.decode()
    typed = {"name": "Shop", "url": web.url("/people.csv"), "every_hours": "6"}
    response = client.post(reverse("import_source_new"), typed)
    source = the_source(account)
    shown = reverse("import_source", args=[source.public_id])
    assert response.url == shown
    assert "Fetching the first file" in client.get(shown).content.decode()
    assert "HX-Refresh" not in client.get(shown, headers={"HX-Request": "true"}).headers
    fetch_source(source, now=NOW, first=True)
    assert client.get(shown, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    page = client.get(shown).content.decode()
    assert "A file waits for its columns" in page
    assert "people.csv" in page

    row = ContactImport.objects.for_account(account).get()
    client.post(
        reverse("contact_import_mapping", args=[row.public_id]), {"column_0": "email", "column_1": "name"}
    )
    stated = {"topic": topic.public_id, "text": "Order form", "merging": "file_wins", "tags": "shop"}
    client.post(reverse("contact_import_consent", args=[row.public_id]), stated)
    check_import(reload(row), now=NOW)
    result = client.get(reverse("contact_import", args=[row.public_id])).content.decode()
    assert "Later files of Shop follow by themselves" in result
    assert "Desk instead of a person" in result
    client.post(reverse("contact_import_start", args=[row.public_id]))
    run_import(reload(row), now=NOW)
    page = client.get(shown).content.decode()
    assert "Every 6 hours" in page
    assert "Product news" in page
    source = the_source(account)
    assert source.is_enabled

    web.pages["/people.csv"] = Page(b"Name,Email\nCat,cat@shop.example\n")
    (second,) = fetch_source(source, now=NOW)
    run_import(reload(second), now=NOW)
    assert Contact.objects.for_account(account).count() == 3
    assert ConsentRecord.objects.for_account(account).filter(text="Order form").count() == 3
    assert page_of(client, source).count("people.csv") >= 2
    assert "Shop" in client.get(reverse("contact_imports")).content.decode()

    act(client, source, "pause")
    assert not the_source(account).is_enabled
    assert "Paused" in page_of(client, source)
    act(client, source, "resume")
    assert the_source(account).is_enabled
    act(client, source, "run")
    act(client, source, "first")
    assert "Fetching the first file" in page_of(client, source)
    assert act(client, source, "unknown").status_code == 404  # type: ignore[attr-defined]
    act(client, source, "remove")
    assert not ImportSource.objects.for_account(account).exists()
    assert Contact.objects.for_account(account).count() == 3
    told = set(AuditEntry.objects.for_account(account).values_list("action", flat=True))
    assert {
        f"import_source.{verb}" for verb in ("added", "scheduled", "paused", "resumed", "removed")
    } <= told


def test_a_problem_is_told_on_the_page_and_in_the_list(
    account: Account, bob: User, web: WebServer, sign_in: SignIn
) -> None:
    client = sign_in(bob)
    client.post(
        reverse("import_source_new"), {"name": "Shop", "url": web.url("/gone.csv"), "every_hours": "24"}
    )
    for _ in range(3):
        fetch_source(the_source(account), now=NOW, first=True)
    source = the_source(account)
    page = page_of(client, source)
    assert "It failed 3 times in a row" in page
    assert "no file at this address" in page
    assert "no file at this address" in client.get(reverse("import_sources")).content.decode()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("shop.example/people.csv", "no web address"),
        ("ftp://shop.example/people.csv", "no web address"),
        ("https://xn--a/people.csv", "no web address"),
        ("https://ann:secret@shop.example/people.csv", "no web address"),
        ("http://shop.example/people.csv", "unprotected"),
    ],
)
def test_a_wrong_address_is_explained(
    account: Account, bob: User, sign_in: SignIn, url: str, words: str
) -> None:
    typed = {"name": "Shop", "url": url, "password": "s3cret", "every_hours": "24"}
    response = sign_in(bob).post(reverse("import_source_new"), typed)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not ImportSource.objects.for_account(account).exists()


def test_a_folder_is_described_and_its_secrets_never_shown(
    account: Account, bob: User, sign_in: SignIn, tmp_path: Path, settings: object
) -> None:
    client = sign_in(bob)
    new = reverse("import_source_new") + "?kind=sftp"
    typed = {
        "name": "CRM",
        "host": "127.0.0.1",
        "username": "shop",
        "folder": "/export/",
        "pattern": "*.csv",
        "every_hours": "24",
    }
    (tmp_path / "served" / "export").mkdir(parents=True)
    (tmp_path / "served" / "export" / "a.csv").write_bytes(b"Email\nann@shop.example\n")
    with SftpServer(tmp_path / "served", password="open sesame") as server:
        settings.EGRESS_ALLOWED = ((server.host, server.port),)  # type: ignore[attr-defined]
        typed["port"] = str(server.port)
        assert "password or a private key" in client.post(new, typed).content.decode()
        assert "no private key" in client.post(new, typed | {"private_key": "rubbish"}).content.decode()
        client.post(new, typed | {"password": "open sesame"})
        source = the_source(account)
        assert (source.address, source.path) == (server.address, "/export/*.csv")
        assert "Asking the server for its key" in page_of(client, source)
        fetch_source(source, now=NOW, first=True)
        page = page_of(client, source)
        assert "Is this the server&#x27;s key?" in page or "Is this the server's key?" in page
        assert "SHA256:" in page
        assert (server.users, server.logins) == ([], [])
        act(client, source, "trust", key="ssh-ed25519 AAAA")
        assert "another key since" in page_of(client, source)
        assert the_source(account).host_key == ""
        act(client, source, "trust", key=the_source(account).shown_key)
        assert "Fetching the first file" in page_of(client, source)
        fetch_source(the_source(account), now=NOW, first=True)
        page = page_of(client, source)
        assert "A file waits for its columns" in page
        assert "SHA256:" in page
        edit = reverse("import_source_edit", args=[source.public_id])
        form = client.get(edit).content.decode()
        assert "open sesame" not in page + form
        assert 'value="/export"' in form
        assert client.post(edit, typed | {"name": "Renamed"}).status_code == 302
        assert the_source(account).name == "Renamed"
        elsewhere = client.post(edit, typed | {"host": "evil.example"})
        assert "Enter the password again" in elsewhere.content.decode()
        assert the_source(account).address == server.address
        server.rekey()
        fetch_source(the_source(account), now=NOW)
        page = page_of(client, source)
        assert "The server shows another key" in page
        assert page.count("SHA256:") == 3, "what was known, beside what is shown, and among the facts"
        new_key = the_source(account).shown_key
        act(client, source, "trust", key=new_key)
        assert the_source(account).host_key == new_key


def test_refused_files_are_named_with_the_reason(account: Account, bob: User, sign_in: SignIn) -> None:
    client = sign_in(bob)
    entry = {
        "code": "columns",
        "reason": "<b>.csv: The file has no column named “City”.",
        "at": NOW.isoformat(),
    }
    source = ImportSource.objects.add(
        account,
        name="CRM",
        kind="sftp",
        address="sftp.shop.example",
        seen={"files": {"<b>.csv": [1, 1]}, "refused": {"<b>.csv": entry}},
    )
    page = page_of(client, source)
    assert "1 file is not imported" in page
    assert "&lt;b&gt;.csv: The file has no column named “City”." in page
    assert "1 file is not imported" in client.get(reverse("import_sources")).content.decode()


def test_only_editors_reach_sources(account: Account, sign_in: SignIn) -> None:
    analyst = make_user("dora@acme.example", name="Dora")
    make_member(account, analyst, Role.ANALYST)
    client = sign_in(analyst)
    assert client.get(reverse("import_sources")).status_code == 403
    assert "Sources" not in client.get(reverse("contact_imports")).content.decode()


def test_rows_with_a_finding_are_downloaded(account: Account, bob: User, sign_in: SignIn) -> None:
    client = sign_in(bob)
    data = b"email\nann@gmail.con\ninfo@shop.example\n"
    client.post(reverse("contact_import_new"), {"file": SimpleUploadedFile("people.csv", data)})
    row = ContactImport.objects.for_account(account).get()
    client.post(reverse("contact_import_mapping", args=[row.public_id]), {"column_0": "email"})
    consent = reverse("contact_import_consent", args=[row.public_id])
    assert 'value="no_mail_server"' in client.get(consent).content.decode()
    client.post(consent, {"topic": "none", "merging": "file_wins", "leave_out": ["typo", "no_mail_server"]})
    check_import(reload(row), now=NOW)
    page = client.get(reverse("contact_import", args=[row.public_id])).content.decode()
    assert "Left out" in page
    assert "Taken, marked" in page
    typos = client.get(reverse("contact_import_findings", args=[row.public_id, "typo"]))
    assert b"ann@gmail.com" in b"".join(typos)
    assert typos.headers["Content-Disposition"] == f'attachment; filename="typo-{row.public_id}.csv"'
    assert client.get(reverse("contact_import_findings", args=[row.public_id, "other"])).status_code == 404
    assert client.get(consent).content.decode().count(" checked") >= 3
    client.post(reverse("contact_import_start", args=[row.public_id]))
    run_import(reload(row), now=NOW)
    Contact.objects.for_account(account).filter(email_key="ann@gmail.con").delete()
    add_contact(account.pk, Profile("ann@shop.example"), by=bob, now=NOW)
    finished = client.get(reverse("contact_import", args=[row.public_id])).content.decode()
    (link,) = re.findall(r'href="(/contacts/\?import=[^"]+condition=[^"]+)"', finished)
    listed = client.get(unescape(link)).content.decode()
    assert "info@shop.example" in listed
    assert "ann@shop.example" not in listed
