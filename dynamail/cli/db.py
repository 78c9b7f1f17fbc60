from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dynamail.cli.setup import prepare_home, start_django

HELP = "look after the database: migrate, backup, restore, shell"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("migrate", help="bring the schema, the policies and the grants up to date")
    backup = actions.add_parser("backup", help="write the whole database to FILE")
    backup.add_argument("file", type=Path)
    backup.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")
    restore = actions.add_parser("restore", help="load FILE into the database")
    restore.add_argument("file", type=Path)
    restore.add_argument("--replace", action="store_true", help="replace a database that is not empty")
    actions.add_parser("dsn", help="print the connection string, for psql and other tools")


def run(options: argparse.Namespace) -> int:
    from dynamail.postgres.errors import PostgresError

    try:
        return {"migrate": _migrate, "backup": _backup, "restore": _restore, "dsn": _print_dsn}[
            options.action
        ](options)
    except PostgresError as problem:
        print(f"dynamail: {problem}", file=sys.stderr)
        return 1


def _migrate(_: argparse.Namespace) -> int:
    os.environ["DYNAMAIL_DATABASE_ROLE"] = (
        "dynamail_owner"  # before the settings are read: tables belong to the owner
    )
    with _server() as dsn:
        from dynamail.postgres.roles import ensure_roles

        ensure_roles(dsn)
        start_django("dynamail_owner")
        from django.core.management import call_command

        call_command("migrate", interactive=False, verbosity=0)
        from dynamail.lib.clock import utc_now
        from dynamail.privacy.policies import ensure_policies

        ensure_policies(now=utc_now())
    return 0


def _backup(options: argparse.Namespace) -> int:
    from dynamail.postgres.backup import backup_database

    with _server() as dsn:
        backup = backup_database(dsn, options.file, overwrite=options.overwrite)
    print(f"{options.file}: {backup.size_bytes:,} bytes")
    return 0


def _restore(options: argparse.Namespace) -> int:
    from dynamail.postgres.restore import restore_database

    with _server() as dsn:
        restore_database(dsn, options.file, replace=options.replace)
    print(f"{options.file} is restored. Run `dynamail db migrate` if it comes from an older version.")
    return 0


def _print_dsn(_: argparse.Namespace) -> int:
    prepare_home()
    from dynamail import settings

    print(settings.DSN)
    return 0


@contextmanager
def _server() -> Iterator[str]:
    """The database's address; the embedded server is started for the time of the command when nobody runs it."""
    home = prepare_home()
    from dynamail import settings

    if not settings.IS_EMBEDDED:
        yield settings.DSN
        return
    from dynamail.postgres.cluster import Cluster

    with Cluster(home).available() as cluster:
        yield cluster.dsn()
