"""One process per folder: an advisory lock that the kernel drops when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from .errors import AlreadyRunning

TRIES = 5  # `holder` looks by taking the lock for a moment; a start must not fail for that.
PAUSE_SECONDS = 0.05


class FolderLock:
    """flock on `path`; the file holds the pid of the holder, for people. It is never deleted: that would race."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        return self._descriptor is not None

    def acquire(self) -> None:
        """Take the lock; taking it again while we hold it does nothing. Raises AlreadyRunning."""
        if self.is_held:
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        for attempt in range(TRIES):
            if attempt:
                time.sleep(PAUSE_SECONDS)
            if _try_lock(descriptor):
                break
        else:
            os.close(descriptor)
            raise AlreadyRunning(self._path.parent, self._read_pid())
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def is_held_by_anyone(self) -> bool:
        if self.is_held:
            return True
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not _try_lock(descriptor)
        finally:
            os.close(descriptor)

    def _read_pid(self) -> int | None:
        text = self._path.read_text().strip()
        return int(text) if text.isdecimal() else None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
