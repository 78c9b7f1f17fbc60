"""The folder of the server's Unix socket: a short path, closed to everybody else.

Whoever can enter it is trusted by the server (`trust` authentication), so it is 0700 and its owner is
verified before each use: anyone may make a folder of that name in /tmp first.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from .errors import SocketFolderTaken
from .identity import ServerUser
from .reach import can_search

PORT = 5432  # Names the socket file; nothing listens on TCP.
SOCKET_NAME = f".s.PGSQL.{PORT}"
LONGEST_PATH_BYTES = 107 if sys.platform == "linux" else 103  # sun_path without its final NUL
ALTERNATIVES = 4


def choose_socket_folder(data: Path, user: ServerUser) -> Path:
    """The first name that is ours or free. Raises SocketFolderTaken."""
    for folder in _iter_candidates(data, user):
        if not os.path.lexists(folder) or _is_ours(folder, user):
            return folder
    raise SocketFolderTaken(
        f"Every name for the database's socket folder ({folder} and others) is taken by somebody else or open "
        "to other users. Remove those folders, or set TMPDIR to a short path of your own."
    )


def prepare_socket_folder(data: Path, user: ServerUser) -> Path:
    """Make the folder if needed, free of the socket of a server that is gone."""
    folder = choose_socket_folder(data, user)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if user.switch:
            os.chown(folder, user.uid, user.gid, follow_symlinks=False)
    if not _is_ours(folder, user):  # Somebody was faster.
        return prepare_socket_folder(data, user)
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        # The lock file has the weakness of postmaster.pid: a number that another process may have now.
        (folder / name).unlink(missing_ok=True)
    return folder


def remove_socket_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _iter_candidates(data: Path, user: ServerUser) -> Iterator[Path]:
    digest = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:10]
    for base in _iter_bases(user):
        for number in range(ALTERNATIVES):
            folder = base / f"dynamail-{user.uid}-{digest}{f'-{number}' if number else ''}"
            if len(os.fsencode(folder / SOCKET_NAME)) <= LONGEST_PATH_BYTES:
                yield folder


def _iter_bases(user: ServerUser) -> Iterator[Path]:
    own = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 the folder inside is verified
    if own.is_absolute() and own.is_dir() and can_search(own, user):
        yield own.resolve()
    yield Path("/tmp")  # noqa: S108


def _is_ours(folder: Path, user: ServerUser) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077:
        return False
    return found.st_uid == user.uid
