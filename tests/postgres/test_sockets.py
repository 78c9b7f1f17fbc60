from __future__ import annotations

import os
from pathlib import Path

import pytest

from dynamail.postgres.errors import SocketFolderTaken
from dynamail.postgres.identity import choose_server_user
from dynamail.postgres.sockets import (
    ALTERNATIVES,
    LONGEST_PATH_BYTES,
    SOCKET_NAME,
    choose_socket_folder,
    prepare_socket_folder,
    remove_socket_folder,
)

from .conftest import needs_root


@pytest.fixture
def base(open_folder_for_all: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(open_folder_for_all))
    return open_folder_for_all


def test_the_folder_is_the_same_each_time_and_belongs_to_the_server(tmp_path: Path, base: Path) -> None:
    user = choose_server_user(tmp_path / "data")
    folder = prepare_socket_folder(tmp_path / "data", user)
    assert folder.parent == base
    assert prepare_socket_folder(tmp_path / "data", user) == folder
    assert choose_socket_folder(tmp_path / "other", user) != folder
    found = folder.stat()
    assert (found.st_uid, found.st_mode & 0o777) == (user.uid, 0o700)
    remove_socket_folder(folder)


def test_a_long_or_missing_tmpdir_is_passed_over(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = choose_server_user(tmp_path / "data")
    long = base / ("long" * 30)
    long.mkdir(exist_ok=True)
    for value in (long, base / "missing", "relative"):
        monkeypatch.setenv("TMPDIR", str(value))
        folder = choose_socket_folder(tmp_path / "data", user)
        assert folder.parent == Path("/tmp")
        assert len(os.fsencode(folder / SOCKET_NAME)) <= LONGEST_PATH_BYTES


def test_a_folder_open_to_others_and_a_link_are_not_used(tmp_path: Path, base: Path) -> None:
    user = choose_server_user(tmp_path / "data")
    first = choose_socket_folder(tmp_path / "data", user)
    first.mkdir()
    first.chmod(0o755)
    second = choose_socket_folder(tmp_path / "data", user)
    assert second != first
    second.symlink_to(tmp_path)
    assert choose_socket_folder(tmp_path / "data", user) not in {first, second}
    first.rmdir()
    second.unlink()


@needs_root
def test_names_taken_by_somebody_else_are_refused_in_the_end(tmp_path: Path, base: Path) -> None:
    user = choose_server_user(tmp_path / "data")
    taken = []
    for _ in range(2 * ALTERNATIVES):  # those in TMPDIR and those in /tmp
        folder = choose_socket_folder(tmp_path / "data", user)
        folder.mkdir(mode=0o700)
        os.chown(folder, 12345, 12345)
        taken.append(folder)
    try:
        with pytest.raises(SocketFolderTaken, match="TMPDIR"):
            prepare_socket_folder(tmp_path / "data", user)
    finally:
        for folder in taken:
            folder.rmdir()
