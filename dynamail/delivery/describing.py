"""What a page shows about a way out."""

from __future__ import annotations

from typing import Any

from dynamail.delivery.connections import WayOut


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


def find_state(way: WayOut, now: float) -> str:
    """One word: open, slowed (by a limit), trying (after a failure), silent (no greeting), closed."""
    if way.is_stalled(now):
        return "silent"
    if way.is_closed:
        return "closed"
    if way.breaker.is_trying:
        return "trying"
    return "slowed" if way.throttle.reason or way.is_short(now) else "open"
