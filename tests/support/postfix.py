"""Debian's Postfix as a private instance: own folders, a free loopback port, everything relayed to one host and port.

    with Postfix(relay_to=("127.0.0.1", mx.port)) as relay:
        …  # relay.host, relay.port

Nothing of /etc/postfix or of the system's queue is read or written. Its master needs root, as everywhere.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import pytest

from tests.support.installation import find_free_port

PATIENCE_SECONDS = 30.0
OWNER = "postfix"
QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "saved", "trace")
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def find_reason_to_skip() -> str:
    """Why Postfix cannot run here; "" when it can."""
    if shutil.which("postconf", path="/usr/sbin:/usr/bin") is None:
        return "Postfix is not installed (make system-packages)"
    if os.geteuid() != 0:
        return "Postfix's master process needs root"
    return ""


class Postfix:
    """Start with `with` or `start()` and `stop()`. `settings` are added to main.cf. Skips the test where it cannot run.

    The default of `smtpd_forbid_bare_newline` in this version is "no": it believes `<LF>.<CR><LF>`, as the servers do
    that SMTP smuggling lives on, so a body that splits shows here.
    """

    host = "127.0.0.1"

    def __init__(self, *, relay_to: tuple[str, int], settings: Mapping[str, str] | None = None) -> None:
        self.relay_to = relay_to
        self.port = 0
        self._settings = dict(settings or {})
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What Postfix has written so far, for the message of a failed test."""
        file = self._folder / "maillog"
        return file.read_text(errors="replace") if file.exists() else ""

    def start(self) -> Postfix:
        if reason := find_reason_to_skip():
            pytest.skip(reason)
        self._folder = Path(tempfile.mkdtemp(prefix="dynamail-postfix-"))
        self._folder.chmod(0o711)
        self.port = find_free_port()
        self._make_folders()
        self._write_configuration()
        daemons = _ask_postconf("daemon_directory")
        with (self._folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [f"{daemons}/master", "-d", "-c", self._folder / "etc"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_it_answers()
        return self

    def stop(self) -> None:
        """SIGTERM to the master, which ends its children; the folders go."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Postfix:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _make_folders(self) -> None:
        owner = pwd.getpwnam(OWNER).pw_uid
        for name in ("etc", "queue", "queue/pid"):
            (self._folder / name).mkdir(mode=0o755)
        for name in (
            "data",
            "queue/private",
            "queue/public",
            "queue/maildrop",
            *(f"queue/{q}" for q in QUEUES),
        ):
            (self._folder / name).mkdir(mode=0o700)
            os.chown(self._folder / name, owner, -1)

    def _write_configuration(self) -> None:
        host, port = self.relay_to
        values = {
            "compatibility_level": "3.6",
            "config_directory": f"{self._folder}/etc",
            "queue_directory": f"{self._folder}/queue",
            "data_directory": f"{self._folder}/data",
            "maillog_file": f"{self._folder}/maillog",
            "maillog_file_prefixes": str(self._folder),
            "mail_owner": OWNER,
            "myhostname": "relay.example",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "inet_protocols": "ipv4",
            "inet_interfaces": "127.0.0.1",
            "alias_maps": "",
            "local_recipient_maps": "",
            "relayhost": f"[{host}]:{port}",
            "smtp_host_lookup": "native",
            "smtp_dns_support_level": "disabled",
            "smtp_tls_security_level": "none",
            "smtpd_tls_security_level": "none",
            "smtpd_peername_lookup": "no",
            "smtpd_client_restrictions": "",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "smtpd_recipient_restrictions": "",
            "smtputf8_enable": "yes",
            "in_flow_delay": "0",
            "minimal_backoff_time": "1s",
            "queue_run_delay": "1s",
            **self._settings,
        }
        lines = "".join(f"{name} = {value}\n" for name, value in values.items())
        (self._folder / "etc" / "main.cf").write_text(lines)
        (self._folder / "etc" / "master.cf").write_text(MASTER.format(port=self.port))

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        if wait_for_greeting(self._process, self.host, self.port):
            return
        said = (self._folder / "output").read_text(errors="replace") + self.log
        self.stop()
        raise AssertionError(f"Postfix does not answer:\n{said}")


def wait_for_greeting(process: subprocess.Popen[bytes], host: str, port: int) -> bool:
    """Whether a mail server that was just started answers; False when it has ended or takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection((host, port), timeout=5) as probe:
                if probe.recv(512).startswith(b"220"):
                    return True
        except OSError:
            time.sleep(0.05)  # asking again is all that can be done from outside
    return False


def _ask_postconf(name: str) -> str:
    return subprocess.run(
        ["/usr/sbin/postconf", "-d", "-h", name], capture_output=True, text=True, check=True
    ).stdout.strip()
