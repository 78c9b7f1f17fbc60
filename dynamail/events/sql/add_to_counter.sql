-- Add to one hourly counter of a source. Called by events/counters.py in the transaction of the counted fact.
-- Parameters: account_id, source_id, kind, hour, domain_lane, shard, n.
INSERT INTO rollup_hour AS old (account_id, source_id, kind, hour, domain_lane, shard, n)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (account_id, source_id, kind, hour, domain_lane, shard) DO UPDATE SET n = old.n + excluded.n
