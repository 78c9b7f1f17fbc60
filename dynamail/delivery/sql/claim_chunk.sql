-- Take the next chunk: the fairest of the most urgent. Run by delivery/chunk_lane.py, once per 500 recipients. Two workers never get
-- the same one. Index: chunk_ready. Parameters: worker, now, lease_until, passed_over bigint[] (accounts whose way out is closed
-- or busy).
UPDATE chunk AS mine
SET state = 1, worker = %(worker)s, epoch = mine.epoch + 1, lease_until = %(lease_until)s
FROM (
    SELECT shard, id FROM chunk
    WHERE state = 0 AND run_at <= %(now)s AND account_id <> ALL(%(passed_over)s::bigint[])
    ORDER BY priority, tag, id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
) AS next
WHERE mine.shard = next.shard AND mine.id = next.id
RETURNING mine.shard, mine.id, mine.account_id, mine.source_id, mine.lane, mine.tag, mine.contact_ids, mine.done, mine.started,
    mine.epoch, mine.worker
