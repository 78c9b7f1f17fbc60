"""What a page shows about a way out."""

from __future__ import annotations

from typing import Any

from dynamail.delivery.connections import WayOut
from dynamail.delivery.direct import Direct


def describe_way(way: WayOut) -> dict[str, Any]:
    """As JSON. `problem` may hold a server's words: shown as text. Seconds throughout."""
    now = way.now()
    return {
        "account_id": way.route.account_id,
        "transport_id": way.route.transport_id,
        "name": way.route.name,
        "site": way.site,
        "connections": way.connection_count,
        "queued": way.queued,
        "sent": way.sent,
        "problem": way.problem,
        "state": find_state(way, now),
        "is_closed": way.is_closed,
        "closed_seconds": round(way.seconds_closed),
        "throttle": {
            "reason": way.throttle.reason,
            "wait_seconds": round(way.throttle.seconds_to_wait(now), 1),
            "connections": way.most_connections,
        },
    }


def describe_direct(direct: Direct) -> dict[str, Any]:
    """The same for a direct transport from which nothing leaves, whatever the destination."""
    return {
        "account_id": direct.route.account_id,
        "transport_id": direct.route.transport_id,
        "name": direct.route.name,
        "site": "",
        "connections": 0,
        "queued": 0,
        "sent": 0,
        "problem": direct.problem,
        "state": "closed",
        "is_closed": True,
        "closed_seconds": round(direct.seconds_closed),
        "throttle": {"reason": "", "wait_seconds": round(direct.wait, 1), "connections": 0},
    }


def find_state(way: WayOut, now: float) -> str:
    """One word: open, slowed (by a limit), trying (after a failure), silent (no greeting), closed."""
    if way.is_stalled(now):
        return "silent"
    if way.is_closed:
        return "closed"
    if way.breaker.is_trying:
        return "trying"
    return "slowed" if way.throttle.reason or way.is_short(now) else "open"
