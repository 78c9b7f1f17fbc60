-- How many single messages were opened or clicked for the first time, for their streams. Run by tracking/shipping.py before the log has
-- the rows of this segment. Index: event's index of single messages. Parameter: the shard of the counters.
INSERT INTO rollup_hour AS old (account_id, source_id, kind, hour, domain_lane, shard, n)
SELECT account_id, source_id, 'unique_' || kind, hour, lane, %s, count(*)
FROM (
    SELECT account_id, source_id, kind, message_id, lane, date_trunc('hour', min(at), 'UTC') AS hour
    FROM kept_hit
    WHERE single AND NOT machine AND message_id IS NOT NULL
    GROUP BY account_id, source_id, kind, message_id, lane
) AS first
WHERE NOT EXISTS (
    SELECT FROM event
    WHERE event.account_id = first.account_id AND event.message_id = first.message_id AND event.kind = 'message.' || first.kind
        AND event.source_kind IN ('api', 'smtp') AND NOT event.data ? 'machine'
)
GROUP BY account_id, source_id, kind, hour, lane
ORDER BY account_id, source_id, kind, hour, lane
ON CONFLICT (account_id, source_id, kind, hour, domain_lane, shard) DO UPDATE SET n = old.n + excluded.n
