"""Which message a connection is given next."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from dynamail.delivery.feeds import Feed
from dynamail.delivery.records import Parcel
from dynamail.lib.ids import new_id
from dynamail.protocols.smtp.envelopes import Envelope


def make_feed() -> Feed:
    route = SimpleNamespace(account_id=7, transport_id=1, problem="")
    throttle = SimpleNamespace(take=lambda now: True)
    return Feed(cast(Any, route), cast(Any, throttle), journal=cast(Any, None), site="")


def make_parcel(email: str, *, age: float = 0.0) -> Parcel:
    return Parcel(
        cast(Any, None),
        7,
        new_id(),
        email,
        compose=lambda parcel, now: Envelope("", parcel.email, b"Hi"),
        gated_at=asyncio.get_running_loop().time() - age,
    )


async def test_nothing_goes_before_an_urgent_message_whose_gate_must_be_asked_again() -> None:
    feed = make_feed()
    feed._queue.urgent.append(make_parcel("code@example.com", age=5.0))
    feed._queue.bulk.append(make_parcel("news@example.com"))
    assert feed.next_envelope() is None
    feed._queue.urgent[0].gated_at = asyncio.get_running_loop().time()
    sent = [feed.next_envelope(), feed.next_envelope()]
    assert [one and one.recipient for one in sent] == ["code@example.com", "news@example.com"]
