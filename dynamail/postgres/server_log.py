"""The server's log file: kept small at each start, and read for signs of progress and for the reason of an end."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

LARGEST_LOG_BYTES = 20 * 1024 * 1024
PROGRESS = re.compile(
    r"LOG:\s+(?:(database system was not properly shut down|redo starts|redo in progress|redo done|"
    r"syncing data directory|performing .* reset).*)"
)
LINE_START = re.compile(r"^\S+ \S+ \S+ \[\d+\] .*?(?=[A-Z]+: )")  # our log_line_prefix
LAST_LINES = 3


def rotate_log(log: Path) -> None:
    """Put a large log aside as `.1`; the one before is dropped."""
    if log.exists() and log.stat().st_size > LARGEST_LOG_BYTES:
        os.replace(log, log.with_name(f"{log.name}.1"))
    log.touch(mode=0o600)


class LogTail:
    """What was written since this object was made."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._start = self._position = log.stat().st_size

    def read_progress(self) -> Iterator[str]:
        """New lines about crash recovery, without time and process id."""
        for line in self._read_lines():
            if match := PROGRESS.search(line):
                yield f"Recovering the database: {match[0].removeprefix('LOG:').strip()}"

    def last_error(self) -> str:
        """What the server said last about why it ended."""
        with self._log.open("rb") as file:
            file.seek(self._start)
            text = file.read().decode(errors="replace")
        return "; ".join(LINE_START.sub("", line) for line in text.splitlines()[-LAST_LINES:])

    def _read_lines(self) -> list[str]:
        with self._log.open("rb") as file:
            file.seek(self._position)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._position += len(whole)
        return whole.decode(errors="replace").splitlines()
