-- The rows of a canceled campaign that wait for another attempt become canceled messages, in one statement with their counter.
-- A row that a worker holds is left to that worker, which sees the cancellation at its gate. Called by messages/freezing.py.
-- Keys used: outbox_source. Parameters: account_id, source_id, now, state.
WITH taken AS (
    DELETE FROM outbox
    WHERE account_id = %(account_id)s AND source_id = %(source_id)s AND source_kind = 'campaign' AND worker IS NULL
    RETURNING *
),
recorded AS (
    INSERT INTO message (account_id, id, at, source_kind, source_id, contact_id, recipient, domain, state, smtp_code, reply, attempts)
    SELECT account_id, id, %(now)s, source_kind, source_id, contact_id, recipient, split_part(recipient, '@', -1), %(state)s,
        last_code, last_reply, attempts
    FROM taken
    ON CONFLICT DO NOTHING
    RETURNING account_id, source_id
),
counted AS (
    INSERT INTO rollup_hour AS counter (account_id, source_id, kind, hour, domain_lane, shard, n)
    SELECT account_id, source_id, %(state)s, date_trunc('hour', %(now)s::timestamptz), 0, 0, count(*)
    FROM recorded GROUP BY account_id, source_id
    ON CONFLICT (account_id, source_id, kind, hour, domain_lane, shard) DO UPDATE SET n = counter.n + excluded.n
)
SELECT count(*) FROM taken
