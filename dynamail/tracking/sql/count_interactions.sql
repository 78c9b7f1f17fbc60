-- Who opened or clicked what, and the unique counters that follow from a first time. Run by tracking/shipping.py.
-- Each human hit counts on the row of its link and on the row -1 of any link; opens have the row -1 alone. Hits without a person
-- add up on the rows of contact zero, which count as nobody. Sorted, so that two processes lock rows in one order.
-- Parameter: the shard of the counters.
WITH acts AS (
    SELECT account_id, source_id, kind, contact_id, link_number, at, lane
    FROM kept_hit WHERE NOT machine AND link_number >= 0
    UNION ALL
    SELECT account_id, source_id, kind, contact_id, -1, at, lane
    FROM kept_hit WHERE NOT machine
), per_row AS (
    SELECT account_id, source_id, kind, contact_id, link_number, min(at) AS first_at, max(at) AS last_at, count(*) AS times,
        min(lane) AS lane
    FROM acts
    GROUP BY account_id, source_id, kind, contact_id, link_number
    ORDER BY account_id, source_id, kind, contact_id, link_number
), written AS (
    INSERT INTO interaction AS old (account_id, source_id, kind, contact_id, link_number, first_at, last_at, times)
    SELECT account_id, source_id, kind, contact_id, link_number, first_at, last_at, times FROM per_row
    ON CONFLICT (account_id, source_id, kind, contact_id, link_number) DO UPDATE
    SET times = old.times + excluded.times, last_at = greatest(old.last_at, excluded.last_at),
        first_at = least(old.first_at, excluded.first_at)
    RETURNING account_id, source_id, kind, contact_id, link_number, times, first_at
), first_times AS (
    -- A row whose counter is what this segment brought was not there before.
    SELECT per_row.account_id, per_row.source_id, per_row.kind, per_row.lane, date_trunc('hour', per_row.first_at, 'UTC') AS hour
    FROM written
    JOIN per_row USING (account_id, source_id, kind, contact_id, link_number, times)
    WHERE link_number = -1 AND contact_id <> '00000000-0000-0000-0000-000000000000'
)
INSERT INTO rollup_hour AS old (account_id, source_id, kind, hour, domain_lane, shard, n)
SELECT account_id, source_id, 'unique_' || kind, hour, lane, %s, count(*)
FROM first_times
GROUP BY account_id, source_id, kind, hour, lane
ORDER BY account_id, source_id, kind, hour, lane
ON CONFLICT (account_id, source_id, kind, hour, domain_lane, shard) DO UPDATE SET n = old.n + excluded.n
