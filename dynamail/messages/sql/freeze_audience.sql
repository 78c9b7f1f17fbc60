-- The fan-out of a launch: the audience as chunks of up to 500 contact ids of one mailbox-provider lane. Called by
-- messages/freezing.py in the transaction of the launch; contains select_audience.sql. The tag of a chunk is the launch's base
-- plus the number of recipients before it (start-time fair queueing). A chunk's id is derived from source, lane and part.
-- Parameters: those of select_audience.sql, shard, source_id, priority, base, chunk_size.
WITH audience AS MATERIALIZED (/* select_audience */),
placed AS (
    SELECT id, lane, (row_number() OVER (PARTITION BY lane ORDER BY id) - 1) / %(chunk_size)s AS part FROM audience
),
packed AS (
    SELECT lane, part, array_agg(id ORDER BY id) AS contact_ids, count(*) AS size FROM placed GROUP BY lane, part
),
frozen AS (
    INSERT INTO chunk (shard, id, account_id, source_id, lane, priority, tag, run_at, contact_ids, size, done, started, state, epoch)
    SELECT %(shard)s, md5(%(source_id)s::uuid || '/' || lane || '/' || part)::uuid, %(account_id)s, %(source_id)s, lane, %(priority)s,
        %(base)s + sum(size) OVER (ORDER BY part, lane) - size, %(now)s, contact_ids, size, 0, 0, 0, 0
    FROM packed
    RETURNING size
)
SELECT coalesce(sum(size), 0)::bigint FROM frozen
