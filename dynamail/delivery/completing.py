"""A campaign is finished when nothing of it is left to send. Said in the database's words: campaigns are not below this package."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from dynamail.delivery.database import Connection, Database, fetch
from dynamail.events.kinds import EventKind
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import derived_id
from dynamail.lib.sql import load_sql


async def finish_campaigns(database: Database, source_id: UUID | None = None) -> int:
    """Finish this campaign if it is done, or every one that is; returns how many. Each gets its event in the same transaction."""
    now = utc_now()
    return await database.insist(lambda connection: _finish(connection, source_id, now))


async def _finish(connection: Connection, source_id: UUID | None, now: datetime) -> int:
    async with connection.transaction():
        finished = await fetch(
            connection, load_sql("delivery", "finish_campaigns"), {"source_id": source_id, "now": now}
        )
        for account_id, uid in finished:
            event_id = derived_id(now, "campaign.finished", uid)
            values = [
                [event_id],
                [now],
                [EventKind.CAMPAIGN_FINISHED.value],
                [None],
                [None],
                ["campaign"],
                [uid],
                ["{}"],
            ]
            await connection.execute(load_sql("events", "insert_events"), [account_id, *values])
    return len(finished)
