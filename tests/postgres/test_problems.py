from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from dynamail.postgres.cluster import Cluster
from dynamail.postgres.leftovers import find_server_processes
from dynamail.postgres.problems import find_problems

from .conftest import wait_until


def find_codes(home: Path) -> list[str]:
    return [problem.code for problem in find_problems(home)]


def test_a_new_home_has_no_problems_and_nothing_is_made(tmp_path: Path) -> None:
    assert find_problems(tmp_path / "home") == []
    assert not (tmp_path / "home").exists()


def test_a_running_server_has_no_problems(make_cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    make_cluster().start()
    assert find_problems(tmp_path / "home") == []


def test_an_unclean_end_is_told(
    make_cluster: Callable[..., Cluster],
    run_holder: Callable[[Path], subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    holder = run_holder(tmp_path / "home")
    assert holder.stdout
    pid = int(holder.stdout.readline())
    os.kill(pid, signal.SIGKILL)
    holder.kill()
    holder.wait()
    cluster = make_cluster()
    wait_until(lambda: not find_server_processes(cluster.data))
    assert find_codes(tmp_path / "home") == ["postgres.stale_lock"]
    cluster.start()
    assert find_codes(tmp_path / "home") == []


def test_data_of_another_major_is_told_with_a_hint(
    make_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    cluster = make_cluster()
    cluster.init()
    (cluster.data / "PG_VERSION").write_text("14\n")
    (problem,) = find_problems(tmp_path / "home")
    assert problem.code == "postgres.other_major"
    assert "PostgreSQL 14" in problem.sentence
    assert "dynamail db backup" in problem.hint


def test_a_home_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    assert "postgres.folder_not_writable" in find_codes(tmp_path / "home")
