"""Running PostgreSQL's programs as the server's user, and keeping the server as our child."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .identity import ServerUser

LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass(frozen=True)
class FolderHandle:
    """A folder as the child names it, and the descriptors the child must inherit for that name to work."""

    name: str
    descriptors: tuple[int, ...]


@contextmanager
def open_folder(folder: Path, user: ServerUser) -> Iterator[FolderHandle]:
    """A name under which `user` can use `folder`, even if it may not search the folders above it.

    Root's home and `mktemp -d` are closed to the server's user, and opening them up is not ours to do. A
    descriptor needs no path: /proc/self/fd/N leads to the open folder without a look at its parents, in
    the child and in everything it forks. (Not /proc/self/cwd: PostgreSQL 15 changes its folder to and fro
    to find its own program.) The postmaster keeps its own copy, so ours is closed after the start.
    """
    if not user.switch or sys.platform != "linux":
        yield FolderHandle(str(folder), ())
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield FolderHandle(f"/proc/self/fd/{descriptor}", (descriptor,))
    finally:
        os.close(descriptor)


def run_as(
    user: ServerUser, command: Sequence[str], *, folder: FolderHandle | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a short program to its end as `user`; output and errors are captured, no failure is raised."""
    return subprocess.run(
        _launch(user, command),
        pass_fds=folder.descriptors if folder else (),
        cwd="/",
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        start_new_session=True,
        check=False,
    )


def child_environment() -> dict[str, str]:
    """Nothing of ours but what finds programs and libraries: a PGDATA or PGOPTIONS around us must not count."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _launch(user: ServerUser, command: Sequence[str]) -> list[str]:
    identity = (str(user.uid), str(user.gid)) if user.switch else ("-", "-")
    return [sys.executable, "-I", "-S", str(LAUNCHER), *identity, str(os.getpid()), *command]


class ServerProcess:
    """The postmaster as our child, in a session of its own so that Ctrl-C in a terminal does not reach it.

    The kernel sends the parent-death signal when the *thread* that started the child ends, so a thread that
    does nothing else starts it and stays until the child is gone.
    """

    def __init__(self, user: ServerUser, command: Sequence[str], *, folder: FolderHandle, log: Path) -> None:
        self._command = _launch(user, command)
        self._descriptors = folder.descriptors
        self._log = log
        self._started = threading.Event()
        self._ended = threading.Event()
        self._failure: OSError | None = None
        self._process: subprocess.Popen[bytes] | None = None
        threading.Thread(target=self._keep, name="postgres-keeper", daemon=True).start()
        self._started.wait()
        if self._failure:
            raise self._failure

    @property
    def pid(self) -> int:
        return self._child.pid

    def poll(self) -> int | None:
        """The exit status, None while the server lives."""
        return self._child.returncode if self._ended.is_set() else None

    def wait(self, *, timeout_seconds: float | None = None) -> int | None:
        """Wait for the end; None when it still lives after the timeout."""
        self._ended.wait(timeout_seconds)
        return self.poll()

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            self._child.send_signal(number)

    @property
    def _child(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("The server process was never started.")
        return self._process

    def _keep(self) -> None:
        try:
            self._process = self._spawn()
        except OSError as error:
            self._failure = error
            self._started.set()
            return
        self._started.set()
        self._process.wait()
        self._ended.set()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                pass_fds=self._descriptors,
                cwd="/",
                env=child_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
