"""Where the embedded server's files are and how to reach it, without starting anything."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def default_home() -> str:
    """The user's data directory (XDG Base Directory on Linux, Library on macOS)."""
    if sys.platform == "darwin":
        return str(Path.home() / "Library" / "Application Support" / "DynaMail")
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return str(Path(base) / "dynamail")


def embedded_dsn(home: Path) -> str:
    """The connection string of the embedded server whose files are under `home`."""
    from dynamail.postgres.cluster import Cluster

    return Cluster(home).dsn()
