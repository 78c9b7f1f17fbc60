from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from dynamail.postgres.binaries import Binaries, find_binaries
from dynamail.postgres.cluster import Cluster
from dynamail.postgres.errors import (
    AlreadyRunning,
    BinariesMissing,
    FolderUnusable,
    NotRunning,
    OtherMajor,
    StartFailed,
)
from dynamail.postgres.identity import choose_server_user
from dynamail.postgres.leftovers import find_server_processes
from dynamail.postgres.process import ServerProcess, open_folder
from dynamail.postgres.sockets import prepare_socket_folder

from .conftest import needs_root, query, wait_until

MakeCluster = Callable[..., Cluster]
RunHolder = Callable[[Path], "subprocess.Popen[str]"]


def save_rows(cluster: Cluster) -> None:
    query(cluster.dsn(), "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")


def count_rows(cluster: Cluster) -> object:
    return query(cluster.dsn(), "SELECT count(*) FROM kept")[0][0]


def read_first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_a_first_start_makes_a_database_that_answers(server: Cluster) -> None:
    assert server.is_running
    assert query(server.dsn(), "SELECT current_database(), current_user") == [("dynamail", "dynamail")]


def test_the_server_has_our_settings(server: Cluster) -> None:
    wanted = {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "autovacuum_naptime": "10s",
        "jit": "off",
        "wal_compression": "pglz",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "idle_in_transaction_session_timeout": "0",
        "fsync": "on",
        "synchronous_commit": "on",
    }
    names = ", ".join(f"'{name}'" for name in wanted)
    rows = query(server.dsn(), f"SELECT name, current_setting(name) FROM pg_settings WHERE name IN ({names})")
    assert dict(rows) == wanted


def test_text_is_ordered_by_the_builtin_provider(server: Cluster) -> None:
    row = query(server.dsn(), "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'dynamail'")
    assert row == [("b", "C.UTF-8")]


def test_the_socket_folder_is_closed_to_others_and_goes_with_the_server(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.start()
    folder = Path(str(query(cluster.dsn(), "SHOW unix_socket_directories")[0][0]))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    cluster.stop()
    assert not folder.exists()


def test_data_outlives_a_stop_and_a_start(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.start()
    save_rows(cluster)
    cluster.stop()
    assert not cluster.is_running
    cluster.start()
    assert count_rows(cluster) == 1000


def test_starting_a_running_server_again_changes_nothing(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.start()
    pid = cluster.pid
    cluster.start()
    assert cluster.pid == pid


def test_the_version_is_recorded_and_the_date_of_creation_stays(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.init()
    first = json.loads(cluster.version_file.read_text())
    cluster.start()
    assert json.loads(cluster.version_file.read_text()) == first
    binaries = find_binaries()
    assert first["major"] == binaries.major
    assert first["server_version"] == binaries.version
    reachable = cluster._choose_binaries(
        choose_server_user(cluster.data)
    )  # a copy, where the server may not enter ours
    assert str(reachable.folder) in first["origin"]


def test_a_second_start_on_the_same_folder_names_the_holder(
    make_cluster: MakeCluster, run_holder: RunHolder, tmp_path: Path
) -> None:
    holder = run_holder(tmp_path / "home")
    assert read_first_line(holder)
    with pytest.raises(AlreadyRunning, match=f"process {holder.pid}") as refused:
        make_cluster().start()
    assert refused.value.pid == holder.pid


def test_another_process_reaches_the_running_server_and_leaves_it_running(
    make_cluster: MakeCluster, run_holder: RunHolder, tmp_path: Path
) -> None:
    holder = run_holder(tmp_path / "home")
    pid = read_first_line(holder)
    with make_cluster().available() as cluster:
        assert query(cluster.dsn(), "SELECT 1") == [(1,)]
    assert cluster.is_running
    assert str(cluster.pid) == pid


def test_available_starts_a_server_for_the_block_only(make_cluster: MakeCluster) -> None:
    with make_cluster().available() as cluster:
        assert query(cluster.dsn(), "SELECT 1") == [(1,)]
    assert not cluster.is_running


def test_a_killed_postmaster_is_noticed_and_nothing_is_lost(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.start()
    save_rows(cluster)
    assert cluster.poll() is None
    assert cluster.pid
    os.kill(cluster.pid, signal.SIGKILL)
    assert cluster.wait() == -signal.SIGKILL
    assert cluster.poll() == -signal.SIGKILL
    said: list[str] = []
    cluster.start(progress=said.append)
    assert count_rows(cluster) == 1000
    assert any("redo" in sentence or "not properly shut down" in sentence for sentence in said)


def test_a_killed_owner_takes_the_server_with_it_and_nothing_is_lost(
    make_cluster: MakeCluster, run_holder: RunHolder, tmp_path: Path
) -> None:
    holder = run_holder(tmp_path / "home")
    read_first_line(holder)
    cluster = make_cluster()
    save_rows(cluster)
    holder.kill()
    holder.wait()
    wait_until(lambda: not find_server_processes(cluster.data))
    cluster.start()
    assert count_rows(cluster) == 1000


def test_a_start_right_after_the_owner_was_killed_waits_for_the_old_server(
    make_cluster: MakeCluster, run_holder: RunHolder, tmp_path: Path
) -> None:
    holder = run_holder(tmp_path / "home")
    old_pid = read_first_line(holder)
    cluster = make_cluster()
    save_rows(cluster)
    holder.kill()
    holder.wait()
    cluster.start()
    assert str(cluster.pid) != old_pid
    assert count_rows(cluster) == 1000


def test_an_orphaned_server_is_ended_and_replaced(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.start()
    save_rows(cluster)
    cluster.stop()
    user = choose_server_user(cluster.data)
    sockets = str(prepare_socket_folder(cluster.data, user))
    with open_folder(cluster.data, user) as handle:
        command = [cluster._choose_binaries(user).path("postgres"), "-D", handle.name, "-k", sockets]
        orphan = ServerProcess(user, command, folder=handle, log=cluster.log_file)
    wait_until(lambda: cluster.is_running)
    said: list[str] = []
    cluster.start(progress=said.append)
    assert orphan.wait() == 0
    assert any(str(orphan.pid) in sentence for sentence in said)
    assert count_rows(cluster) == 1000


def test_a_pid_that_now_belongs_to_another_process_does_not_fool_us(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.start()
    save_rows(cluster)
    assert cluster.pid
    stale = (cluster.data / "postmaster.pid").read_text()
    cluster.stop(immediate=True)
    user = choose_server_user(cluster.data)
    identity = {"user": user.uid, "group": user.gid, "extra_groups": []} if user.switch else {}
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, cwd="/", **identity) as stranger:
        old_pid = stale.splitlines()[0]
        (cluster.data / "postmaster.pid").write_text(stale.replace(old_pid, str(stranger.pid), 1))
        assert not cluster.is_running
        cluster.start()
        assert count_rows(cluster) == 1000
        assert stranger.poll() is None
        stranger.communicate()


def test_a_lock_file_of_a_dead_server_does_not_stand_in_the_way(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.start()
    stale = (cluster.data / "postmaster.pid").read_bytes()
    cluster.stop(immediate=True)
    (cluster.data / "postmaster.pid").write_bytes(stale)
    cluster.start()
    assert cluster.is_running


def test_the_server_outlives_the_thread_that_started_it(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    starter = threading.Thread(target=cluster.start)
    starter.start()
    starter.join()
    save_rows(cluster)
    assert cluster.wait(timeout_seconds=0.5) is None
    assert count_rows(cluster) == 1000


def test_a_half_made_folder_is_made_anew(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    (cluster.folder / "data.partial" / "base").mkdir(parents=True)
    cluster.start()
    assert cluster.is_running
    assert not (cluster.folder / "data.partial").exists()


def test_data_of_another_major_version_is_refused_and_left_alone(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.init()
    (cluster.data / "PG_VERSION").write_text("14\n")
    before = sorted(path.name for path in cluster.data.iterdir())
    with pytest.raises(OtherMajor, match=r"made by PostgreSQL 14.*dynamail db backup"):
        cluster.start()
    assert sorted(path.name for path in cluster.data.iterdir()) == before
    (cluster.data / "PG_VERSION").write_text(f"{find_binaries().major}\n")
    cluster.start()  # the refused start let go of the folder


def test_a_folder_with_something_else_in_it_is_refused(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.data.mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(cluster.data, 65534, 65534)
    with pytest.raises(FolderUnusable, match="PG_VERSION"):
        cluster.start()


def test_a_home_that_cannot_be_made_is_named(make_cluster: MakeCluster, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(FolderUnusable, match="file"):
        make_cluster(tmp_path / "file").start()


def test_a_server_that_does_not_start_says_why(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.init()
    (cluster.data / "local.conf").write_text("shared_buffers = 'a lot'\n")
    with pytest.raises(StartFailed, match="shared_buffers"):
        cluster.start()
    (cluster.data / "local.conf").unlink()
    cluster.start()


def test_the_operators_own_settings_count(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.init()
    settings = cluster.data / "local.conf"
    settings.write_text("work_mem = 7MB\n")
    settings.chmod(0o644)
    cluster.start()
    assert query(cluster.dsn(), "SHOW work_mem") == [("7MB",)]


def test_poll_and_wait_need_a_server_of_our_own(make_cluster: MakeCluster) -> None:
    with pytest.raises(NotRunning):
        make_cluster().poll()
    with pytest.raises(NotRunning):
        make_cluster().wait()


def test_stopping_rolls_open_transactions_back(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.start()
    save_rows(cluster)
    with psycopg.connect(cluster.dsn()) as connection:
        connection.execute("DELETE FROM kept")
        cluster.stop()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    cluster.start()
    assert count_rows(cluster) == 1000


def test_personal_data_stays_out_of_the_log(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.start()
    query(cluster.dsn(), "CREATE TABLE person (email text UNIQUE)")
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("INSERT INTO person VALUES (%s)", ["alice@example.com"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO person VALUES (%s)", ["alice@example.com"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO person VALUES ('alice@example.com')")
    log = cluster.log_file.read_text()
    assert "duplicate key" in log
    assert "alice" not in log


def test_programs_of_the_system_serve_as_well(make_cluster: MakeCluster, older_binaries: Binaries) -> None:
    cluster = make_cluster(binaries=older_binaries)
    cluster.start()
    save_rows(cluster)
    assert query(cluster.dsn(), "SELECT lower('ÄÖ')") == [("äö",)]
    cluster.stop()
    # Left to itself, the cluster now picks the programs of its data, not the preferred ones.
    again = make_cluster()
    again.start()
    assert count_rows(again) == 1000


def test_missing_programs_are_named() -> None:
    with pytest.raises(BinariesMissing, match=r"PostgreSQL 99.*DATABASE_URL"):
        find_binaries(major=99)


@needs_root
def test_closed_parent_folders_stay_closed_and_the_server_is_not_root(
    make_cluster: MakeCluster, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    watched = [closed, *closed.parents]
    before = [(path.stat().st_mode, path.stat().st_uid) for path in watched]
    cluster = make_cluster(closed / "home")
    cluster.start()
    save_rows(cluster)
    assert [(path.stat().st_mode, path.stat().st_uid) for path in watched] == before
    owners = set()
    for pid in find_server_processes(cluster.data):
        with suppress(FileNotFoundError):  # a backend that has just ended
            owners.add(Path(f"/proc/{pid}").stat().st_uid)
    assert owners
    assert 0 not in owners
    assert cluster.data.stat().st_uid == choose_server_user(cluster.data).uid != 0


@needs_root
def test_data_that_belongs_to_root_is_refused_with_the_command_that_helps(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.init()
    os.chown(cluster.data, 0, 0)
    with pytest.raises(FolderUnusable, match="chown -R"):
        cluster.start()
