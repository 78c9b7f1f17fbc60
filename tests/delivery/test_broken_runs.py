from __future__ import annotations

from typing import Any

import pytest

from dynamail.delivery.chunk_lane import ChunkRun
from tests.delivery.stage import Stage, addresses
from tests.support.fake_mx import FakeMx


def test_what_is_queued_for_a_run_that_broke_off_does_not_leave(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease runs out and another worker sends the rest: whoever is sent to now would get two."""
    write, calls = ChunkRun._write, []

    async def break_off(run: ChunkRun, *arguments: Any, **options: Any) -> Any:
        calls.append(run)
        if len(calls) == 2:
            raise RuntimeError("a defect of ours")
        return await write(run, *arguments, **options)

    monkeypatch.setattr(ChunkRun, "_write", break_off)
    with FakeMx() as mx:
        campaign = stage.campaign(stage.account(mx.port, rate=4), addresses(20))
        worker = stage.start().worker
        stage.wait_until(lambda: len(calls) >= 2 and worker.chunks.run_count == 0)
        stage.wait_until(lambda: all(way.queued == 0 for way in worker.ways))
        assert len(mx.accepted) < 20
    assert stage.value("SELECT done FROM chunk") < 20
    assert stage.campaign_state(campaign) == "running"
