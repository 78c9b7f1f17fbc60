"""The PostgreSQL server that a test run uses: the one in DATABASE_URL if it is set, else an embedded one in a temporary folder.

The process that starts the run owns the server; parallel workers inherit its address through the environment.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

_owned: dict[str, Any] = {}


def prepare_environment() -> None:
    """Set what `dynamail.settings` reads. Nothing of the user's own installation is touched."""
    os.environ.setdefault("DYNAMAIL_SECRET_KEY", "a key for tests only, long enough to be accepted")
    os.environ["DYNAMAIL_DATABASE_ROLE"] = "login"
    if "DYNAMAIL_TEST_HOME" not in os.environ:
        home = Path(tempfile.mkdtemp(prefix="dynamail-test-"))
        os.environ["DYNAMAIL_TEST_HOME"] = str(home)
        _owned["home"] = home
    os.environ["DYNAMAIL_HOME"] = os.environ["DYNAMAIL_TEST_HOME"]
    if "DATABASE_URL" not in os.environ:
        os.environ["DATABASE_URL"] = _start_embedded(Path(os.environ["DYNAMAIL_HOME"]))
    _ensure_roles(os.environ["DATABASE_URL"])


def stop() -> None:
    """Stop what this process started; a worker started nothing."""
    if cluster := _owned.pop("cluster", None):
        cluster.stop()
    if home := _owned.pop("home", None):
        shutil.rmtree(home, ignore_errors=True)


def _start_embedded(home: Path) -> str:
    from dynamail.postgres.cluster import Cluster

    cluster = Cluster(home)
    cluster.init()
    cluster.start()
    _owned["cluster"] = cluster
    return cluster.dsn()


def _ensure_roles(dsn: str) -> None:
    from dynamail.postgres.roles import ensure_roles

    ensure_roles(dsn)
