"""What dead workers left behind: found, judged by their journals, settled.

1. A journal whose lock can be taken belongs to a dead process of this host; its chunks and rows are taken over at once.
2. Work of other hosts is taken over when its lease has run out; nobody here has that journal.
3. Each declared message is judged: a noted reply is the outcome; a noted dot without a reply is in doubt; no note, in a journal of
   this boot, means not sent; no journal means in doubt.
4. The judgments are settled like any other outcomes, fenced by a new epoch. Only then the journal goes: whoever dies in between
   leaves everything as it was, in the name of the first one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from dynamail.delivery.chunk_lane import ChunkRun, read_lease
from dynamail.delivery.database import uuid_array
from dynamail.delivery.journal import Note, Remains, iter_remains, list_living
from dynamail.delivery.outbox_lane import OutboxLane
from dynamail.delivery.outcomes import IN_DOUBT
from dynamail.delivery.records import RETURNED, UNKNOWN, ChunkLease, OutboxRow, Result
from dynamail.delivery.tools import LEASE, Tools
from dynamail.delivery.windows import Width
from dynamail.lib.clock import utc_now

log = logging.getLogger(__name__)

OUTBOX_BATCH = 500
RETURN_GRACE = timedelta(
    seconds=15
)  # after the database was away, others get this long to renew their leases

NOT_SENT = Result(RETURNED, reply="The worker ended before it was sent.")
LOST = Result(UNKNOWN, reply="The worker ended while the message may have been on the wire.")
UNANSWERED = Result(UNKNOWN, reply=IN_DOUBT)


class Recovery:
    """Run at the start and every few seconds."""

    def __init__(self, tools: Tools, folder: Path, lane: OutboxLane) -> None:
        self._tools, self._folder, self._lane = tools, folder, lane
        self.recovered = 0

    async def run(self) -> None:
        remains = {left.worker_id: left for left in iter_remains(self._folder)}
        try:
            await self._take_over(remains)
        except BaseException:
            for left in remains.values():
                left.keep()
            raise
        for left in remains.values():
            left.discard()

    async def _take_over(self, remains: Mapping[UUID, Remains]) -> None:
        now = utc_now()
        # Locks of the dead are ours at this moment, so they look alive.
        living = set(list_living(self._folder)) - remains.keys() - {self._tools.worker_id}
        parameters = {
            "lease_until": now + LEASE,
            "expired_before": now - self._grace(),
            "dead": uuid_array(remains),
            "spared": uuid_array(living),
        }
        for row in await self._tools.database.run("take_over_chunks", parameters):
            await self._settle_chunk(read_lease(row), remains)
        while rows := await self._tools.database.run("take_over_outbox", parameters):
            by_worker: dict[UUID, list[tuple[OutboxRow, Result]]] = defaultdict(list)
            for *columns, worker in rows:
                waiting = OutboxRow(*columns)
                by_worker[worker].append((waiting, self._judge(waiting.id, worker, remains)))
            for worker, findings in by_worker.items():
                await self._lane.adopt(findings, worker=worker)
            self.recovered += len(rows)
            if len(rows) < OUTBOX_BATCH:
                return

    def _grace(self) -> timedelta:
        since = asyncio.get_running_loop().time() - self._tools.database.returned_at
        return RETURN_GRACE if since < RETURN_GRACE.total_seconds() else timedelta()

    async def _settle_chunk(self, lease: ChunkLease, remains: Mapping[UUID, Remains]) -> None:
        source = await self._tools.sources.find(lease.account_id, lease.source_id)
        if source is None:
            log.error("Chunk %s of a dead worker cannot be judged: its campaign has no content.", lease.id)
            return
        results = {
            position: self._judge(
                source.composer.message_id(lease.contact_ids[position]), lease.worker, remains
            )
            for position in range(lease.done, lease.started)
        }
        log.warning(
            "Took over chunk %s of worker %s: %d declared, %d in doubt.",
            lease.id,
            lease.worker,
            len(results),
            sum(result.state == UNKNOWN for result in results.values()),
        )
        outlet = await self._tools.ways.find(lease.account_id)
        run = ChunkRun(lease, self._tools, source, outlet, Width(self._tools.width))
        # Only settled here: nobody sends in the name of the dead, whose journal could not tell what we did.
        run.stop(NOT_SENT)
        await run.adopt(results)
        self.recovered += len(results)

    def _judge(self, message_id: UUID, lost: UUID, remains: Mapping[UUID, Remains]) -> Result:
        if lost == self._tools.worker_id:
            # The answer to our own claim was lost, or a run of ours broke off: nobody knows better than our own notes.
            return judge_note(self._tools.journal.find_note(message_id), is_complete=True)
        left = remains.get(lost)
        if left is None:
            return LOST
        return judge_note(left.notes.get(message_id), is_complete=left.is_complete)


def judge_note(note: Note | None, *, is_complete: bool) -> Result:
    """What a journal says about one declared message."""
    if note is None:
        return NOT_SENT if is_complete else LOST
    return note.result or UNANSWERED
