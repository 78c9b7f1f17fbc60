"""Campaigns that harm their sender pause themselves: the workers look every few seconds, whichever of them is first.

A member with the role resumes it; from then on only what happens afterwards counts (`campaign.guard_baseline`).
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import Any

from dynamail.delivery.database import Connection, Database, fetch
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import derived_id
from dynamail.lib.sql import load_sql
from dynamail.messages.guard_rails import Level, Tally, Verdict, judge

log = logging.getLogger(__name__)


async def guard_campaigns(database: Database) -> int:
    """Pause every running campaign whose bounces or complaints passed the limit; returns how many."""
    rows = await database.run("load_tallies", {})
    stopped = 0
    for row in rows:
        verdict = judge_row(row)
        if verdict.level is Level.STOP:
            stopped += await _pause(database, row[0], row[1], verdict)
    return stopped


def judge_row(row: tuple[Any, ...]) -> Verdict:
    """A row of load_tallies.sql: account, campaign, the four figures, the baseline of the last resume."""
    _, _, attempted, delivered, hard, complained, baseline = row
    return judge(Tally(attempted, delivered, hard, complained).since(Tally(**baseline)))


async def _pause(database: Database, account_id: int, source_id: Any, verdict: Verdict) -> int:
    now = utc_now()
    stopped_by = {"cause": verdict.cause, "count": verdict.count, "of": verdict.of}
    parameters = {
        "account_id": account_id,
        "source_id": source_id,
        "stopped_by": json.dumps(stopped_by),
        "event_id": derived_id(now, "campaign.paused", source_id),
        "now": now,
    }

    async def write(connection: Connection) -> list[tuple[Any, ...]]:
        return await fetch(connection, load_sql("delivery", "pause_guarded"), parameters)

    paused = len(await database.insist(write))
    if paused:
        log.warning("Campaign %s was paused: %s", source_id, asdict(verdict))
    return paused
