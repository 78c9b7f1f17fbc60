"""Segment files: where a hit lies between its answer and the database.

`<id>.open` is written by one process, which holds a lock on it; `<id>.closed` waits to be shipped. A process that dies leaves an
open file whose lock is free: whoever ships next closes it. A hit is in the file before it is answered, so a killed process loses
none; one that loses power may lose the last second.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from uuid import UUID, uuid4

OPEN, CLOSED, REFUSED = ".open", ".closed", ".refused"
ROTATE_BYTES = 4 * 2**20


class SegmentWriter:
    """Appends records for this process. Not shared between threads."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._file: int | None = None
        self._path: Path | None = None
        self._written = 0

    def append(self, record: bytes) -> None:
        """Write one record to the kernel. Raises OSError, for example on a full disk."""
        file = self._file if self._file is not None and self._written < ROTATE_BYTES else self._begin()
        written = os.write(file, record)
        self._written += written
        if written < len(record):  # a full disk took a part: the next file starts at a whole record
            self.rotate()
            raise OSError("The disk is full")

    def rotate(self) -> None:
        """Hand the current file over for shipping. Does nothing when it is empty."""
        if self._file is None or self._path is None or not self._written:
            return
        self._path.rename(self._path.with_suffix(CLOSED))
        os.close(self._file)
        self._file = self._path = None
        self._written = 0

    def close(self) -> None:
        """Rotate, and leave no empty file behind."""
        self.rotate()
        if self._file is not None and self._path is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = self._path = None

    def _begin(self) -> int:
        self.rotate()
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.directory / f"{uuid4()}{OPEN}"
        # Named .open only once it is locked: an unlocked .open file is a dead process's.
        new = path.with_suffix(".new")
        file = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        new.rename(path)
        self._file, self._path, self._written = file, path, 0
        return file


def close_abandoned(directory: Path) -> int:
    """Close the files of processes that are gone; returns how many."""
    closed = 0
    for path in directory.glob(f"*{OPEN}"):
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.rename(path.with_suffix(CLOSED))
                closed += 1
        except (BlockingIOError, FileNotFoundError):
            continue  # its writer lives, or another process was first
    return closed


def find_closed(directory: Path) -> list[Path]:
    """The files that wait for shipping, the oldest first."""
    return sorted(directory.glob(f"*{CLOSED}"), key=_age)


def segment_id(path: Path) -> UUID:
    return UUID(path.stem)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process shipped it
        return 0.0
