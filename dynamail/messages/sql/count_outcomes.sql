-- Where every recipient of a source is, in one row. Reads counters, chunks and waiting rows, never the message log, so a live page
-- may ask every second. Called by messages/accounting.py. Keys used: rollup_hour's primary key, chunk_source, outbox_source.
-- Parameters: account_id, source_id.
SELECT chunks.frozen, counted.delivered, waiting.deferred, counted.bounced, counted.suppressed,
    counted.canceled + chunks.canceled AS canceled, counted.expired, counted.unknown, chunks.remaining
FROM (
    SELECT coalesce(sum(size), 0)::bigint AS frozen,
        coalesce(sum(size - done) FILTER (WHERE state = 4), 0)::bigint AS canceled,
        coalesce(sum(size - done) FILTER (WHERE state <> 4), 0)::bigint AS remaining
    FROM chunk WHERE account_id = %(account_id)s AND source_id = %(source_id)s
) AS chunks
CROSS JOIN (
    SELECT coalesce(sum(n) FILTER (WHERE kind = 'delivered'), 0)::bigint AS delivered,
        coalesce(sum(n) FILTER (WHERE kind = 'bounced'), 0)::bigint AS bounced,
        coalesce(sum(n) FILTER (WHERE kind = 'suppressed'), 0)::bigint AS suppressed,
        coalesce(sum(n) FILTER (WHERE kind = 'canceled'), 0)::bigint AS canceled,
        coalesce(sum(n) FILTER (WHERE kind = 'expired'), 0)::bigint AS expired,
        coalesce(sum(n) FILTER (WHERE kind = 'unknown'), 0)::bigint AS unknown
    FROM rollup_hour WHERE account_id = %(account_id)s AND source_id = %(source_id)s
) AS counted
CROSS JOIN (
    SELECT count(*) AS deferred FROM outbox
    WHERE account_id = %(account_id)s AND source_id = %(source_id)s AND source_kind = 'campaign'
) AS waiting
