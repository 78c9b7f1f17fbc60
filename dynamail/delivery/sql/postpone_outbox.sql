-- Due messages of an account of which nothing can go for a while are looked at again later, so that claims need not pass over them
-- again and again; they come back spread over a minute. Run by delivery/ways.py every few seconds while it lasts. Index:
-- outbox_ready. Parameters: account_id, now, run_at, size.
UPDATE outbox AS mine
SET run_at = %(run_at)s + get_byte(uuid_send(mine.id), 15) * interval '0.235 seconds'
FROM (
    SELECT shard, id FROM outbox
    WHERE worker IS NULL AND priority = ANY('{0,1,2}'::smallint[]) AND run_at <= %(now)s AND account_id = %(account_id)s AND NOT to_mailbox
    LIMIT %(size)s
    FOR UPDATE SKIP LOCKED
) AS next
WHERE mine.shard = next.shard AND mine.id = next.id
