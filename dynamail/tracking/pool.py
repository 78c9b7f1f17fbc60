from __future__ import annotations

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

WORK_ROLE = (
    "dynamail_work"  # hits belong to all accounts; its policies open exactly the tables that a worker needs
)
WAIT_SECONDS = 5.0  # for a free connection; a click waits no longer for a link that is not in memory


def make_pool(dsn: str, *, size: int = 4, name: str = "tracking") -> AsyncConnectionPool:
    """Connections for hot endpoints, under the workers' role. Not opened yet: `await pool.open()`."""
    options = str(conninfo_to_dict(dsn).get("options") or "")
    return AsyncConnectionPool(
        make_conninfo(dsn, options=f"{options} -c role={WORK_ROLE}".strip()),
        min_size=1,
        max_size=size,
        kwargs={"autocommit": True},
        open=False,
        timeout=WAIT_SECONDS,
        name=name,
    )
