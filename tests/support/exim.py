"""Debian's Exim as a private instance: own folders, a free loopback port, everything relayed to one host and port.

    with Exim(relay_to=("127.0.0.1", mx.port)) as relay:
        …  # relay.host, relay.port

Its package and Postfix's exclude each other, so `install_system_packages.sh` unpacks the program alone into a folder. Nothing
of /etc/exim4 or of the system's queue is read or written.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

import pytest

from tests.support.installation import find_free_port
from tests.support.postfix import PATIENCE_SECONDS, wait_for_greeting

UNPACKED = Path("/usr/local/lib/dynamail-tests/exim/usr/sbin/exim4")
OWNER = "Debian-exim"  # compiled into Debian's program
CONFIGURATION = """\
primary_hostname = relay.example
qualify_domain = relay.example
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/spool/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
keep_environment =
# Without this and connection_max_messages it would start itself anew, from a path that does not exist here.
deliver_drop_privilege = true
acl_smtp_rcpt = accept_all
acl_smtp_data = accept_all
chunking_advertise_hosts = *
pipelining_advertise_hosts = *
smtputf8_advertise_hosts = *
tls_advertise_hosts =
host_lookup =
rfc1413_query_timeout = 0s
begin acl
accept_all:
  accept
begin routers
onward:
  driver = manualroute
  route_list = * {host}
  host_find_failed = defer
  self = send
  transport = onward
begin transports
onward:
  driver = smtp
  port = {onward}
  allow_localhost
  connection_max_messages = 1
  hosts_avoid_tls = *
begin retry
* * F,1h,1s
"""


def find_exim() -> str:
    """The path of the program; "" without one."""
    return shutil.which("exim4", path="/usr/sbin:/usr/bin") or (str(UNPACKED) if UNPACKED.exists() else "")


def find_reason_to_skip() -> str:
    """Why Exim cannot run here; "" when it can."""
    if not find_exim():
        return "Exim is not installed (make system-packages)"
    if os.geteuid() != 0:
        return "Exim needs root for a configuration of our own"
    try:
        pwd.getpwnam(OWNER)
    except KeyError:
        return f"Exim's user {OWNER} does not exist (make system-packages)"
    return ""


class Exim:
    """Start with `with` or `start()` and `stop()`. Skips the test where it cannot run."""

    host = "127.0.0.1"

    def __init__(self, *, relay_to: tuple[str, int]) -> None:
        self.relay_to = relay_to
        self.port = 0
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What Exim has written so far, for the message of a failed test."""
        files = sorted((self._folder / "log").glob("*log"))
        return "".join(file.read_text(errors="replace") for file in files)

    def start(self) -> Exim:
        if reason := find_reason_to_skip():
            pytest.skip(reason)
        self._folder = Path(tempfile.mkdtemp(prefix="dynamail-exim-"))
        self._folder.chmod(0o711)
        self.port = find_free_port()
        self._write_configuration()
        with (self._folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [find_exim(), "-C", str(self._folder / "exim.conf"), "-bdf", "-q1s"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if not wait_for_greeting(self._process, self.host, self.port):
            said = (self._folder / "output").read_text(errors="replace") + self.log
            self.stop()
            raise AssertionError(f"Exim does not answer:\n{said}")
        return self

    def stop(self) -> None:
        """SIGTERM to the daemon; the folders go."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Exim:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _write_configuration(self) -> None:
        owner = pwd.getpwnam(OWNER)
        for name in ("spool", "log"):
            (self._folder / name).mkdir(mode=0o750)
            os.chown(self._folder / name, owner.pw_uid, owner.pw_gid)
        host, onward = self.relay_to
        text = CONFIGURATION.format(folder=self._folder, port=self.port, host=host, onward=onward)
        (self._folder / "exim.conf").write_text(text)
