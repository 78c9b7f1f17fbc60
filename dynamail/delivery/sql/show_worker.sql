-- A worker shows that it lives, what it does and how far the queue's clock has come; returns how many workers live.
-- Run every two seconds. Keys used: primary keys. Parameters: id, host, pid, started_at, now, stats, tag, alive_after, gone_before.
WITH shown AS (
    INSERT INTO deliver_worker (id, host, pid, started_at, seen_at, stats)
    VALUES (%(id)s, %(host)s, %(pid)s, %(started_at)s, %(now)s, %(stats)s::jsonb)
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, stats = excluded.stats
),
clock AS (
    UPDATE queue_clock SET tag = %(tag)s WHERE id = 1 AND tag < %(tag)s
),
gone AS (
    DELETE FROM deliver_worker WHERE seen_at < %(gone_before)s AND id <> %(id)s
)
SELECT 1 + count(*) FROM deliver_worker WHERE seen_at > %(alive_after)s AND id <> %(id)s
