"""A database of one's own on the server of DATABASE_URL: for drills and benchmarks that start real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dynamail.postgres.roles import ensure_roles

PROJECT = Path(__file__).parents[2]


@contextmanager
def scratch_database(server: str) -> Iterator[str]:
    """A migrated, empty database; yields its URL and drops it afterwards. `server` is the address of any database there."""
    name = f"scratch_{uuid4().hex[:12]}"
    _execute(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = replace_database(server, name)
    try:
        ensure_roles(url)
        run_dynamail(url, "django", "migrate", "--verbosity", "0")
        yield url
    finally:
        _execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def replace_database(server: str, name: str) -> str:
    parts = conninfo_to_dict(server)
    host, port = str(parts.get("host", "")), str(parts.get("port", "5432"))
    user, password = parts.get("user", ""), parts.get("password", "")
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    if host.startswith("/"):
        return f"postgresql://{login}/{name}?host={host}&port={port}"
    return f"postgresql://{login}{host}:{port}/{name}"


def process_environment(url: str, **values: str) -> dict[str, str]:
    """What a `dynamail` process needs to use that database."""
    return {**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(PROJECT), **values}


def run_dynamail(url: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dynamail", *arguments],
        env=process_environment(url),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)


def _execute(server: str, statement: sql.Composed) -> None:
    with psycopg.connect(make_conninfo(server), autocommit=True) as connection:
        connection.execute(statement)
