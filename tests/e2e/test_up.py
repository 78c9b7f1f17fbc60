"""An operator's day: start, look, back up, kill, stop, restore elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psycopg
import pytest

from dynamail.postgres.cluster import Cluster
from tests.support.installation import Installation, find_free_port, start_installation

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]
PATIENCE_SECONDS = 60


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dynamail", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def find_child(installation: Installation, word: str) -> int | None:
    """The process id of a supervised child whose command line has the word."""
    for line in subprocess.run(
        ["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
    ).stdout.splitlines():
        pid, parent, *command = line.split()
        if parent == str(installation.process.pid) and word in command:
            return int(pid)
    return None


def wait_for(fact: object) -> object:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := fact():  # type: ignore[operator]
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come true")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_an_operators_day(tmp_path: Path) -> None:
    installation = start_installation()
    try:
        report = run(installation.environment, "doctor")
        assert report.returncode == 0, report.stdout + report.stderr
        assert "ok       schema" in report.stdout

        second = run(installation.environment, "up")
        assert second.returncode == 1
        assert str(installation.process.pid) in second.stdout, "the refusal names who holds the folder"

        with psycopg.connect(installation.dsn, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO account (uid, created_at, name, postal_address, website, timezone, language, state, tracking, from_name) "
                "VALUES (gen_random_uuid(), now(), 'Before the backup', '', '', 'UTC', 'en', 'active', 'none', '')"
            )
        backup = tmp_path / "backup"
        assert "bytes" in installation.run("db", "backup", str(backup))

        for word in ("deliver", "web"):
            before = wait_for(lambda word=word: find_child(installation, word))
            os.kill(int(str(before)), signal.SIGKILL)
            wait_for(lambda word=word, before=before: (find_child(installation, word) or before) != before)
        wait_for(lambda: answers(f"{installation.url}/accounts/login/"))
    finally:
        installation.stop()
    assert installation.process.returncode == 0, "SIGTERM is an orderly end"

    elsewhere = installation.environment | {
        "DYNAMAIL_HOME": str(tmp_path / "elsewhere"),
        "DYNAMAIL_PORT": str(find_free_port()),
    }
    restored = run(elsewhere, "db", "restore", str(backup))
    assert restored.returncode == 0, restored.stderr
    refused = run(elsewhere, "db", "restore", str(backup))
    assert refused.returncode == 1, "a database that is not empty is not overwritten without a word"
    with (
        Cluster(Path(elsewhere["DYNAMAIL_HOME"])).available() as cluster,
        psycopg.connect(cluster.dsn()) as connection,
    ):
        found = connection.execute("SELECT count(*) FROM account WHERE name = 'Before the backup'").fetchone()
    assert found == (1,)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DYNAMAIL_PORT", "99999"),
        ("DYNAMAIL_PUBLIC_URL", "mail.example.com"),
        ("DYNAMAIL_DEBUG", "perhaps"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DYNAMAIL_SECRET_KEY", "short"),
        ("DYNAMAIL_OPEN_SYSTEM_MAILBOX", "true"),
    ],
)
def test_a_wrong_setting_is_refused_at_start_by_name(tmp_path: Path, variable: str, value: str) -> None:
    clean = {
        key: item
        for key, item in os.environ.items()
        if not key.startswith(("DYNAMAIL_", "DATABASE_", "DJANGO_"))
    }
    environment = clean | {"DYNAMAIL_HOME": str(tmp_path), variable: value}
    if variable == "DYNAMAIL_OPEN_SYSTEM_MAILBOX":
        environment["DYNAMAIL_PUBLIC_URL"] = "https://mail.example.com"
    refused = run(environment, "up")
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"dynamail: {variable}: ")
    assert "Traceback" not in refused.stderr
