-- Who opened or clicked what, and the unique counters that follow from a first time. Run by tracking/shipping.py.
-- Each human hit counts on the row of its link and on the row -1 of any link; opens have the row -1 alone. Hits without a person
-- add up on the rows of contact zero, which count as nobody. Sorted, so that two processes lock rows in one order.
-- Single messages have no rows here: their first times are in the log. The lane is looked up by key and not joined: the planner knows nothing about a temporary table's size.
-- Parameter: the shard of the counters.
WITH acts AS (
    SELECT account_id, source_id, kind, contact_id, link_number, at
    FROM kept_hit WHERE NOT machine AND NOT single AND link_number >= 0
    UNION ALL
    SELECT account_id, source_id, kind, contact_id, -1, at
    FROM kept_hit WHERE NOT machine AND NOT single
), written AS (
    INSERT INTO interaction AS known (account_id, source_id, kind, contact_id, link_number, first_at, last_at, times)
    SELECT account_id, source_id, kind, contact_id, link_number, min(at), max(at), count(*)
    FROM acts
    GROUP BY account_id, source_id, kind, contact_id, link_number
    ORDER BY account_id, source_id, kind, contact_id, link_number
    ON CONFLICT (account_id, source_id, kind, contact_id, link_number) DO UPDATE
    SET times = known.times + excluded.times, last_at = greatest(known.last_at, excluded.last_at),
        first_at = least(known.first_at, excluded.first_at)
    RETURNING account_id, source_id, kind, contact_id, link_number, first_at,
        known.xmax = 0 AS is_new  -- PostgreSQL leaves xmax empty on a row that this statement inserted
), first_times AS (
    SELECT account_id, source_id, kind, date_trunc('hour', first_at, 'UTC') AS hour,
        coalesce((
            SELECT lane FROM contact WHERE contact.account_id = written.account_id AND contact.id = written.contact_id
        ), 0) AS lane
    FROM written
    WHERE is_new AND link_number = -1 AND contact_id <> '00000000-0000-0000-0000-000000000000'
)
INSERT INTO rollup_hour AS old (account_id, source_id, kind, hour, domain_lane, shard, n)
SELECT account_id, source_id, 'unique_' || kind, hour, lane, %s, count(*)
FROM first_times
GROUP BY account_id, source_id, kind, hour, lane
ORDER BY account_id, source_id, kind, hour, lane
ON CONFLICT (account_id, source_id, kind, hour, domain_lane, shard) DO UPDATE SET n = old.n + excluded.n
