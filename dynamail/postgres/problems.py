"""What would keep the embedded server of a folder from starting, found without changing anything."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .binaries import find_binaries
from .errors import PostgresError
from .identity import choose_server_user
from .leftovers import find_server_processes
from .lock import FolderLock
from .postmaster_file import read_postmaster_file
from .sockets import choose_socket_folder
from .version import check_major, read_data_major

SMALLEST_FREE_BYTES = 1024**3


@dataclass(frozen=True)
class Problem:
    """`code` is stable, `sentence` says what is the case, `hint` what to do."""

    code: str
    sentence: str
    hint: str


def find_problems(home: Path) -> list[Problem]:
    """Everything that is wrong with the embedded server of `home`, an empty list when nothing is."""
    data = home.absolute() / "postgres" / "data"
    checks: tuple[Callable[[Path], Iterator[Problem]], ...] = (
        _check_folder,
        _check_disk,
        _check_user,
        _check_programs,
        _check_leftovers,
        _check_socket_folder,
    )
    return [problem for check in checks for problem in _run_check(check, data)]


def _run_check(check: Callable[[Path], Iterator[Problem]], data: Path) -> list[Problem]:
    try:
        return list(check(data))
    except PostgresError as error:
        return [_from_error(error)]
    except PermissionError:
        return []  # _check_folder has said it.


def _check_folder(data: Path) -> Iterator[Problem]:
    folder = _find_existing(data.parent)
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        yield Problem(
            "postgres.folder_not_writable",
            f"The folder {folder} cannot be written to by the current user.",
            "Change its owner, start DynaMail as its owner, or choose another folder with DYNAMAIL_HOME.",
        )


def _check_disk(data: Path) -> Iterator[Problem]:
    folder = _find_existing(data)
    free = shutil.disk_usage(folder).free
    if free < SMALLEST_FREE_BYTES:
        yield Problem(
            "postgres.low_disk",
            f"Only {free // 1024**2} MB are free on the disk of {folder}.",
            "Make room: the database stops when the disk is full, and it needs 1 GB to work well.",
        )


def _check_user(data: Path) -> Iterator[Problem]:
    choose_server_user(data)
    yield from ()


def _check_programs(data: Path) -> Iterator[Problem]:
    major = read_data_major(data)
    try:
        find_binaries(major=major)
    except PostgresError:
        check_major(data, find_binaries())
    yield from ()


def _check_leftovers(data: Path) -> Iterator[Problem]:
    recorded = read_postmaster_file(data)
    if not recorded or FolderLock(data.parent / "lock").is_held_by_anyone():
        return
    if pids := find_server_processes(data):
        yield Problem(
            "postgres.orphan_server",
            f"A database server (process {pids[0]}) still runs, but the DynaMail that started it is gone.",
            "The next start ends it in good order and takes over.",
        )
    else:
        yield Problem(
            "postgres.stale_lock",
            "The database server did not shut down in good order the last time.",
            "The next start recovers by itself; nothing that was saved is lost.",
        )


def _check_socket_folder(data: Path) -> Iterator[Problem]:
    choose_socket_folder(data, choose_server_user(data))
    yield from ()


def _from_error(error: PostgresError) -> Problem:
    """Our errors say what is the case first, then what to do."""
    sentence, separator, hint = str(error).partition(". ")
    return Problem(error.code, sentence + ("." if separator else ""), hint)


def _find_existing(path: Path) -> Path:
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path
