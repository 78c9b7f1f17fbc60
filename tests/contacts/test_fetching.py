from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import asyncssh
import pytest
from django.db import connection

from dynamail.accounts.models import Account, AuditEntry, User
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.fetching.places import Place, Secret
from dynamail.contacts.fetching.problems import FetchProblem
from dynamail.contacts.fetching.refusing import list_refused
from dynamail.contacts.fetching.rounds import TOLD_AFTER, fetch_source, start_due_sources
from dynamail.contacts.fetching.sftp_files import find_fingerprint, read_private_key, visit_folder
from dynamail.contacts.fetching.sources import (
    SourceSettings,
    accept_new_key,
    change_source,
    create_source,
    list_imports_of,
    make_place,
    pause_source,
    resume_source,
)
from dynamail.contacts.fetching.taking import start_first_import
from dynamail.contacts.importing.running import check_import, run_import
from dynamail.contacts.importing.statement import Options
from dynamail.contacts.importing.steps import set_mapping, start_check
from dynamail.contacts.models import Attribute, ContactImport, ImportSource
from tests.contacts.files import contacts_of, make_workbook, reload
from tests.support.personas import NOW
from tests.support.sftp_server import SftpServer
from tests.support.web_server import Page, WebServer

LATER = NOW + timedelta(days=1)
FIRST = b"Email,Name,City\nann@shop.example,Ann,Minsk\nbob@shop.example,Bob,Brest\n"


@pytest.fixture
def web(settings: object) -> Iterator[WebServer]:
    with WebServer() as server:
        settings.EGRESS_ALLOWED = ((server.host, server.port),)  # type: ignore[attr-defined]
        server.pages["/people.csv"] = Page(FIRST, headers={"ETag": '"1"'})
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "served"
    (made / "export").mkdir(parents=True)
    return made


@pytest.fixture
def sftp(folder: Path, settings: object) -> Iterator[SftpServer]:
    with SftpServer(folder, password="open sesame") as server:
        settings.EGRESS_ALLOWED = ((server.host, server.port),)  # type: ignore[attr-defined]
        yield server


def add_web(account: Account, user: User, web: WebServer, **values: object) -> ImportSource:
    entered = SourceSettings("Shop", "url", web.url("/people.csv"), every_hours=6, **values)  # type: ignore[arg-type]
    return create_source(account.pk, entered, by=user, now=NOW)


def add_sftp(account: Account, user: User, sftp: SftpServer, **values: object) -> ImportSource:
    """A source whose server's key was shown and confirmed."""
    source = add_unconfirmed(account, user, sftp, **values)
    confirm(source, user)
    return source


def confirm(source: ImportSource, user: User) -> None:
    assert fetch(source, first=True) == []
    assert source.problem == ""
    assert accept_new_key(source, source.shown_key, by=user)
    source.refresh_from_db()


def add_unconfirmed(account: Account, user: User, sftp: SftpServer, **values: object) -> ImportSource:
    secret = values.pop("secret", Secret(password="open sesame"))
    entered = SourceSettings("Shop", "sftp", sftp.address, "/export/*.csv", sftp.username, secret)  # type: ignore[arg-type]
    return create_source(account.pk, entered, by=user, now=NOW)


def put(folder: Path, name: str, content: bytes, *, minute: int = 0) -> None:
    path = folder / "export" / name
    path.write_bytes(content)
    moment = NOW.timestamp() + 60 * minute
    os.utime(path, (moment, moment))


def fetch(source: ImportSource, *, first: bool = False) -> list[ContactImport]:
    """Fetch and run what came of it; the source is read anew before and after."""
    source.refresh_from_db()
    rows = fetch_source(source, now=LATER, first=first)
    for row in rows:
        if row.state == ContactImport.State.RUNNING:
            run_import(reload(row), now=LATER)
            row.refresh_from_db()
    source.refresh_from_db()
    return rows


def set_up(source: ImportSource, user: User, options: Options | None = None) -> ContactImport:
    """The first file, mapped and imported as a member does it."""
    (row,) = fetch(source, first=True)
    assert row.state == ContactImport.State.UPLOADED
    set_mapping(row, row.mapping, by=user, now=NOW)
    start_check(row, options or Options(), by=user, now=NOW)
    check_import(reload(row), now=NOW)
    row = ContactImport.objects.for_account(row.account_id).select_related("import_source").get(pk=row.pk)
    start_first_import(row, by=user, now=NOW)
    run_import(reload(row), now=NOW)
    source.refresh_from_db()
    return row


def test_a_web_file_is_imported_on_schedule_as_the_first_one_was(
    account: Account, bob: User, web: WebServer
) -> None:
    source = add_web(account, bob, web)
    assert not source.is_enabled
    row = set_up(source, bob, Options(tags=("shop",)))
    assert (row.file_name, row.import_source_id) == ("people.csv", source.pk)
    assert source.is_enabled
    assert source.next_run_at == NOW + timedelta(hours=6)
    assert len(contacts_of(account)) == 2

    # Columns in another order, and one more.
    web.pages["/people.csv"] = Page(
        b"CITY;Phone;e-mail;Name\nGomel;1;cat@shop.example;Cat\n".replace(b"e-mail", b"Email"),
        headers={"ETag": '"2"'},
    )
    (second,) = fetch(source)
    assert second.state == ContactImport.State.FINISHED
    cat = contacts_of(account)["cat@shop.example"]
    city = Attribute.objects.for_account(account).get(label="City")
    assert (cat.name, cat.attributes) == ("Cat", {str(city.number): "Gomel"})
    assert cat.tags == contacts_of(account)["ann@shop.example"].tags != []
    assert [one.pk for one in list_imports_of(source)] == [second.pk, row.pk]
    assert source.last_import_id == second.pk


def test_an_unchanged_web_file_is_not_imported_again(account: Account, bob: User, web: WebServer) -> None:
    source = add_web(account, bob, web)
    set_up(source, bob)
    assert fetch(source) == []
    assert web.requests[-1].headers["if-none-match"] == '"1"'
    web.pages["/people.csv"] = Page(FIRST)  # no longer tells its version: the content is compared
    assert fetch(source) == []
    assert (source.problem, source.failures) == ("", 0)
    assert ContactImport.objects.for_account(account).count() == 1


@pytest.mark.parametrize(("username", "sent"), [("shop", "Basic c2hvcDpzM2NyZXQ="), ("", "Bearer s3cret")])
def test_secrets_are_sealed_and_sent_only_to_the_server(
    account: Account, bob: User, web: WebServer, username: str, sent: str
) -> None:
    source = add_web(account, bob, web, username=username, secret=Secret(password="s3cret"))
    set_up(source, bob)
    assert web.requests[0].headers["authorization"] == sent
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(s)::text, encode(secret_sealed, 'escape') FROM import_source s")
        assert "s3cret" not in "".join(cursor.fetchone())
        cursor.execute("SELECT string_agg(data::text, '') FROM audit_entry")
        assert "s3cret" not in cursor.fetchone()[0]
    assert "s3cret" not in repr(Place("url", "x", secret=Secret("s3cret", "s3cret")))


def test_a_file_with_other_columns_is_refused_whole(account: Account, bob: User, web: WebServer) -> None:
    source = add_web(account, bob, web)
    set_up(source, bob)
    web.pages["/people.csv"] = Page(b"Email,Town\ncat@shop.example,Gomel\n")
    assert fetch(source) == []
    assert source.problem == "people.csv: The file has no column named “Name”, “City”. Nothing was imported."
    assert ContactImport.objects.for_account(account).count() == 1
    assert len(contacts_of(account)) == 2
    web.pages["/people.csv"] = Page(b"Email,Name,City,city\ncat@shop.example,Cat,Gomel,Minsk\n")
    assert fetch(source) == []
    assert "several columns named “City”" in source.problem
    web.pages["/people.csv"] = Page(b"<html><body>Please sign in</body></html>")
    assert fetch(source) == []
    assert "not a table" in source.problem
    web.pages["/people.csv"] = Page(b"Email,Name,City\ncat@shop.example,Cat,Gomel\n")
    assert len(fetch(source)) == 1
    assert (source.problem, source.failures) == ("", 0)


def test_an_attribute_that_is_gone_stops_the_source(account: Account, bob: User, web: WebServer) -> None:
    source = add_web(account, bob, web)
    create_attribute(account.pk, label="City", by=bob, now=NOW)
    set_up(source, bob)
    Attribute.objects.for_account(account).delete()
    web.pages["/people.csv"] = Page(b"Email,Name,City\ncat@shop.example,Cat,Gomel\n")
    assert fetch(source) == []
    assert "mapping does not fit" in source.problem


def test_the_third_failure_in_a_row_is_told_and_pauses_grow(
    account: Account, bob: User, web: WebServer
) -> None:
    source = add_web(account, bob, web)
    set_up(source, bob)
    web.pages["/people.csv"] = Page(status=503)
    told = AuditEntry.objects.for_account(account).filter(action="import_source.failing")
    pauses = []
    for _ in range(TOLD_AFTER + 4):
        assert fetch(source) == []
        pauses.append(source.next_run_at - LATER)
        assert told.count() == (1 if source.failures >= TOLD_AFTER else 0)
    assert pauses[:3] == [timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4)]
    assert max(pauses) == timedelta(days=7)
    assert source.problem == "The server answered with 503 instead of a file."


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1/x", "inside a private network"),
        ("http://169.254.169.254/latest/meta-data/", "inside a private network"),
        ("http://192.168.0.1:22/", "inside a private network"),
        ("http://93.184.215.14:25/", "not open to fetching"),
        ("ftp://files.example/x", "no web address"),
        ("http://user:pass@files.example/x", "no web address"),
    ],
)
def test_no_address_leads_inside(account: Account, bob: User, web: WebServer, url: str, words: str) -> None:
    source = create_source(account.pk, SourceSettings("Inside", "url", url), by=bob, now=NOW)
    assert fetch(source, first=True) == []
    assert words in source.problem
    assert web.requests == []


def test_what_the_server_says_is_told_in_words(account: Account, bob: User, web: WebServer) -> None:
    source = add_web(account, bob, web)
    for status, words in (
        (401, "refuses access"),
        (404, "no file at this address"),
        (500, "answered with 500"),
    ):
        web.pages["/people.csv"] = Page(status=status)
        fetch(source, first=True)
        assert words in source.problem


def test_due_sources_are_started_once(account: Account, bob: User, web: WebServer) -> None:
    source = add_web(account, bob, web)
    assert start_due_sources(now=LATER) == 0, "nothing is due before the first file was mapped"
    set_up(source, bob)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE status = 'todo'")
    assert start_due_sources(now=NOW + timedelta(hours=5)) == 0
    assert start_due_sources(now=LATER) == 1
    assert start_due_sources(now=LATER) == 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args FROM procrastinate_jobs WHERE task_name = 'contacts.fetch_source' AND status = 'todo'"
        )
        ((arguments,),) = cursor.fetchall()
    assert '"first": false' in str(arguments).replace("'", '"').replace("False", "false")
    source.refresh_from_db()
    assert source.next_run_at == LATER + timedelta(hours=6)
    pause_source(source, by=bob)
    assert start_due_sources(now=LATER + timedelta(days=9)) == 0
    assert resume_source(source, by=bob, now=LATER)
    assert start_due_sources(now=LATER) == 1


def test_each_file_of_a_folder_comes_once_the_oldest_first(
    account: Account, bob: User, sftp: SftpServer, folder: Path
) -> None:
    put(folder, "b.csv", b"Email,Name\nann@shop.example,Ann\n", minute=0)
    put(folder, "a.csv", b"Email,Name\nann@shop.example,Anna\nbob@shop.example,Bob\n", minute=1)
    put(folder, "notes.txt", b"not meant")
    (folder / "export" / "more.csv").mkdir()
    os.symlink("/etc/passwd", folder / "export" / "link.csv")
    source = add_sftp(account, bob, sftp)
    first = set_up(source, bob)
    assert first.file_name == "b.csv"
    assert source.host_key.startswith("ssh-ed25519 ")
    assert find_fingerprint(source.host_key).startswith("SHA256:")
    assert [row.file_name for row in fetch(source)] == ["a.csv"]
    assert contacts_of(account)["ann@shop.example"].name == "Anna"
    assert fetch(source) == []
    put(folder, "b.csv", b"Email,Name\ncat@shop.example,Cat\n", minute=2)
    put(folder, "c.csv", b"Email,Name\ncat@shop.example,Catherine\n", minute=3)
    assert [row.file_name for row in fetch(source)] == ["b.csv", "c.csv"]
    assert contacts_of(account)["cat@shop.example"].name == "Catherine"
    (folder / "export" / "a.csv").unlink()
    put(folder, "d.csv", b"Email,Name\ndan@shop.example,Dan\n", minute=4)
    fetch(source)
    assert set(source.seen["files"]) == {"b.csv", "c.csv", "d.csv"}, "what is gone is forgotten"


def test_a_file_that_cannot_be_taken_stops_no_other(
    account: Account, bob: User, sftp: SftpServer, folder: Path
) -> None:
    put(folder, "a.csv", FIRST)
    source = add_sftp(account, bob, sftp)
    set_up(source, bob)
    put(folder, "b.csv", b"Email,Town\ncat@shop.example,Gomel\n", minute=1)
    put(folder, "c.csv", b"<html><body>Please sign in</body></html>", minute=2)
    put(folder, "d.csv", b"Email,Name,City\ndan@shop.example,Dan,Gomel\n", minute=3)
    assert [row.file_name for row in fetch(source)] == ["d.csv"]
    assert (source.problem, source.failures) == ("", 0)
    refused = {one.name: one.reason for one in list_refused(source)}
    assert set(refused) == {"b.csv", "c.csv"}
    assert refused["b.csv"].startswith("b.csv: The file has no column named “Name”, “City”.")
    assert "not a table" in refused["c.csv"]
    told = AuditEntry.objects.for_account(account).filter(action="import_source.file_refused")
    assert [entry.data["file"] for entry in told.order_by("pk")] == ["b.csv", "c.csv"]

    assert fetch(source) == [], "as it is, none is tried again"
    assert (len(list_refused(source)), told.count()) == (2, 2)
    put(folder, "b.csv", b"Email,Name,City\ncat@shop.example,Cat,Gomel\n", minute=4)
    assert [row.file_name for row in fetch(source)] == ["b.csv"]
    assert [one.name for one in list_refused(source)] == ["c.csv"]
    (folder / "export" / "c.csv").unlink()
    assert fetch(source) == []
    assert list_refused(source) == []
    assert set(contacts_of(account)) == {f"{name}@shop.example" for name in ("ann", "bob", "cat", "dan")}


def test_a_file_too_large_or_not_to_be_read_stops_no_other(
    account: Account, bob: User, sftp: SftpServer, folder: Path, settings: object
) -> None:
    put(folder, "a.csv", FIRST)
    source = add_sftp(account, bob, sftp)
    set_up(source, bob)
    settings.IMPORT_MAX_BYTES = 1_000  # type: ignore[attr-defined]
    put(folder, "b.csv", FIRST + b"x@shop.example,X,Y\n" * 100, minute=1)
    put(folder, "c.csv", FIRST, minute=2)
    put(folder, "d.csv", b"Email,Name,City\ndan@shop.example,Dan,Gomel\n", minute=3)
    sftp.locked.add("/export/c.csv")
    assert [row.file_name for row in fetch(source)] == ["d.csv"]
    refused = {one.name: one.code for one in list_refused(source)}
    assert refused == {"b.csv": "too_large", "c.csv": "unreadable"}
    sftp.locked.clear()
    assert [row.file_name for row in fetch(source)] == ["c.csv"], "other rights change neither size nor time"
    assert [one.name for one in list_refused(source)] == ["b.csv"]


def test_files_with_other_columns_come_again_with_another_mapping(
    account: Account, bob: User, sftp: SftpServer, folder: Path
) -> None:
    put(folder, "a.csv", FIRST)
    source = add_sftp(account, bob, sftp)
    set_up(source, bob)
    put(folder, "b.csv", b"Email,Full name\ncat@shop.example,Cat\n", minute=1)
    put(folder, "c.csv", b"Email,Full name\ndan@shop.example,Dan\n", minute=2)
    assert fetch(source) == []
    row = set_up(source, bob)
    assert row.file_name == "b.csv", "the one to map is one that was refused for its columns"
    assert [one.file_name for one in fetch(source)] == ["c.csv"], "and not what was taken before"
    assert list_refused(source) == []


def test_a_first_file_that_is_no_table_is_passed_over_when_asked_again(
    account: Account, bob: User, sftp: SftpServer, folder: Path
) -> None:
    put(folder, "a.csv", b"<html><body>Please sign in</body></html>")
    put(folder, "b.csv", FIRST, minute=1)
    source = add_sftp(account, bob, sftp)
    assert fetch(source, first=True) == []
    assert source.problem.startswith("a.csv: This is not a table")
    assert set_up(source, bob).file_name == "b.csv"
    assert source.problem == ""


def test_an_attribute_that_is_gone_stops_a_folder_until_it_is_mended(
    account: Account, bob: User, sftp: SftpServer, folder: Path
) -> None:
    """No file is to blame: none is refused, and all come when the mapping fits again."""
    put(folder, "a.csv", FIRST)
    source = add_sftp(account, bob, sftp)
    create_attribute(account.pk, label="City", by=bob, now=NOW)
    set_up(source, bob)
    city = Attribute.objects.for_account(account).get()
    Attribute.objects.for_account(account).delete()
    put(folder, "b.csv", FIRST, minute=1)
    assert fetch(source) == []
    assert "mapping does not fit" in source.problem
    assert list_refused(source) == []
    city.save(force_insert=True)
    assert [row.file_name for row in fetch(source)] == ["b.csv"]


def test_before_its_key_is_confirmed_a_server_is_asked_for_nothing_else(
    account: Account, bob: User, sftp: SftpServer, folder: Path
) -> None:
    put(folder, "a.csv", FIRST)
    source = add_unconfirmed(account, bob, sftp)
    for first in (True, False):
        assert fetch(source, first=first) == []
    assert (sftp.connections, sftp.users, sftp.logins) == (2, [], [])
    assert (source.host_key, source.problem, source.failures) == ("", "", 0)
    assert source.shown_key.startswith("ssh-ed25519 ")
    assert find_fingerprint(source.shown_key).startswith("SHA256:")
    with pytest.raises(ValueError, match="not confirmed"):
        visit_folder(make_place(source), {}, folder)

    shown = source.shown_key
    sftp.rekey()
    fetch(source, first=True)
    assert not accept_new_key(source, shown, by=bob), "another one is shown since"
    assert not accept_new_key(source, "", by=bob)
    source.refresh_from_db()
    assert (source.host_key, sftp.users) == ("", [])
    assert accept_new_key(source, source.shown_key, by=bob)
    set_up(source, bob)
    assert (source.shown_key, sftp.logins) == ("", ["open sesame"])
    assert len(contacts_of(account)) == 2


@pytest.mark.parametrize("algorithm", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_a_server_with_another_key_gets_no_password(
    account: Account, bob: User, sftp: SftpServer, folder: Path, algorithm: str
) -> None:
    put(folder, "a.csv", FIRST)
    source = add_sftp(account, bob, sftp)
    set_up(source, bob)
    pinned, users = source.host_key, len(sftp.users)
    sftp.rekey(algorithm)
    put(folder, "b.csv", FIRST, minute=1)
    assert fetch(source) == []
    assert "another key than before" in source.problem
    assert source.host_key == pinned
    assert source.shown_key.startswith(algorithm)
    assert len(sftp.users) == users
    assert accept_new_key(source, source.shown_key, by=bob)
    assert len(fetch(source)) == 1
    assert source.host_key.startswith(algorithm)
    assert source.host_key != pinned
    told = AuditEntry.objects.for_account(account).filter(action="import_source.key_accepted")
    assert [entry.data["was_known"] for entry in told.order_by("pk")] == [False, True]


def test_a_server_with_its_old_key_again_is_trusted_as_before(
    account: Account, bob: User, sftp: SftpServer, folder: Path
) -> None:
    put(folder, "a.csv", FIRST)
    source = add_sftp(account, bob, sftp)
    set_up(source, bob)
    put(folder, "b.csv", FIRST, minute=1)
    kept = sftp.keys
    sftp.rekey()
    fetch(source)
    assert source.shown_key
    sftp.show_keys(kept)
    assert len(fetch(source)) == 1
    assert (source.shown_key, source.problem) == ("", "")


def test_the_long_key_of_an_rsa_server_is_kept_whole(
    account: Account, bob: User, sftp: SftpServer, folder: Path
) -> None:
    put(folder, "a.csv", FIRST)
    sftp.show_keys([asyncssh.generate_private_key("ssh-rsa", key_size=4096)])
    source = add_sftp(account, bob, sftp)
    set_up(source, bob)
    assert len(source.host_key) > 700


def test_a_private_key_opens_a_folder(account: Account, bob: User, folder: Path, settings: object) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    put(folder, "a.csv", FIRST)
    with SftpServer(folder, public_key=key.export_public_key().decode()) as server:
        settings.EGRESS_ALLOWED = ((server.host, server.port),)  # type: ignore[attr-defined]
        source = add_sftp(account, bob, server, secret=Secret(private_key=key.export_private_key().decode()))
        set_up(source, bob)
        assert len(contacts_of(account)) == 2
        wrong = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
        change_source(
            source,
            SourceSettings(
                "Shop", "sftp", server.address, "/export/", server.username, Secret(private_key=wrong)
            ),
            by=bob,
            now=NOW,
        )
        fetch(source)
        assert "refuses access" in source.problem
    for text in ("", "ssh-ed25519 AAAA", key.export_private_key("pkcs8-pem", passphrase="x").decode()):
        with pytest.raises(FetchProblem, match="private key"):
            read_private_key(text)
    read_private_key(key.export_private_key().decode())


def test_what_goes_wrong_at_an_sftp_server_is_told_in_words(
    account: Account, bob: User, sftp: SftpServer, folder: Path
) -> None:
    source = add_sftp(account, bob, sftp)
    fetch(source, first=True)
    assert source.problem == "There is no file to begin with."

    def change(**values: object) -> str:
        entered = SourceSettings("Shop", "sftp", **values)  # type: ignore[arg-type]
        change_source(source, entered, by=bob, now=NOW)
        fetch(source, first=True)
        return source.problem

    known = {"address": sftp.address, "username": "shop"}
    assert "no folder /missing" in change(**known, path="/missing/*.csv")
    assert "refuses access" in change(**known, path="/export/", secret=Secret(password="wrong"))
    assert "inside a private network" in change(address="127.0.0.1:1", username="shop")
    assert "not open to fetching" in change(address="93.184.215.14:25", username="shop")


def test_a_workbook_in_a_folder_is_taken_too(
    account: Account, bob: User, sftp: SftpServer, folder: Path
) -> None:
    put(folder, "people.xlsx", make_workbook([["Email", "Name"], ["ann@shop.example", "Ann"]]))
    entered = SourceSettings("Shop", "sftp", sftp.address, "/export/", "shop", Secret(password="open sesame"))
    source = create_source(account.pk, entered, by=bob, now=NOW)
    confirm(source, bob)
    set_up(source, bob)
    assert contacts_of(account)["ann@shop.example"].name == "Ann"


def test_a_change_of_server_forgets_key_and_files(
    account: Account, bob: User, sftp: SftpServer, folder: Path
) -> None:
    put(folder, "a.csv", FIRST)
    source = add_sftp(account, bob, sftp)
    set_up(source, bob)
    same = SourceSettings("Renamed", "sftp", sftp.address, "/export/*.csv", "shop", every_hours=1)
    change_source(source, same, by=bob, now=NOW)
    assert source.host_key
    change_source(source, SourceSettings("Renamed", "sftp", "other.example", "/", "shop"), by=bob, now=NOW)
    assert (source.host_key, source.seen) == ("", {})


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("sftp.example", "sftp.example", 22),
        ("sftp.example:2222", "sftp.example", 2222),
        ("[::1]:22", "::1", 22),
    ],
)
def test_addresses_of_servers_are_read(address: str, host: str, port: int) -> None:
    place = Place("sftp", address)
    assert (place.host, place.port) == (host, port)


def test_patterns_name_files() -> None:
    assert Place("sftp", "x", "/export/").folder == "/export"
    assert Place("sftp", "x", "").folder == "."
    assert Place("sftp", "x", "/export/").matches("People.XLSX")
    assert not Place("sftp", "x", "/export/").matches("people.zip")
    assert Place("sftp", "x", "/export/people-*.csv, *.xlsx").matches("people-1.CSV")
    assert not Place("sftp", "x", "/export/people-*.csv").matches("orders-1.csv")


def test_another_account_sees_no_source(
    account: Account, bob: User, other_account: Account, web: WebServer
) -> None:
    add_web(account, bob, web)
    assert not ImportSource.objects.for_account(other_account).exists()
