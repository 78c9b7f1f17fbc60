"""Reading what a backup file holds, before anything is done with it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .binaries import Binaries, parse_major
from .connecting import join_words
from .errors import NotABackup
from .roles import OWNER

MAGIC = b"PGDMP"  # pg_dump's custom format
TABLE_LINE = re.compile(
    r"^\d+; \d+ \d+ TABLE (?!DATA |ATTACH )(?P<schema>\S+) (?P<name>.+) (?P<owner>\S+)$", re.M
)
SOURCE_LINE = re.compile(r"^;\s+Dumped from database version: (\S+)", re.M)
TOO_NEW = re.compile(r"unsupported version \((\S+)\)")


@dataclass(frozen=True)
class DumpContents:
    """`tools` is the first of the offered programs that can read the file."""

    tables: int
    source_version: str
    tools: Binaries

    @property
    def source_major(self) -> int:
        return parse_major(self.source_version)


def read_dump_contents(file: Path, *, tools: Sequence[Binaries]) -> DumpContents:
    """Raises NotABackup when the file is no dump of a DynaMail database, or needs newer programs."""
    _check_magic(file)
    complaint = ""
    for candidate in tools:
        answer = subprocess.run(
            [candidate.path("pg_restore"), "--list", str(file)], capture_output=True, text=True, check=False
        )
        if answer.returncode == 0:
            return _parse_contents(file, answer.stdout, candidate)
        complaint = complaint or answer.stderr
    if match := TOO_NEW.search(complaint):
        raise NotABackup(
            f"{file} was written by a newer pg_dump (file format {match[1]}) than the programs found here can "
            "read. Install the PostgreSQL client programs of the version that wrote it."
        )
    raise NotABackup(
        f"{file} is damaged and cannot be restored: {join_words(complaint)}. Nothing was changed."
    )


def _check_magic(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            start = opened.read(len(MAGIC))
    except OSError as error:
        raise NotABackup(f"{file} cannot be read: {error.strerror or error}.") from None
    if start != MAGIC:
        raise NotABackup(f"{file} is not a backup made by `dynamail db backup`. Nothing was changed.")


def _parse_contents(file: Path, listing: str, tools: Binaries) -> DumpContents:
    tables = sum(match["owner"] == OWNER for match in TABLE_LINE.finditer(listing))
    if not tables:
        raise NotABackup(
            f"{file} is a PostgreSQL dump, but of another program: no table in it belongs to {OWNER}. "
            "Nothing was changed."
        )
    source = SOURCE_LINE.search(listing)
    return DumpContents(tables, source[1] if source else "0", tools)
