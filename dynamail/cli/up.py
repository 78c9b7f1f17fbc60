from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psycopg

from dynamail.cli.setup import prepare_home
from dynamail.cli.supervisor import Child, Supervisor
from dynamail.postgres.cluster import Cluster
from dynamail.postgres.errors import AlreadyRunning, NotRunning, PostgresError

RESTART_PAUSE_SECONDS = 1.0
HELP = "start everything: the database (unless DATABASE_URL is set), web, work, deliver and smtpd"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--demo", action="store_true", help="create the demo account when the database is empty"
    )


def run(options: argparse.Namespace) -> int:
    """Prepare the database, then supervise the processes until SIGTERM or Ctrl+C."""
    home = prepare_home()
    from dynamail import settings  # refuses wrong settings before anything starts

    os.environ.setdefault("DYNAMAIL_HOME", str(home))
    try:
        return _run_embedded(home, options) if settings.IS_EMBEDDED else _run_with(settings.DSN, options)
    except PostgresError as problem:
        _say(str(problem))
        return 1


def _run_embedded(home: Path, options: argparse.Namespace) -> int:
    cluster = Cluster(home)
    cluster.init(progress=_say)
    cluster.start(progress=_say)
    try:
        return _run_with(cluster.dsn(), options, check=partial(_keep_alive, cluster))
    finally:
        cluster.stop()


def _keep_alive(cluster: Cluster) -> None:
    """Start a database server that ended. It may not start at once (a full disk, killed again): the next look tries again, and
    what depends on it waits."""
    try:
        if cluster.poll() is None:
            return
    except NotRunning:
        time.sleep(RESTART_PAUSE_SECONDS)  # The last try failed.
    _say("the database server ended; starting it again")
    try:
        cluster.start(progress=_say)
    except AlreadyRunning:
        raise
    except (PostgresError, psycopg.OperationalError, OSError) as problem:
        _say(str(problem))


def _run_with(dsn: str, options: argparse.Namespace, check: object = None) -> int:
    from dynamail import settings
    from dynamail.postgres.roles import ensure_roles

    ensure_roles(dsn)
    _run_step("db", "migrate")
    workers = [Child(f"deliver {number + 1}", ["deliver"]) for number in range(settings.DELIVER_PROCESSES)]
    children = [Child("smtpd", ["smtpd"]), *workers, Child("work", ["work"]), Child("web", ["web"])]
    supervisor = Supervisor(children, _say)
    if check is not None:
        supervisor.check = check  # type: ignore[assignment]
    if options.demo:
        # The demo sends one real campaign through these very processes, so it is made beside them.
        supervisor.children.append(Child("demo", ["demo", "--wait"], runs_once=True))
    _say(f"DynaMail is starting at {settings.PUBLIC_URL}")
    if settings.SUBMISSION_PORT or settings.SUBMISSION_TLS_PORT:
        _say(f"programs send by SMTP at {_list_submission_ports()}, with an API key as the password")
    supervisor.run()
    return 0


def _list_submission_ports() -> str:
    from dynamail import settings

    ways = ((settings.SUBMISSION_PORT, "STARTTLS"), (settings.SUBMISSION_TLS_PORT, "TLS"))
    return " and ".join(f"{settings.SUBMISSION_HOST}:{port} ({way})" for port, way in ways if port)


def _run_step(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "dynamail", *arguments], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def _say(sentence: str) -> None:
    print(f"dynamail: {sentence}", flush=True)
