from __future__ import annotations

import os
import stat
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dynamail.postgres import tools
from dynamail.postgres.backup import backup_database
from dynamail.postgres.binaries import Binaries, find_binaries
from dynamail.postgres.cluster import Cluster
from dynamail.postgres.connecting import split_password, with_database
from dynamail.postgres.errors import (
    BackupError,
    DatabaseInUse,
    DatabaseNotEmpty,
    FileExists,
    NotABackup,
    NothingToBackUp,
    NotReadable,
    RestoreError,
    ToolUnsuitable,
)
from dynamail.postgres.restore import restore_database
from dynamail.postgres.roles import OWNER, WEB, ensure_roles
from dynamail.postgres.tools import Server, find_tools, speaks_tls

from .conftest import as_login, make_database, query

SCHEMA = f"""
    CREATE TABLE contact (account_id bigint, id uuid, email text, PRIMARY KEY (account_id, id));
    INSERT INTO contact SELECT n % 2, gen_random_uuid(), 'Zoë-' || n FROM generate_series(1, 2000) n;
    ALTER TABLE contact ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY account ON contact USING (account_id = current_setting('dynamail.account_id')::bigint)
        WITH CHECK (account_id = current_setting('dynamail.account_id')::bigint);
    GRANT SELECT, INSERT ON contact TO {WEB};
    CREATE TABLE event (at date, id serial) PARTITION BY RANGE (at);
    CREATE TABLE event_2026 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    INSERT INTO event VALUES ('2026-05-01'), ('2026-06-01');
    CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS $$ SELECT n * 2 $$;
"""
COUNT = "SELECT (SELECT count(*) FROM contact), (SELECT count(*) FROM event_2026), twice(21)"


def fill(dsn: str) -> None:
    ensure_roles(dsn)
    query(as_owner(dsn), SCHEMA)


def as_owner(dsn: str) -> str:
    return make_conninfo(dsn, options=f"-c role={OWNER}")


def damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(byte ^ 0xFF for byte in content[middle : middle + 64])
    file.write_bytes(content)


@pytest.fixture
def filled(database: str) -> str:
    fill(database)
    return database


@pytest.fixture
def empty(server: Cluster) -> Iterator[str]:
    yield from make_database(server)


@pytest.fixture
def file(filled: str, tmp_path: Path) -> Path:
    return backup_database(filled, tmp_path / "backup.dump").file


@pytest.fixture
def charlie(server: Cluster) -> Iterator[str]:
    """A login that can do nothing by itself."""
    login = f"charlie_{uuid.uuid4().hex[:8]}"
    query(server.dsn(), f"CREATE ROLE {login} LOGIN")
    yield login
    query(server.dsn(), f"DROP ROLE {login}")


@pytest.fixture
def modest(server: Cluster, charlie: str) -> Iterator[str]:
    """A database as a hosting company gives it: its owner may not make other databases."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    query(server.dsn(), f"CREATE DATABASE {name} OWNER {charlie}")
    dsn = with_database(server.dsn(), name)
    ensure_roles(dsn)
    query(dsn, f"GRANT dynamail_owner, dynamail_web, dynamail_work, dynamail_stats TO {charlie}")
    yield as_login(dsn, charlie)
    query(server.dsn(), f"DROP DATABASE {name} WITH (FORCE)")


def test_a_backup_brings_everything_back(file: Path, empty: str) -> None:
    restored = restore_database(empty, file, replace=False)
    assert restored.tables == 3
    assert not restored.in_place
    assert query(empty, COUNT) == [(2000, 2, 42)]
    assert query(empty, "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relname IN "
                        "('contact', 'event', 'event_2026', 'event_id_seq')") == [(OWNER,)]  # fmt: skip
    assert query(
        empty, "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = 'contact'"
    ) == [(True, True)]
    web = make_conninfo(empty, options=f"-c role={WEB} -c dynamail.account_id=1")
    assert query(web, "SELECT count(*) FROM contact") == [(1000,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        query(web, "DELETE FROM contact")
    query(as_owner(empty), "CREATE TABLE later (n int)")  # migrations can go on


def test_the_file_is_private_and_stands_alone(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir() if "dump" in path.name] == [file.name]


def test_a_backup_never_overwrites_unless_told(filled: str, file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(FileExists, match="exists already"):
        backup_database(filled, file)
    assert file.read_bytes() == before
    query(as_owner(filled), "CREATE TABLE one_more (n int)")
    assert backup_database(filled, file, overwrite=True).tables == 4


def test_a_failed_backup_leaves_the_earlier_file_alone(filled: str, file: Path, charlie: str) -> None:
    before = file.read_bytes()
    query(filled, f"ALTER ROLE {charlie} BYPASSRLS")
    with pytest.raises(BackupError, match="permission denied"):
        backup_database(as_login(filled, charlie), file, overwrite=True)
    assert file.read_bytes() == before
    assert list(file.parent.glob(".*")) == []


def test_a_folder_that_does_not_exist_is_named(filled: str, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="No such file or directory"):
        backup_database(filled, tmp_path / "nowhere" / "backup.dump")


def test_a_login_under_row_security_gets_an_error_and_no_partial_file(
    filled: str, charlie: str, tmp_path: Path
) -> None:
    with pytest.raises(NotReadable, match="BYPASSRLS"):
        backup_database(as_login(filled, charlie), tmp_path / "partial.dump")
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_something_else_is_not_backed_up(empty: str, tmp_path: Path) -> None:
    query(empty, "CREATE TABLE unrelated (n int)")
    with pytest.raises(NothingToBackUp):
        backup_database(empty, tmp_path / "backup.dump")


def test_a_restore_over_data_needs_to_be_asked_for(filled: str, file: Path) -> None:
    query(as_owner(filled), "CREATE TABLE made_later (n int)")
    with pytest.raises(DatabaseNotEmpty, match="4 tables"):
        restore_database(filled, file, replace=False)
    restore_database(filled, file, replace=True)
    assert query(filled, COUNT) == [(2000, 2, 42)]
    assert query(filled, "SELECT to_regclass('made_later')") == [(None,)]


def test_nothing_is_left_behind_by_a_restore(server: Cluster, filled: str, file: Path) -> None:
    restore_database(filled, file, replace=True)
    left = query(server.dsn(), "SELECT datname FROM pg_database WHERE datname LIKE '%restore%'")
    assert left == []


def test_properties_of_the_database_itself_survive(filled: str, file: Path, charlie: str) -> None:
    name = conninfo_to_dict(filled)["dbname"]
    query(filled, f'ALTER DATABASE {name} SET search_path = "$user", public, other')
    query(filled, f"ALTER ROLE {charlie} IN DATABASE {name} SET statement_timeout = '7s'")
    query(filled, f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    query(filled, f"GRANT CONNECT ON DATABASE {name} TO {charlie}")
    ensure_roles(filled)
    question = (
        "SELECT pg_encoding_to_char(encoding), datcollate, datlocprovider, datlocale, datdba,"
        " (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a)"
        f" FROM pg_database WHERE datname = '{name}'"
    )
    before = query(filled, question)
    restore_database(filled, file, replace=True)
    assert query(filled, question) == before
    assert query(filled, "SHOW search_path") == [('"$user", public, other',)]
    assert query(as_login(filled, charlie), "SHOW statement_timeout") == [("7s",)]
    query(filled, f"REVOKE ALL ON DATABASE {name} FROM {charlie}")
    query(filled, f"ALTER ROLE {charlie} IN DATABASE {name} RESET ALL")


@pytest.mark.parametrize("kept_share", [0.0, 0.02, 0.5, 0.98])
def test_a_truncated_file_changes_nothing(filled: str, file: Path, kept_share: float) -> None:
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * kept_share)])
    query(as_owner(filled), "CREATE TABLE made_later (n int)")
    with pytest.raises(RestoreError, match="othing was changed"):
        restore_database(filled, file, replace=True)
    assert query(filled, COUNT) == [(2000, 2, 42)]
    assert query(filled, "SELECT count(*) FROM made_later") == [(0,)]


def test_a_damaged_file_changes_nothing(server: Cluster, filled: str, file: Path) -> None:
    damage(file)
    with pytest.raises(RestoreError, match="damaged"):
        restore_database(filled, file, replace=True)
    assert query(filled, COUNT) == [(2000, 2, 42)]
    assert query(server.dsn(), "SELECT datname FROM pg_database WHERE datname LIKE '%restore%'") == []


def test_a_file_of_another_kind_is_refused(filled: str, tmp_path: Path) -> None:
    other = tmp_path / "letter.txt"
    other.write_text("Dear Alice")
    with pytest.raises(NotABackup, match="not a backup"):
        restore_database(filled, other, replace=True)
    with pytest.raises(NotABackup, match="No such file"):
        restore_database(filled, tmp_path / "missing.dump", replace=True)


def test_a_dump_of_another_program_is_refused(filled: str, empty: str, tmp_path: Path) -> None:
    query(empty, "CREATE TABLE unrelated (n int)")
    other = tmp_path / "other.dump"
    subprocess.run([find_binaries().path("pg_dump"), "--format=custom", f"--file={other}", empty], check=True)
    with pytest.raises(NotABackup, match="another program"):
        restore_database(filled, other, replace=True)
    assert query(filled, COUNT) == [(2000, 2, 42)]


def test_a_database_in_use_is_not_replaced(filled: str, file: Path) -> None:
    with psycopg.connect(filled, application_name="dynamail-web") as connection:
        with pytest.raises(DatabaseInUse, match="dynamail-web"):
            restore_database(filled, file, replace=True)
        assert connection.execute(COUNT.encode()).fetchone() == (2000, 2, 42)


def test_a_login_that_may_not_make_databases_restores_in_place(file: Path, modest: str) -> None:
    query(
        as_owner(modest),
        "CREATE TABLE contact (n int PRIMARY KEY); CREATE TABLE made_later (n int REFERENCES contact)",
    )
    restored = restore_database(modest, file, replace=True)
    assert restored.in_place
    web = make_conninfo(modest, options=f"-c role={WEB} -c dynamail.account_id=1")
    assert query(web, "SELECT count(*) FROM contact") == [(1000,)]
    assert query(modest, "SELECT to_regclass('made_later')") == [(None,)]
    assert restore_database(modest, file, replace=True).in_place  # and once more, over itself


def test_in_place_a_damaged_file_changes_nothing_either(file: Path, modest: str) -> None:
    restore_database(modest, file, replace=False)
    damage(file)
    with pytest.raises(RestoreError, match="damaged"):
        restore_database(modest, file, replace=True)
    superuser = make_conninfo(modest, user="dynamail")
    assert query(superuser, COUNT) == [(2000, 2, 42)]


def test_an_older_server_is_saved_and_restored_too(
    older_binaries: Binaries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Cluster(tmp_path / "older", binaries=older_binaries) as older:
        dsn = older.dsn()
        fill(dsn)
        own = backup_database(dsn, tmp_path / "own.dump").file
        assert not restore_database(dsn, own, replace=True).in_place
        # As where only the newer programs are installed.
        monkeypatch.setattr(tools, "iter_binaries", lambda **_: iter([find_binaries()]))
        newer = backup_database(dsn, tmp_path / "newer.dump").file
        query(as_owner(dsn), "DELETE FROM event")
        restore_database(dsn, newer, replace=True)
        assert query(dsn, COUNT) == [(2000, 2, 42)]


def test_a_backup_of_a_newer_server_is_refused_by_an_older_one(
    older_binaries: Binaries, file: Path, tmp_path: Path
) -> None:
    with Cluster(tmp_path / "older", binaries=older_binaries) as older:
        with pytest.raises(RestoreError, match=f"this server runs {older_binaries.major}"):
            restore_database(older.dsn(), file, replace=False)
        assert query(older.dsn(), "SELECT count(*) FROM pg_stat_user_tables") == [(0,)]


def test_programs_older_than_the_server_are_refused() -> None:
    with pytest.raises(ToolUnsuitable, match="PostgreSQL 99"):
        find_tools(Server("99.1", 99, uses_tls=False))


def test_an_encrypted_connection_gets_programs_that_can_encrypt_or_a_clear_error() -> None:
    try:
        found = find_tools(Server("15.0", 15, uses_tls=True))
    except ToolUnsuitable as error:
        assert "cannot encrypt" in str(error)  # noqa: PT017 both answers are right, depending on the machine
    else:
        assert all(speaks_tls(candidate) for candidate in found)


def test_the_password_is_not_in_the_process_list() -> None:
    address, environment = split_password("postgresql://alice:s3cret@db.example/mail?sslmode=require")
    assert "s3cret" not in address
    assert environment["PGPASSWORD"] == "s3cret"
    assert conninfo_to_dict(address)["sslmode"] == "require"
    assert os.environ.get("PGPASSWORD") is None
