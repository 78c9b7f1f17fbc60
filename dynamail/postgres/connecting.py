"""Connections and connection strings of any server, embedded or not."""

from __future__ import annotations

import os

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from .errors import DatabaseUnreachable


def connect_database(dsn: str, *, autocommit: bool = False) -> psycopg.Connection[tuple[object, ...]]:
    """Raises DatabaseUnreachable with the server's words (never the password)."""
    try:
        return psycopg.connect(dsn, autocommit=autocommit)
    except psycopg.Error as error:
        words = " ".join(str(error).split())
        raise DatabaseUnreachable(
            f"The database does not answer: {words}. Check DATABASE_URL and whether the server runs."
        ) from None


def with_database(dsn: str, database: str) -> str:
    """The same server and login, another database."""
    return make_conninfo(dsn, dbname=database)


def split_password(dsn: str) -> tuple[str, dict[str, str]]:
    """A connection string that may stand in a process list, and the environment that carries the rest."""
    parameters = conninfo_to_dict(dsn)
    password = parameters.pop("password", None)
    secret = {"PGPASSWORD": str(password)} if password else {}
    return make_conninfo("", **parameters), {**os.environ, **secret, "LC_ALL": "C"}


def join_words(text: str, *, lines: int = 3) -> str:
    """The first lines of a program's complaint as one."""
    return "; ".join(line.strip() for line in text.strip().splitlines()[:lines] if line.strip())
