"""Which accounts a worker remembers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from dynamail.delivery.ways import Ways, WaysSettings, _Known
from dynamail.protocols.dns import Resolver
from dynamail.protocols.hop_plans import HopSettings
from dynamail.protocols.smtp.next_hop import Timeouts


def make_ways(*account_ids: int) -> Ways:
    """Their outlets do nothing, and nobody has asked for them for long."""
    nobody = cast(Any, None)
    settings = WaysSettings(4, HopSettings("mail.example", Timeouts()), Resolver(()))
    ways = Ways(nobody, gate=nobody, journal=nobody, settings=settings)
    outlet = cast(
        Any, SimpleNamespace(is_idle=True, sent=0, forget_unused=lambda now: [], list_tallies=lambda: [])
    )
    now = asyncio.get_running_loop().time()
    for account_id in account_ids:
        ways._known[account_id] = _Known(outlet, read_at=now, used_at=float("-inf"))
    return ways


async def test_an_outlet_is_kept_while_a_lane_holds_something_for_it() -> None:
    ways = make_ways(1, 2)
    await ways.refresh(in_use={2})
    assert list(ways._known) == [2]
    await ways.refresh()
    assert list(ways._known) == [2], "it was in use a moment ago"
