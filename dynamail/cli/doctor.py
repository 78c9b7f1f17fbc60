"""What is wrong with this installation, in sentences; nothing is changed."""

from __future__ import annotations

import argparse
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from dynamail.cli.doctor_dns import check_direct_mail
from dynamail.cli.findings import Finding
from dynamail.cli.setup import start_django

HELP = "print what is wrong with this installation and what to do"
SMALLEST_FREE_BYTES = 2 * 2**30
CONNECT_SECONDS = 3.0
LATE_HEARTBEAT_SECONDS = 30
OLDEST_SERVER = 170000  # the first with the collation pg_c_utf8, in which segments ignore letter case


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="print problems only")


def run(options: argparse.Namespace) -> int:
    """Exit code 0 when nothing is wrong, 1 with at least one error. A wrong setting ends with 2 before any check."""
    start_django("login")
    findings: list[Finding] = []
    for name, check in CHECKS:
        found = list(check())
        findings += found
        if not found and not options.quiet:
            print(f"ok       {name}")
        for finding in found:
            print(f"{finding.level:8} {finding.sentence}\n         {finding.hint}")
    return 1 if any(finding.level == "error" for finding in findings) else 0


def check_data_folder() -> Iterator[Finding]:
    from django.conf import settings

    home: Path = settings.DYNAMAIL_HOME
    free = shutil.disk_usage(home).free
    if free < SMALLEST_FREE_BYTES:
        yield Finding(
            "warning",
            f"Only {free / 2**30:.1f} GiB are free in {home}.",
            "Make room: a full disk stops every send.",
        )
    if home.stat().st_mode & 0o077:
        yield Finding(
            "error", f"{home} can be read by other users.", f"It holds the secret key: chmod 700 {home}"
        )


def check_database() -> Iterator[Finding]:
    from django.conf import settings

    from dynamail.postgres.problems import find_problems

    if settings.IS_EMBEDDED:
        for problem in find_problems(settings.DYNAMAIL_HOME):
            yield Finding(
                "warning" if problem.code.startswith("running") else "error", problem.sentence, problem.hint
            )
    try:
        version = _query("SHOW server_version_num")
    except Exception as error:
        yield Finding(
            "error", f"The database does not answer: {_first_line(error)}", "Start it, or check DATABASE_URL."
        )
        return
    if int(version) < OLDEST_SERVER:
        yield Finding("error", f"PostgreSQL {version} is too old.", "DynaMail needs PostgreSQL 17 or later.")


def check_schema() -> Iterator[Finding]:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Exception:
        return  # the database check has said why
    if missing:
        yield Finding("error", f"{len(missing)} migrations are not applied.", "Run: dynamail db migrate")


def check_walls() -> Iterator[Finding]:
    from dynamail.accounts.row_security import ROLES, tenant_models
    from dynamail.postgres.roles import find_missing_sql

    from django.conf import settings  # isort: skip

    try:
        missing_sql = find_missing_sql(settings.DSN)
        open_tables = [
            model._meta.db_table
            for model in tenant_models()
            if not _query(
                "SELECT relforcerowsecurity FROM pg_class WHERE oid = to_regclass(%s)", model._meta.db_table
            )
        ]
    except Exception:
        return
    if missing_sql:
        yield Finding(
            "error",
            f"The database roles {', '.join(ROLES)} are not complete.",
            "Run as an administrator: " + " ".join(missing_sql),
        )
    if open_tables:
        yield Finding(
            "error",
            f"Tables without forced row-level security: {', '.join(open_tables)}.",
            "Run: dynamail db migrate",
        )


def check_front_end() -> Iterator[Finding]:
    from django.conf import settings

    if not (settings.STATIC_BUILT / "manifest.json").is_file():
        yield Finding("error", "The front end is not built.", "Run: make build")


def check_addresses() -> Iterator[Finding]:
    from django.conf import settings

    if settings.IS_LOOPBACK:
        yield Finding(
            "warning",
            f"Links in mail point at {settings.PUBLIC_URL}, which only this machine reaches.",
            "Set DYNAMAIL_PUBLIC_URL before you send to other people.",
        )
    elif not settings.IS_SECURE:
        yield Finding(
            "error",
            f"{settings.PUBLIC_URL} is not https.",
            "Mailbox providers need https for one-click unsubscribe (RFC 8058).",
        )


def check_processes() -> Iterator[Finding]:
    from django.conf import settings

    ports = {
        "web": settings.DYNAMAIL_PORT,
        "the Mailbox's listener": settings.CAPTURE_PORT,
        "mail from programs, STARTTLS": settings.SUBMISSION_PORT,
        "mail from programs, TLS": settings.SUBMISSION_TLS_PORT,
    }
    for name, port in ports.items():
        if not port:
            continue
        try:
            socket.create_connection(("127.0.0.1", port), CONNECT_SECONDS).close()
        except OSError:
            yield Finding("warning", f"Nobody listens on 127.0.0.1:{port} ({name}).", "Start it: dynamail up")
    try:
        late = _query(
            "SELECT count(*) FROM deliver_worker WHERE seen_at > now() - make_interval(secs => %s)",
            LATE_HEARTBEAT_SECONDS,
        )
    except Exception:
        return
    if not late:
        yield Finding("warning", "No deliver worker has shown itself lately.", "Start one: dynamail deliver")


CHECKS: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
    ("data folder", check_data_folder),
    ("database", check_database),
    ("schema", check_schema),
    ("walls between accounts", check_walls),
    ("front end", check_front_end),
    ("addresses", check_addresses),
    ("direct mail", check_direct_mail),
    ("processes", check_processes),
)


def _query(statement: str, *parameters: str | int) -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, list(parameters) or None)
        row = cursor.fetchone()
    return row[0] if row else ""


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
