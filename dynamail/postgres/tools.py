"""pg_dump, pg_restore and psql that fit a given server."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

import psycopg

from .binaries import CLIENT_PROGRAMS, Binaries, iter_binaries
from .errors import ToolUnsuitable

NO_TLS = "SSL support is not compiled in"


@dataclass(frozen=True)
class Server:
    """What matters about a server for its tools."""

    version: str
    major: int
    uses_tls: bool


def describe_server(connection: psycopg.Connection[tuple[object, ...]]) -> Server:
    number = connection.info.server_version
    return Server(
        version=f"{number // 10000}.{number % 10000}",
        major=number // 10000,
        uses_tls=bool(connection.pgconn.ssl_in_use),
    )


def find_tools(server: Server) -> list[Binaries]:
    """All that fit, those of the server's own major first. Raises ToolUnsuitable."""
    found = list(iter_binaries(programs=CLIENT_PROGRAMS))
    new_enough = [tools for tools in found if tools.major >= server.major]
    if not new_enough:
        seen = ", ".join(f"{tools.version} in {tools.folder}" for tools in found) or "none"
        raise ToolUnsuitable(
            f"The server runs PostgreSQL {server.version}, and pg_dump must not be older than the server "
            f"(found: {seen}). Install the client programs of PostgreSQL {server.major} or newer."
        )
    fitting = [tools for tools in new_enough if not server.uses_tls or speaks_tls(tools)]
    if not fitting:
        raise ToolUnsuitable(
            f"The connection to the server is encrypted, but the pg_dump in {new_enough[0].folder} cannot "
            f"encrypt. Install your system's client programs of PostgreSQL {server.major} or newer "
            "(on Debian: apt install postgresql-client)."
        )
    return sorted(fitting, key=lambda tools: tools.major != server.major)


def speaks_tls(tools: Binaries) -> bool:
    """libpq says so itself before it looks for the server; this one cannot exist."""
    answer = subprocess.run(
        [tools.path("pg_dump"), "--no-password", "--dbname=host=127.0.0.1 port=1 sslmode=require"],
        capture_output=True,
        text=True,
        check=False,
    )
    return NO_TLS not in answer.stderr
