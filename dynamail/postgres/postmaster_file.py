"""`postmaster.pid`: what a running server says about itself (PostgreSQL, src/include/utils/pidfile.h)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

FILE_NAME = "postmaster.pid"
LARGEST_BYTES = 4096


@dataclass(frozen=True)
class PostmasterFile:
    pid: int
    socket_folder: Path | None
    is_ready: bool


def read_postmaster_file(data: Path) -> PostmasterFile | None:
    """None when there is no such file, or not yet a whole one."""
    try:
        # The folder belongs to the server's user and we may be root: follow no link, wait for no pipe.
        descriptor = os.open(data / FILE_NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        lines = os.read(descriptor, LARGEST_BYTES).decode(errors="replace").splitlines()
    finally:
        os.close(descriptor)
    if not lines or not lines[0].strip().isdecimal():
        return None
    socket_folder = lines[4].strip() if len(lines) > 4 else ""
    return PostmasterFile(
        pid=int(lines[0]),
        socket_folder=Path(socket_folder) if socket_folder else None,
        is_ready=len(lines) > 7 and lines[7].strip() == "ready",
    )
