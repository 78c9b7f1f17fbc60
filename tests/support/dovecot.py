"""Debian's Dovecot as a private instance: IMAP and POP3 on free loopback ports, mail in a folder of its own.

    with Dovecot() as server:
        server.put(b"From: …")   # a message into INBOX
        …  # server.imap_port, server.pop3_port, server.username, server.password

Nothing of /etc/dovecot is read. Its master needs root, as everywhere.
"""

from __future__ import annotations

import imaplib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import pytest

from tests.support.installation import find_free_port

PATIENCE_SECONDS = 20.0
CONFIG = """\
protocols = imap pop3
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
mail_location = maildir:{folder}/mail/%u
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
ssl = no
disable_plaintext_auth = no
default_internal_user = dovecot
default_login_user = dovenull
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    address = 127.0.0.1
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
"""


def find_reason_to_skip() -> str:
    """Why Dovecot cannot run here; "" when it can."""
    if shutil.which("dovecot", path="/usr/sbin:/usr/bin") is None:
        return "Dovecot is not installed (make system-packages)"
    if os.geteuid() != 0:
        return "Dovecot's master process needs root"
    return ""


class Dovecot:
    """Start with `with`. Skips the test where it cannot run."""

    host = "127.0.0.1"
    username, password = "reports", "secret-of-the-test"

    def __init__(self) -> None:
        self.imap_port, self.pop3_port = find_free_port(), find_free_port()
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Dovecot:
        if reason := find_reason_to_skip():
            pytest.skip(reason)
        self._folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self._folder.chmod(0o755)
        mail = self._folder / "mail"
        mail.mkdir()
        nobody = pwd.getpwnam("nobody")
        os.chown(mail, nobody.pw_uid, nobody.pw_gid)
        config = self._folder / "dovecot.conf"
        config.write_text(
            CONFIG.format(
                folder=self._folder,
                password=self.password,
                imap_port=self.imap_port,
                pop3_port=self.pop3_port,
            )
        )
        self._process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", str(config)])
        self._wait_until_it_answers()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def put(self, message: bytes, *, folder: str = "INBOX") -> None:
        """A message arrives."""
        with self.sign_in() as client:
            if folder != "INBOX":
                client.create(folder)
            answer, data = client.append(folder, "", None, message)  # type: ignore[arg-type]  # no date
            assert answer == "OK", data

    def list_flags(self, folder: str = "INBOX") -> list[str]:
        """The flags of each message that is there."""
        with self.sign_in() as client:
            client.select(folder, readonly=True)
            _, data = client.fetch("1:*", "(FLAGS)")
            return [line.decode() for line in data if isinstance(line, bytes)]

    def sign_in(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4(self.host, self.imap_port, timeout=PATIENCE_SECONDS)
        client.login(self.username, self.password)
        return client

    def _wait_until_it_answers(self) -> None:
        limit = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with self.sign_in():
                    return
            except (OSError, imaplib.IMAP4.error):
                if time.monotonic() > limit:
                    log = self._folder / "log"
                    raise AssertionError(log.read_text() if log.exists() else "no answer") from None
                time.sleep(0.05)
