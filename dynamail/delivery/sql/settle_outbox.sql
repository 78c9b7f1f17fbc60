-- The outcomes of claimed outbox rows: a final one deletes the row and appends to the log, another attempt moves `run_at`, in one
-- statement. Fenced by `worker`; running it twice changes nothing the second time. Keys used: primary keys of outbox, message,
-- rollup_hour, engagement. Parameters: worker, now, hour, counter_shard; outcomes: JSON array of {shard, id, recipient, domain,
-- state, bounce_class, code, enhanced, reply, attempts, size, run_at, in_doubt, transport_id, hard}; a state of 'deferred' or
-- 'returned' is not final.
WITH outcome AS (
    SELECT * FROM json_to_recordset(%(outcomes)s::json) AS o (
        shard smallint, id uuid, recipient text, domain text, state text, bounce_class text, code smallint, enhanced text, reply text,
        attempts smallint, size integer, run_at timestamptz, in_doubt boolean, transport_id bigint, hard boolean
    )
),
postponed AS (
    UPDATE outbox
    SET worker = NULL, lease_until = NULL, run_at = outcome.run_at, attempts = outcome.attempts, in_doubt = outcome.in_doubt,
        last_code = CASE WHEN outcome.state = 'deferred' THEN outcome.code ELSE outbox.last_code END,
        last_reply = CASE WHEN outcome.state = 'deferred' THEN outcome.reply ELSE outbox.last_reply END
    FROM outcome
    WHERE outbox.shard = outcome.shard AND outbox.id = outcome.id AND outbox.worker = %(worker)s
      AND outcome.state IN ('deferred', 'returned')
),
ended AS (
    DELETE FROM outbox USING outcome
    WHERE outbox.shard = outcome.shard AND outbox.id = outcome.id AND outbox.worker = %(worker)s
      AND outcome.state NOT IN ('deferred', 'returned')
    RETURNING outbox.account_id, outbox.id, outbox.source_kind, outbox.source_id, outbox.contact_id, outbox.lane,
        outcome.recipient, outcome.domain, outcome.state, outcome.bounce_class, outcome.code, outcome.enhanced, outcome.reply,
        outcome.attempts, outcome.size, outcome.transport_id, outcome.hard
),
recorded AS (
    INSERT INTO message (account_id, id, at, source_kind, source_id, contact_id, recipient, domain, state, bounce_class, smtp_code,
        enhanced_code, reply, transport_id, attempts, size_bytes)
    SELECT account_id, id, %(now)s, source_kind, source_id, contact_id, recipient, domain, state, bounce_class, code, enhanced, reply,
        transport_id, attempts, size
    FROM ended
    ON CONFLICT DO NOTHING
    RETURNING account_id, id
),
counted AS (
    INSERT INTO rollup_hour AS counter (account_id, source_id, kind, hour, domain_lane, shard, n)
    SELECT account_id, source_id, fact.kind, %(hour)s, lane, %(counter_shard)s, count(*)
    FROM ended
    JOIN recorded USING (account_id, id)
    CROSS JOIN LATERAL (
        SELECT ended.state UNION ALL SELECT 'hard_bounced' WHERE ended.state = 'bounced' AND ended.hard
    ) AS fact (kind)
    WHERE source_id IS NOT NULL
    GROUP BY account_id, source_id, fact.kind, lane
    ON CONFLICT (account_id, source_id, kind, hour, domain_lane, shard) DO UPDATE SET n = counter.n + excluded.n
),
engaged AS (
    INSERT INTO engagement AS known (account_id, contact_id, last_sent_at, sent, opened, clicked)
    SELECT account_id, contact_id, %(now)s, count(*), 0, 0
    FROM ended JOIN recorded USING (account_id, id)
    WHERE state = 'delivered' AND contact_id IS NOT NULL
    GROUP BY account_id, contact_id
    ON CONFLICT (account_id, contact_id) DO UPDATE
    SET last_sent_at = greatest(known.last_sent_at, excluded.last_sent_at), sent = known.sent + excluded.sent
)
SELECT count(*) FROM recorded
