from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, route
from litestar.datastructures import State

NO_STORE = {"cache-control": "no-store"}


class Readiness(msgspec.Struct, frozen=True):
    """May traffic be sent here?"""

    ready: bool
    database: str


@route("/healthz", http_method=["GET", "HEAD"], sync_to_thread=False, media_type="text/plain")
def show_health() -> Response[str]:
    """The process lives. Asks nobody else: a database that is away is no reason to kill this process."""
    return Response("ok\n", headers=NO_STORE, media_type="text/plain")


@route("/readyz", http_method=["GET", "HEAD"])
async def show_readiness(state: State) -> Response[Readiness]:
    """Requests can be served: the database answers."""
    try:
        async with state.pool.connection(timeout=2.0) as connection:
            await connection.execute("SELECT 1")
    except (
        Exception
    ):  # the pool's and the driver's many ways to say "not now"; the reason is in their own log
        return Response(Readiness(False, "no answer"), status_code=503, headers=_with_retry())
    return Response(Readiness(True, "answers"), headers=NO_STORE)


def _with_retry() -> dict[str, Any]:
    return {**NO_STORE, "retry-after": "5"}
