"""A whole DynaMail, as `dynamail up` starts it: its own data folder, embedded database, free ports, every process real."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 180  # patience, not a measurement
STOP_SECONDS = 40


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Installation:
    """A running installation; `url` answers, `home` holds its data and `log` what it printed."""

    home: Path
    url: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    log: Path

    def run(self, *arguments: str) -> str:
        """Run `dynamail …` against this installation and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "dynamail", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def dsn(self) -> str:
        return self.run("db", "dsn").strip()

    def stop(self) -> None:
        """SIGTERM, as an operator would; the data folder goes."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            shutil.rmtree(self.home, ignore_errors=True)


def start_installation(*, demo: bool = False, **settings: str) -> Installation:
    """`dynamail up` on free ports; returns when the sign-in page answers."""
    home = Path(tempfile.mkdtemp(prefix="dynamail-run-"))
    port = find_free_port()
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("DYNAMAIL_", "DATABASE_URL"))
    }
    environment |= {
        "DYNAMAIL_HOME": str(home / "data"),
        "DYNAMAIL_PORT": str(port),
        "DYNAMAIL_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DYNAMAIL_CAPTURE_PORT": str(find_free_port()),
        "DYNAMAIL_SUBMISSION_PORT": str(find_free_port()),
        "DYNAMAIL_SUBMISSION_TLS_PORT": str(find_free_port()),
        "DYNAMAIL_OPEN_SYSTEM_MAILBOX": "true",
        **settings,
    }
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    log = home / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dynamail", "up", *(["--demo"] if demo else [])],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    installation = Installation(home, f"http://127.0.0.1:{port}", environment, process, log)
    try:
        _wait_until_it_answers(installation)
    except BaseException:
        installation.stop()  # nobody else knows of it
        raise
    return installation


def _wait_until_it_answers(installation: Installation) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if installation.process.poll() is not None:
            raise AssertionError(
                f"dynamail up ended with {installation.process.returncode}:\n{installation.log.read_text()}"
            )
        try:
            with urllib.request.urlopen(f"{installation.url}/accounts/login/", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)  # asking again is all that can be done from outside
    raise AssertionError(f"no page after {START_SECONDS} s:\n{installation.log.read_text()}")
