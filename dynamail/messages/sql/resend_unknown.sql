-- A campaign's messages in doubt go back to the outbox, marked, and leave the log and its counter. Called by messages/deciding.py.
-- Keys used: message_source. Parameters: account_id, source_id, shard, state, priority, now.
WITH taken AS (
    DELETE FROM message
    WHERE account_id = %(account_id)s AND source_id = %(source_id)s AND state = %(state)s
    RETURNING *
),
waiting AS (
    INSERT INTO outbox (shard, id, account_id, source_kind, source_id, contact_id, recipient, priority, lane, run_at, attempts,
        in_doubt, last_code, last_reply, created_at)
    SELECT %(shard)s, id, account_id, source_kind, source_id, contact_id, recipient, %(priority)s, 0, %(now)s, attempts, true, 0,
        reply, %(now)s
    FROM taken
    ON CONFLICT DO NOTHING
    RETURNING id
),
counted AS (
    INSERT INTO rollup_hour AS counter (account_id, source_id, kind, hour, domain_lane, shard, n)
    SELECT %(account_id)s, %(source_id)s, %(state)s, date_trunc('hour', %(now)s::timestamptz), 0, 0, -count(*)
    FROM taken HAVING count(*) > 0
    ON CONFLICT (account_id, source_id, kind, hour, domain_lane, shard) DO UPDATE SET n = counter.n + excluded.n
),
notified AS (SELECT pg_notify('dynamail_outbox', ''))
SELECT (SELECT count(*) FROM taken) FROM notified
