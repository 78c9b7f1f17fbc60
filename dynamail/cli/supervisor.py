"""Keeping child processes alive, and ending them in order.

A child that ends unexpectedly is started again after a pause that doubles with each quick failure. SIGTERM and SIGINT end
the children last-to-first, each with time to drain; one that does not end in time is killed and said so.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_AFTER_SECONDS = 10.0  # a child that lived this long starts afresh with the pauses
DRAIN_SECONDS = 25.0  # longer than any process takes to drain by itself
POLL_SECONDS = 0.25


@dataclass
class Child:
    """One process of the group."""

    name: str
    arguments: Sequence[str]
    runs_once: bool = False  # its end is its success; it is not started again
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause_seconds: float = FIRST_PAUSE_SECONDS
    restart_at: float = 0.0

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "dynamail", *self.arguments])
        self.started_at = time.monotonic()

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass
class Supervisor:
    """Starts the children, watches them and an extra check, until `stop` is asked for."""

    children: list[Child]
    say: Callable[[str], None]
    check: Callable[[], None] = lambda: (
        None
    )  # runs at each poll: the embedded database looks after itself here
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Blocks until a signal asks to stop; then ends every child."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        try:
            for child in self.children:
                child.start()
            while not self.stopping.wait(POLL_SECONDS):
                self.check()
                for child in self.children:
                    self._look_after(child)
        finally:
            self._end_all()

    def _look_after(self, child: Child) -> None:
        if child.is_alive or (child.runs_once and child.started_at):
            return
        now = time.monotonic()
        if not child.restart_at:
            if now - child.started_at > STEADY_AFTER_SECONDS:
                child.pause_seconds = FIRST_PAUSE_SECONDS
            code = child.process.returncode if child.process else "?"
            self.say(f"{child.name} ended with {code}; starting it again in {child.pause_seconds:g} s")
            child.restart_at = now + child.pause_seconds
            child.pause_seconds = min(child.pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        elif now >= child.restart_at:
            child.restart_at = 0.0
            child.start()

    def _end_all(self) -> None:
        alive = [child for child in reversed(self.children) if child.is_alive]
        for child in alive:
            child.process.terminate()  # type: ignore[union-attr]
        deadline = time.monotonic() + DRAIN_SECONDS
        for child in alive:
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))  # type: ignore[union-attr]
            except subprocess.TimeoutExpired:
                self.say(
                    f"{child.name} did not drain within {DRAIN_SECONDS:g} s and was killed; nothing accepted is lost"
                )
                child.process.kill()  # type: ignore[union-attr]
