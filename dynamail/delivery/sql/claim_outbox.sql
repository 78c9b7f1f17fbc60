-- Take messages that are due, the longest waiting first. Run by delivery/outbox_lane.py, separately for each priority. A row whose
-- campaign is paused has another priority and is not seen. Index: outbox_ready. Parameters: worker, now, lease_until, priority,
-- size, passed_over bigint[] (accounts whose way out is closed; what goes to the Mailbox does not wait for that).
UPDATE outbox AS mine
SET worker = %(worker)s, lease_until = %(lease_until)s
FROM (
    SELECT shard, id FROM outbox
    WHERE worker IS NULL AND priority = %(priority)s AND run_at <= %(now)s AND (account_id <> ALL(%(passed_over)s::bigint[]) OR to_mailbox)
    ORDER BY run_at
    LIMIT %(size)s
    FOR UPDATE SKIP LOCKED
) AS next
WHERE mine.shard = next.shard AND mine.id = next.id
RETURNING mine.shard, mine.id, mine.account_id, mine.source_kind, mine.source_id, mine.contact_id, mine.recipient, mine.payload,
    mine.attempts, mine.in_doubt, mine.last_code, mine.last_reply, mine.created_at, mine.email_id, mine.stream, mine.topic_id,
    mine.to_mailbox, mine.one_time_sealed
