"""A server that outlived the process which had started it, and the traces of one that did not.

We come here holding the folder's lock, so nobody else supervises this folder. Still a postmaster may live:
its parent was killed a moment ago and the shutdown takes its time, or the system has no parent-death
signal. And after `kill -9` of a postmaster its backends need a moment to notice.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .postmaster_file import FILE_NAME, read_postmaster_file

PAUSE_SECONDS = 0.05
PATIENCE_SECONDS = 30.0  # then an immediate shutdown: safe, the next start recovers from the log


def end_leftover_servers(data: Path, *, progress: Callable[[str], None]) -> None:
    """Return when no process serves `data` any more and nothing pretends that one does."""
    pids = find_server_processes(data)
    if pids:
        progress(
            f"A database server of an earlier run is still there (process {pids[0]}); waiting for its end"
        )
        _signal_postmaster(data, pids, signal.SIGINT)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while pids := find_server_processes(data):
        if time.monotonic() > deadline:
            _signal_all(pids, signal.SIGQUIT)
            deadline = time.monotonic() + PATIENCE_SECONDS
        time.sleep(PAUSE_SECONDS)
    _remove_foreign_postmaster_file(data)


def find_server_processes(data: Path) -> list[int]:
    """The living PostgreSQL processes of this data folder, the postmaster first if it lives.

    Judged by the working folder, which every server process has set to its data: a number in a file proves
    nothing after a reboot or a container restart, when another process may have it.
    """
    if sys.platform == "linux" and data.is_dir():
        pids = sorted(_iter_linux_processes(data))
    else:
        pids = _find_by_postmaster_file(data)
    recorded = read_postmaster_file(data)
    return sorted(pids, key=lambda pid: not (recorded and pid == recorded.pid))


def _iter_linux_processes(data: Path) -> Iterator[int]:
    wanted = data.stat()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        # Gone meanwhile, or of another user: neither serves our data.
        with contextlib.suppress(OSError):
            if (entry / "comm").read_text().strip() == "postgres" and _is_same(entry / "cwd", wanted):
                yield int(entry.name)


def _is_same(link: Path, wanted: os.stat_result) -> bool:
    found = link.stat()
    return (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)


def _find_by_postmaster_file(data: Path) -> list[int]:
    recorded = read_postmaster_file(data)
    if not recorded:
        return []
    answer = subprocess.run(
        ["ps", "-o", "command=", "-p", str(recorded.pid)], capture_output=True, text=True, check=False
    )
    return [recorded.pid] if "postgres" in answer.stdout and str(data) in answer.stdout else []


def _signal_postmaster(data: Path, pids: list[int], number: signal.Signals) -> None:
    """Backends without a postmaster get no signal: they end by themselves once they notice."""
    recorded = read_postmaster_file(data)
    if recorded and recorded.pid in pids:
        _signal_all([recorded.pid], number)


def _signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _remove_foreign_postmaster_file(data: Path) -> None:
    """Remove `postmaster.pid` when its number now belongs to a process that is no server of ours.

    PostgreSQL would take that process for its predecessor and refuse to start. With a dead number it copes
    itself, and then also checks the shared memory named in the file, so that case is left to it.
    """
    recorded = read_postmaster_file(data)
    if recorded and _is_alive(recorded.pid):
        (data / FILE_NAME).unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
