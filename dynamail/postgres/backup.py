"""Saving a whole database to one file (pg_dump's custom format). Works on any server, while it is in use."""

from __future__ import annotations

import os
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg

from .binaries import Binaries
from .connecting import connect_database, join_words, split_password
from .dump_file import read_dump_contents
from .errors import BackupError, FileExists, NothingToBackUp, NotReadable
from .roles import OWNER
from .tools import describe_server, find_tools

SECURED_TABLES = """
    SELECT count(*) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relrowsecurity AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
OWN_TABLES = "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND pg_get_userbyid(relowner) = %s"


@dataclass(frozen=True)
class Backup:
    file: Path
    size_bytes: int
    tables: int
    server_version: str


def backup_database(dsn: str, file: Path, *, overwrite: bool = False) -> Backup:
    """Write a consistent copy of the database; `file` appears only when it is complete and on disk.

    The file is readable by its owner only. Raises FileExists, NotReadable (the login does not see every
    row), ToolUnsuitable, NothingToBackUp, DatabaseUnreachable, BackupError.
    """
    file = file.absolute()
    if file.exists() and not overwrite:
        raise FileExists(f"{file} exists already. Choose another name, or say that it may be overwritten.")
    with connect_database(dsn) as connection:
        server = describe_server(connection)
        _check_content(connection)
        _check_reading_rights(connection)
    tools = find_tools(server)[0]
    partial = file.with_name(f".{file.name}.{secrets.token_hex(4)}.partial")
    try:
        _make_private_file(partial)
        _dump(dsn, partial, tools)
        contents = read_dump_contents(partial, tools=[tools])
        _sync(partial)
        _publish(partial, file, overwrite=overwrite)
    except OSError as error:
        raise BackupError(f"The backup could not be written to {file}: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)
    return Backup(file, file.stat().st_size, contents.tables, server.version)


def _check_content(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    row = connection.execute(OWN_TABLES, [OWNER]).fetchone()
    if not row or not row[0]:
        raise NothingToBackUp(
            f"The database {connection.info.dbname!r} holds no table of DynaMail (none belongs to {OWNER}), "
            "so there is nothing to back up. Check DATABASE_URL."
        )


def _check_reading_rights(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Whoever is subject to row-level security would get a part of the rows, or pg_dump's error half-way."""
    login, sees_all = connection.execute(
        "SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone() or ("", False)
    secured = connection.execute(SECURED_TABLES).fetchone()
    if secured and secured[0] and not sees_all:
        raise NotReadable(
            f"The database login {login!r} is subject to row-level security, so a backup made with it would "
            f'miss rows. Ask an administrator to run: ALTER ROLE "{login}" BYPASSRLS; or make the backup with '
            "the administrator's own DATABASE_URL."
        )


def _make_private_file(path: Path) -> None:
    """Before pg_dump writes: it would take the umask, and the file holds everybody's data."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _dump(dsn: str, partial: Path, tools: Binaries) -> None:
    address, environment = split_password(dsn)
    answer = subprocess.run(
        [
            tools.path("pg_dump"),
            "--format=custom",
            "--no-password",
            f"--file={partial}",
            f"--dbname={address}",
        ],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if answer.returncode:
        raise BackupError(
            f"pg_dump could not save the database: {join_words(answer.stderr)}. No file was written."
        )


def _publish(partial: Path, file: Path, *, overwrite: bool) -> None:
    if overwrite:
        os.replace(partial, file)
    else:
        try:
            os.link(partial, file)  # Unlike rename, it fails when somebody made the file meanwhile.
        except FileExistsError:
            raise FileExists(f"{file} exists already. Choose another name.") from None
        except OSError:  # A file system without hard links.
            os.replace(partial, file)
    _sync(file.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
