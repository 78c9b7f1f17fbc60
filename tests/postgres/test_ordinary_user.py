"""The whole life of a server as somebody who is not root; when the suite runs as root, as `nobody`."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import dynamail

STORY = """
import os, sys
from pathlib import Path
import psycopg
from dynamail.postgres.cluster import Cluster
from dynamail.postgres.errors import AlreadyRunning
from dynamail.postgres.leftovers import find_server_processes
from dynamail.postgres.problems import find_problems
from dynamail.postgres.roles import ensure_roles
home = Path(sys.argv[1])
assert os.geteuid() != 0
assert find_problems(home) == [], find_problems(home)
cluster = Cluster(home)
cluster.start()
with psycopg.connect(cluster.dsn()) as connection:
    connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 10) AS n")
ensure_roles(cluster.dsn())
try:
    Cluster(home).start()
except AlreadyRunning as error:
    assert error.pid == os.getpid()
os.kill(cluster.pid, 9)
cluster.wait()
cluster.start()
with psycopg.connect(cluster.dsn()) as connection:
    assert connection.execute("SELECT count(*) FROM kept").fetchone() == (10,)
cluster.stop()
assert not find_server_processes(cluster.data)
print("done as", os.geteuid())
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dynamail-user-", dir="/tmp") as folder:
        if os.geteuid() == 0:
            entry = pwd.getpwnam("nobody")
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        yield Path(folder)


def run_as_ordinary_user(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """With the first interpreter that this user can execute: ours may be in root's home."""
    places = [Path(dynamail.__file__).parents[1], Path(psycopg.__file__).parents[1]]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(map(str, places))}
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    identity = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    for interpreter in (sys.executable, system):
        try:
            subprocess.run(
                [interpreter, "-c", "import psycopg, dynamail"],
                env=environment,
                cwd="/",
                check=True,
                stderr=subprocess.DEVNULL,
                **identity,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return subprocess.run(
            [interpreter, "-c", code, *arguments],
            env=environment,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **identity,
        )
    pytest.skip("no Python that an ordinary user could execute sees our packages")


def test_an_ordinary_user_makes_starts_crashes_and_restarts_a_server(home: Path) -> None:
    answer = run_as_ordinary_user(STORY, str(home / "data"))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("done as")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
def test_a_server_made_by_root_is_refused_to_an_ordinary_user_in_words(home: Path) -> None:
    (home / "postgres").mkdir(mode=0o700)
    code = (
        "import sys; from pathlib import Path; from dynamail.postgres.cluster import Cluster\n"
        "from dynamail.postgres.errors import FolderUnusable\n"
        "from dynamail.postgres.problems import find_problems\n"
        "home = Path(sys.argv[1])\n"
        "assert [p.code for p in find_problems(home)] == ['postgres.folder_not_writable'], find_problems(home)\n"
        "try: Cluster(home).start()\n"
        "except FolderUnusable as error: print(error)"
    )
    answer = run_as_ordinary_user(code, str(home))
    assert answer.returncode == 0, answer.stderr
    assert "cannot be used: Permission denied" in answer.stdout
