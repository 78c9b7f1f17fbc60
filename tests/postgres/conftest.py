"""Real servers in temporary folders. Under root, pytest's own temporary folders are closed to the server's user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dynamail.postgres.binaries import Binaries, iter_binaries
from dynamail.postgres.cluster import Cluster
from dynamail.postgres.connecting import with_database

PROJECT = Path(__file__).parents[2]
DEADLINE_SECONDS = 120

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change to another user")


def wait_until(fact: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not fact():
        assert time.monotonic() < deadline, "the awaited fact never came true"
        time.sleep(0.01)


def query(dsn: str, statement: str) -> list[tuple[object, ...]]:
    """Run one statement with autocommit; rows if there are any."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def as_login(dsn: str, login: str) -> str:
    return make_conninfo(dsn, user=login)


@pytest.fixture
def make_cluster(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Clusters of `tmp_path`/home unless told otherwise, stopped at the end."""
    made: list[Cluster] = []

    def make(home: Path | None = None, *, binaries: Binaries | None = None, **more: object) -> Cluster:
        made.append(Cluster(home or tmp_path / "home", binaries=binaries, **more))
        return made[-1]

    yield make
    for cluster in made:
        cluster.stop(immediate=True)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One running server for tests that only need databases."""
    with Cluster(tmp_path_factory.mktemp("server")) as cluster:
        yield cluster


@pytest.fixture
def database(server: Cluster) -> Iterator[str]:
    """The DSN of an empty database of the shared server, as superuser."""
    yield from make_database(server)


def make_database(cluster: Cluster) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    query(cluster.dsn("postgres"), f"CREATE DATABASE {name}")
    yield with_database(cluster.dsn(), name)
    query(cluster.dsn("postgres"), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def open_folder_for_all() -> Iterator[Path]:
    """A folder of ours that every user can search, as /var/cache is."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def older_binaries() -> Binaries:
    """Programs of another major version than the preferred one, from the system."""
    preferred, *others = list(iter_binaries())
    for binaries in others:
        if binaries.major != preferred.major:
            return binaries
    pytest.skip("only one major version of PostgreSQL is installed")


@pytest.fixture
def run_holder(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Another process that starts the cluster of a home, says so, and lives until its input is closed."""
    script = (
        "import sys; from pathlib import Path; from dynamail.postgres.cluster import Cluster\n"
        "cluster = Cluster(Path(sys.argv[1])); cluster.start(); print(cluster.pid, flush=True)\n"
        "sys.stdin.read(); cluster.stop()"
    )
    started: list[subprocess.Popen[str]] = []

    def run(home: Path) -> subprocess.Popen[str]:
        holder = subprocess.Popen(
            [sys.executable, "-c", script, str(home)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(holder)
        return holder

    yield run
    for holder in started:
        holder.communicate()
