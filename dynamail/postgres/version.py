"""Which PostgreSQL made the data. Files of one major version are unreadable for any other."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from .binaries import Binaries
from .errors import FolderUnusable, OtherMajor


@dataclass(frozen=True)
class VersionRecord:
    """`major` made the data; `server_version` and `origin` are of the last start."""

    major: int
    server_version: str
    origin: str
    created_at: str


def read_data_major(data: Path) -> int | None:
    """The major version of the files themselves, None when there is no data yet."""
    if not data.exists():
        return None
    try:
        return int((data / "PG_VERSION").read_text())
    except (OSError, ValueError):
        raise FolderUnusable(
            f"{data} exists but holds no readable PostgreSQL database (PG_VERSION is missing or damaged). "
            "If it is yours to lose, move it away; otherwise restore it from a copy."
        ) from None


def check_major(data: Path, binaries: Binaries) -> None:
    """Raises OtherMajor when these programs cannot open the data; nothing is changed."""
    major = read_data_major(data)
    if major is not None and major != binaries.major:
        raise OtherMajor(
            f"The database in {data} was made by PostgreSQL {major}, but the programs found here are "
            f"{binaries.version} ({binaries.folder}). Nothing was changed. Either install the programs of "
            f"PostgreSQL {major}; or start the earlier DynaMail, run `dynamail db backup FILE`, move "
            f"{data.parent} away, start this version and run `dynamail db restore FILE`."
        )


def read_version_record(path: Path) -> VersionRecord | None:
    try:
        return VersionRecord(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None  # Only a record: PG_VERSION is what counts.


def record_version(path: Path, binaries: Binaries) -> VersionRecord:
    """Write who started the server; the date of creation stays what it was."""
    known = read_version_record(path)
    if known and known.major == binaries.major:
        record = replace(known, server_version=binaries.version, origin=_describe(binaries))
    else:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        record = VersionRecord(binaries.major, binaries.version, _describe(binaries), now)
    if record != known:
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(record), indent=2) + "\n")
        os.replace(partial, path)
    return record


def _describe(binaries: Binaries) -> str:
    return f"{binaries.origin}: {binaries.folder}"
