"""The processes of an installation, as /proc shows them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One process and its command line."""

    pid: int
    parent: int
    command: tuple[str, ...]

    def is_dynamail(self, subcommand: str) -> bool:
        """`python -m dynamail <subcommand>`, or a process that it forked."""
        words = self.command
        return "dynamail" in words and subcommand in words[words.index("dynamail") :]

    @property
    def is_postmaster(self) -> bool:
        return bool(self.command) and self.command[0].endswith("/postgres") and "-D" in self.command

    @property
    def is_backend(self) -> bool:
        """A server process of one of our connections."""
        return bool(self.command) and self.command[0].startswith("postgres: dynamail ")


def list_descendants(pid: int) -> list[Process]:
    """Children, their children and so on. What ends meanwhile is left out."""
    everyone = [one for folder in Path("/proc").glob("[0-9]*") if (one := read_process(int(folder.name)))]
    found, parents = [], {pid}
    while parents:
        children = [one for one in everyone if one.parent in parents]
        found += children
        parents = {one.pid for one in children}
    return found


def read_process(pid: int) -> Process | None:
    folder = Path(f"/proc/{pid}")
    try:
        parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        words = (folder / "cmdline").read_bytes().rstrip(b"\0").decode(errors="replace").split("\0")
    except (OSError, ValueError):
        return None
    return Process(pid, parent, tuple(words))
