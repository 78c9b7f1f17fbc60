"""Bringing a backup back: all of it, or nothing changes.

1. The file is read through: is it ours, can the programs here read it, is the server new enough?
2. Where the login may make databases, the backup goes into a fresh one, which then takes the name of the old
   one in a single transaction. Until that moment the old database is untouched.
3. Elsewhere the tables are replaced in place, in one transaction.
"""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from .binaries import Binaries
from .connecting import connect_database, join_words, split_password, with_database
from .dump_file import DumpContents, read_dump_contents
from .errors import DatabaseInUse, DatabaseNotEmpty, DatabaseUnreachable, RestoreError
from .roles import OWNER, ensure_roles
from .sibling_database import create_sibling, swap_databases
from .tools import Server, describe_server, find_tools

MAINTENANCE_DATABASES = ("postgres", "template1")
LAST_HEADER_LINE = 60  # pg_restore's SET statements come before
NEWER_SETTING = b"SET transaction_timeout = 0;"
NEWER_SETTING_SINCE = 17
PATIENCE_SECONDS = 3.0  # for sessions that are just ending
CHUNK_BYTES = 1024 * 1024

USER_TABLES = """
    SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""
OTHER_SESSIONS = """
    SELECT coalesce(string_agg(DISTINCT coalesce(nullif(application_name, ''), 'unnamed'), ', '), ''), count(*)
    FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND coalesce(backend_type, 'client backend') = 'client backend'
"""
MAY_SWAP = """
    SELECT (r.rolsuper OR r.rolcreatedb) AND pg_has_role(current_user, d.datdba, 'USAGE')
    FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()
"""


@dataclass(frozen=True)
class Restored:
    """`in_place`: no fresh database could be made. `kept_database`: the old one, when it could not be dropped."""

    tables: int
    source_version: str
    in_place: bool
    kept_database: str | None = None


def restore_database(dsn: str, file: Path, *, replace: bool) -> Restored:
    """Load a backup into the database of `dsn`; owners, grants and policies come with it.

    `replace` allows it to take the place of what the database holds. Needs room for both while it runs.
    Raises NotABackup, DatabaseNotEmpty, DatabaseInUse, ToolUnsuitable, RolesMissing, RestoreError; after any
    of them the database is as it was.
    """
    with connect_database(dsn) as connection:
        server = describe_server(connection)
    contents = read_dump_contents(file, tools=find_tools(server))
    _check_server_age(contents, server)
    with connect_database(dsn) as connection:
        _check_empty(connection, replace=replace)
        _check_unused(connection)
        may_swap = _get_first(connection, MAY_SWAP)
    ensure_roles(dsn)
    maintenance = _find_maintenance_dsn(dsn) if may_swap else None
    if maintenance:
        return _restore_beside(dsn, maintenance, file, contents, server)
    return _restore_in_place(dsn, file, contents, server)


def _check_server_age(contents: DumpContents, server: Server) -> None:
    if contents.source_major > server.major:
        raise RestoreError(
            f"The backup comes from PostgreSQL {contents.source_version}, but this server runs {server.version}. "
            f"Restore it to a server of PostgreSQL {contents.source_major} or newer. Nothing was changed."
        )


def _check_empty(connection: psycopg.Connection[tuple[object, ...]], *, replace: bool) -> None:
    tables = connection.execute(USER_TABLES).fetchall()
    if tables and not replace:
        raise DatabaseNotEmpty(
            f"The database {connection.info.dbname!r} holds {len(tables)} tables already. A restore would replace "
            "all of them; say so explicitly if that is what you want. Nothing was changed."
        )


def _check_unused(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := connection.execute(OTHER_SESSIONS).fetchone()) and found[1]:
        if time.monotonic() > deadline:
            raise DatabaseInUse(
                f"The database {connection.info.dbname!r} is in use by {found[1]} connections ({found[0]}). Stop "
                "DynaMail and everything else that uses it, then restore again. Nothing was changed."
            )
        connection.rollback()  # Statistics are frozen inside a transaction.
        time.sleep(0.05)


def _find_maintenance_dsn(dsn: str) -> str | None:
    """A database of the server to rename ours from."""
    for name in MAINTENANCE_DATABASES:
        candidate = with_database(dsn, name)
        with contextlib.suppress(DatabaseUnreachable), connect_database(candidate):
            return candidate
    return None


def _restore_beside(
    dsn: str, maintenance: str, file: Path, contents: DumpContents, server: Server
) -> Restored:
    with connect_database(dsn) as connection:
        name = connection.info.dbname
    fresh = f"dynamail_restore_{secrets.token_hex(4)}"
    try:
        create_sibling(maintenance, name=fresh, like=name)
        fresh_dsn = with_database(dsn, fresh)
        ensure_roles(fresh_dsn)
        _load(fresh_dsn, file, contents.tools, server)
        _analyze(fresh_dsn)
        kept = swap_databases(maintenance, fresh=fresh, name=name)
    except psycopg.Error as error:
        raise RestoreError(
            f"The restore failed and nothing was changed: {error.diag.message_primary or error}."
        ) from error
    finally:
        _drop_quietly(maintenance, fresh)
    return Restored(contents.tables, contents.source_version, in_place=False, kept_database=kept)


def _restore_in_place(dsn: str, file: Path, contents: DumpContents, server: Server) -> Restored:
    with connect_database(dsn) as connection:
        prelude = _compose_drops(connection)
    _load(dsn, file, contents.tools, server, prelude=prelude, options=("--clean", "--if-exists"))
    _analyze(dsn)
    return Restored(contents.tables, contents.source_version, in_place=True)


def _compose_drops(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    """Tables the backup does not know (of a newer version of DynaMail) would otherwise stay or be in the way."""
    rows = connection.execute(
        f"{USER_TABLES} AND pg_get_userbyid(relowner) = %s".encode(), [OWNER]
    ).fetchall()
    names = ", ".join(str(row[0]) for row in rows)  # regclass::text quotes and qualifies
    return f"DROP TABLE IF EXISTS {names} CASCADE;\n" if names else ""


def _load(
    dsn: str,
    file: Path,
    tools: Binaries,
    server: Server,
    *,
    prelude: str = "",
    options: tuple[str, ...] = (),
) -> None:
    """Play the backup through psql in one transaction.

    Not pg_restore's own connection: since 17 it sets a parameter that older servers refuse. psql would
    commit at the end of its input, so when reading the file fails it is killed before that end.
    """
    address, environment = split_password(dsn)
    reader_command = [tools.path("pg_restore"), "--file=-", *options, str(file)]
    writer_command = [
        tools.path("psql"),
        "--no-psqlrc",
        "--quiet",
        "--no-password",
        "--single-transaction",
        "--set=ON_ERROR_STOP=1",
        "--output=/dev/null",
        f"--dbname={address}",
    ]
    with (
        tempfile.TemporaryFile() as reader_errors,
        tempfile.TemporaryFile() as writer_errors,
        subprocess.Popen(reader_command, stdout=subprocess.PIPE, stderr=reader_errors) as reader,
        subprocess.Popen(
            writer_command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=writer_errors,
            env=environment,
        ) as writer,
    ):
        is_whole = _pump(reader, writer, prelude, _choose_filter(server))
        if not is_whole:
            writer.kill()
        status = writer.wait()
        if not is_whole or status:
            reader.kill()
            raise RestoreError(_explain(file, reader_errors, writer_errors))


def _pump(
    reader: subprocess.Popen[bytes],
    writer: subprocess.Popen[bytes],
    prelude: str,
    is_wanted: Callable[[bytes], bool],
) -> bool:
    """Whether the whole file was read and written; the writer's input is closed only then."""
    source, target = reader.stdout, writer.stdin
    if source is None or target is None:
        return False
    try:
        target.write(prelude.encode())
        for _ in range(LAST_HEADER_LINE):
            line = source.readline()
            target.write(line if is_wanted(line) else b"\n")
        while chunk := source.read(CHUNK_BYTES):
            target.write(chunk)
        target.flush()
        if reader.wait():
            return False
        target.close()
    except BrokenPipeError:  # psql stopped at an error and says which.
        return False
    return True


def _choose_filter(server: Server) -> Callable[[bytes], bool]:
    if server.major >= NEWER_SETTING_SINCE:
        return lambda _line: True
    return lambda line: line.strip() != NEWER_SETTING


def _explain(file: Path, reader_errors: IO[bytes], writer_errors: IO[bytes]) -> str:
    read, written = _read_all(reader_errors), _read_all(writer_errors)
    if "error:" in read:
        return f"{file} is damaged and nothing was changed: {join_words(read)}."
    complaint = [line for line in written.splitlines() if "ERROR" in line or "FATAL" in line] or [written]
    return f"The restore failed and nothing was changed: {join_words(complaint[0])}."


def _read_all(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _analyze(dsn: str) -> None:
    """A dump carries no statistics; without them the first queries of a large database crawl."""
    with connect_database(dsn, autocommit=True) as connection:
        connection.execute("ANALYZE")


def _drop_quietly(maintenance: str, name: str) -> None:
    """After the swap nothing has that name any more."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with (
        contextlib.suppress(psycopg.Error, DatabaseUnreachable),
        connect_database(maintenance, autocommit=True) as connection,
    ):
        connection.execute(statement)


def _get_first(connection: psycopg.Connection[tuple[object, ...]], query: str) -> bool:
    row = connection.execute(query.encode()).fetchone()
    return bool(row and row[0])
