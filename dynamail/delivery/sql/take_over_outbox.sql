-- Waiting messages whose worker is dead are taken over for as long as judging them takes. The column `worker` stays, for it names the
-- journal. Run by delivery/recovering.py. Index: outbox_lease. Parameters: lease_until, expired_before, dead uuid[], spared uuid[].
UPDATE outbox AS mine
SET lease_until = %(lease_until)s
FROM (
    SELECT shard, id FROM outbox
    WHERE worker IS NOT NULL AND worker <> ALL(%(spared)s::uuid[])
      AND (lease_until < %(expired_before)s OR worker = ANY(%(dead)s::uuid[]))
    LIMIT 500
    FOR UPDATE SKIP LOCKED
) AS lost
WHERE mine.shard = lost.shard AND mine.id = lost.id
RETURNING mine.shard, mine.id, mine.account_id, mine.source_kind, mine.source_id, mine.contact_id, mine.recipient, mine.payload,
    mine.attempts, mine.in_doubt, mine.last_code, mine.last_reply, mine.created_at, mine.email_id, mine.stream, mine.topic_id,
    mine.to_mailbox, mine.one_time_sealed, mine.worker
