-- The hourly counters of a segment: opened, clicked, and apart from them machine_opened, machine_clicked.
-- Run by tracking/shipping.py. Parameter: the shard of the counters.
INSERT INTO rollup_hour AS old (account_id, source_id, kind, hour, domain_lane, shard, n)
SELECT account_id, source_id, CASE WHEN machine THEN 'machine_' ELSE '' END || kind, date_trunc('hour', at, 'UTC'), lane,
    %s, count(*)
FROM kept_hit
GROUP BY 1, 2, 3, 4, 5
ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (account_id, source_id, kind, hour, domain_lane, shard) DO UPDATE SET n = old.n + excluded.n
