"""The work process is killed while webhooks leave: each event arrives, each repetition under the same id, and soon."""

from __future__ import annotations

from collections import Counter

import pytest

from dynamail.lib.ids import to_public_id
from tests.support.delivering import open_workplace
from tests.support.hooking import happen, make_shop, start_hook_sink, start_work

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

EVENTS = 1_500
KILLED_AT = (50, 400, 900)  # arrivals
MOST_CLAIMED = 48  # for one endpoint, webhooks/sending.py


def test_kills_lose_no_event_and_repeat_it_under_its_id() -> None:
    with start_hook_sink() as sink, open_workplace(DYNAMAIL_EGRESS_ALLOWED=sink.address) as place:
        shop = make_shop(place, sink)
        happen(place, shop, EVENTS)
        for moment in KILLED_AT:
            worker = start_work(place)
            place.wait_until(lambda moment=moment: sink.count() >= moment)  # type: ignore[misc]
            worker.kill()
        with start_work(place):
            place.wait_until(
                lambda: (
                    place.fetch("SELECT count(*) FROM webhook_delivery WHERE state <> 'delivered'") == [(0,)]
                    and place.fetch("SELECT count(*) FROM webhook_delivery") == [(EVENTS,)]
                )
            )
        arrived = Counter(one.webhook_id for one in sink.list_arrivals())
        events = place.fetch("SELECT id FROM event WHERE kind = 'campaign.launched'")
        assert arrived.keys() == {to_public_id("evt", event_id) for (event_id,) in events}
        assert len(arrived) == EVENTS
        assert arrived.total() - EVENTS <= len(KILLED_AT) * MOST_CLAIMED
