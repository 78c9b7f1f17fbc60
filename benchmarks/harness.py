"""What the delivery benchmarks share: sinks that receive, and what the processes of this machine have used."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.installation import find_free_port

SMTP_SINK, SMTP_SOURCE = "/usr/sbin/smtp-sink", "/usr/sbin/smtp-source"
TICKS = os.sysconf("SC_CLK_TCK")
BACKLOG = "1000"
PATIENCE_SECONDS = 15.0


@dataclass(frozen=True)
class Sink:
    """An SMTP server that accepts and forgets."""

    name: str
    host: str
    port: int


@contextmanager
def start_sink() -> Iterator[Sink]:
    """Postfix's smtp-sink; where it is not installed, the sink of the tests."""
    name = "smtp-sink" if Path(SMTP_SINK).exists() else "fast_sink"
    port = find_free_port()
    command = [sys.executable, "-m", "tests.support.fast_sink", "--port", str(port)]
    if name == "smtp-sink":
        # It changes to another user before it receives anything, and insists on it for root.
        user = ["-u", _choose_user()] if os.geteuid() == 0 else []
        command = [SMTP_SINK, *user, f"127.0.0.1:{port}", BACKLOG]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for_port(port)
        yield Sink(name, "127.0.0.1", port)
    finally:
        process.terminate()
        process.wait()


def run_smtp_source(sink: Sink, *, count: int, size: int, sessions: int = 10) -> float | None:
    """Messages per second of Postfix's C program to the same sink, over lasting connections; None where it is missing."""
    if shutil.which(SMTP_SOURCE) is None:
        return None
    where = f"{sink.host}:{sink.port}"
    started = time.perf_counter()
    subprocess.run(
        [SMTP_SOURCE, "-d", "-s", str(sessions), "-l", str(size), "-m", str(count), where], check=True
    )
    return count / (time.perf_counter() - started)


def read_cpu_seconds(pids: Iterable[int]) -> dict[int, float]:
    """User and system time of each process that is still there."""
    used = {}
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        used[pid] = (int(fields[11]) + int(fields[12])) / TICKS
    return used


def read_waiting_seconds(pid: int) -> float:
    """How long a process was ready to run and had no core; 0 where the kernel does not tell."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def list_sockets_to(pid: int, port: int) -> set[int]:
    """Our ports of the connections that a process has to a port of loopback."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):
            kind, _, inode = os.readlink(descriptor).partition(":")
            if kind == "socket":
                inodes.add(inode.strip("[]"))
    ports = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[9] in inodes and int(fields[2].partition(":")[2], 16) == port:
            ports.add(int(fields[1].partition(":")[2], 16))
    return ports


def read_memory_mb(pid: int, field: str = "VmRSS") -> float:
    """VmRSS is what a process holds now, VmHWM the most it ever held; 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def count_spent(before: dict[int, float], after: dict[int, float]) -> float:
    """Seconds that the processes of the second reading have used since the first, or since they began."""
    return sum(used - before.get(pid, 0.0) for pid, used in after.items())


def read_load() -> float:
    """Load average of the last minute: how busy the machine was with other things too."""
    return round(os.getloadavg()[0], 2)


def print_table(rows: Iterable[tuple[str, object]]) -> None:
    rows = list(rows)
    width = max(len(label) for label, _ in rows)
    for label, value in rows:
        print(f"  {label:<{width}}  {value}")


def print_result(result: dict[str, object]) -> None:
    """The last line of every benchmark."""
    print(json.dumps(result), flush=True)


def _choose_user() -> str:
    for name in ("postfix", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    return "daemon"


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
