-- Chunks whose worker is dead are taken over: a new epoch, so that the dead one's late commit changes nothing, and a new lease. The
-- column `worker` stays, for it names the journal: whoever takes over may die as well, and the next one needs it. Run by
-- delivery/recovering.py. Index: chunk_lease. Parameters: lease_until, expired_before, dead uuid[] (workers of this host known to
-- be dead: their lease need not expire), spared uuid[] (workers of this host known to live).
UPDATE chunk AS mine
SET epoch = mine.epoch + 1, lease_until = %(lease_until)s
FROM (
    SELECT shard, id FROM chunk
    WHERE worker IS NOT NULL AND worker <> ALL(%(spared)s::uuid[])
      AND (lease_until < %(expired_before)s OR worker = ANY(%(dead)s::uuid[]))
    FOR UPDATE SKIP LOCKED
) AS lost
WHERE mine.shard = lost.shard AND mine.id = lost.id
RETURNING mine.shard, mine.id, mine.account_id, mine.source_id, mine.lane, mine.tag, mine.contact_ids, mine.done, mine.started,
    mine.epoch, mine.worker
