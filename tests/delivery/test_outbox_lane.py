"""What the outbox lane does when its statements go wrong; the rest is tested through whole workers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dynamail.delivery import outbox_lane
from dynamail.delivery.outbox_lane import Held, OutboxLane
from dynamail.delivery.records import DELIVERED, OutboxRow, Parcel, Result
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id


def make_row() -> tuple[Any, ...]:
    return (0, new_id(), 7, "api", None, None, "ann@example.com", {}, 0, False, 0, "", utc_now())


def make_lane(rows: list[tuple[Any, ...]]) -> OutboxLane:
    """A lane whose claims are answered with these rows, and whose outcomes nobody can write."""

    async def run(name: str, parameters: object) -> list[tuple[Any, ...]]:
        return rows

    async def insist(work: object) -> None:
        raise ValueError("a value that the database does not take")

    tools = SimpleNamespace(
        database=SimpleNamespace(run=run, insist=insist),
        ways=SimpleNamespace(closed_accounts=list, list_outlets=list),
        worker_id=new_id(),
    )
    return OutboxLane(0, cast(Any, tools), cast(Any, None), cast(Any, None))


def hold(lane: OutboxLane, row: tuple[Any, ...]) -> Parcel:
    parcel = Parcel(lane, 7, row[1], "ann@example.com", compose=cast(Any, None))
    lane._hold(Held(OutboxRow(*row), parcel, "ann@example.com"))
    return parcel


async def test_a_row_that_is_still_being_settled_is_not_taken_a_second_time() -> None:
    held, fresh = make_row(), make_row()
    lane = make_lane([held, fresh])
    hold(lane, held)
    assert [row.id for row in await lane._claim()] == [fresh[1]]


async def test_a_lane_that_cannot_settle_ends_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_lane, "LOOK_SECONDS", 0.01)
    lane = make_lane([])
    parcel = hold(lane, make_row())
    work = asyncio.create_task(lane.work())
    lane.take_result(parcel, Result(DELIVERED))
    with pytest.raises(ValueError, match="does not take"):
        await work
