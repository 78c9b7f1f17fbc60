-- The outcomes of claimed outbox rows: a final one deletes the row and appends to the log, another attempt moves `run_at`, in one
-- statement. Fenced by `worker`; running it twice changes nothing the second time. Keys used: primary keys of outbox, message,
-- rollup_hour, engagement, event. Parameters: worker, now, hour, counter_shard; moment: the first 12 hexadecimal digits of an id of
-- this moment; outcomes: JSON array of {shard, id, recipient, domain, state, bounce_class, code, enhanced, reply, attempts, size,
-- run_at, in_doubt, transport_id, hard, told}; a state of 'deferred' or 'returned' is not final. `told` is what the log of events says
-- of a single message. Each end of a single message is an event, but for bounces, which record_bounces.sql tells; so is each failed
-- attempt, and a campaign's delivery where the account wants to know. An event's id is this moment and the tail of the message's id.
WITH outcome AS (
    SELECT * FROM json_to_recordset(%(outcomes)s::json) AS o (
        shard smallint, id uuid, recipient text, domain text, state text, bounce_class text, code smallint, enhanced text, reply text,
        attempts smallint, size integer, run_at timestamptz, in_doubt boolean, transport_id bigint, hard boolean,
        told jsonb
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
    RETURNING outbox.account_id, outbox.id, outbox.email_id, outbox.source_kind, outbox.source_id, outbox.contact_id, outcome.state,
        outcome.told
),
ended AS (
    DELETE FROM outbox USING outcome
    WHERE outbox.shard = outcome.shard AND outbox.id = outcome.id AND outbox.worker = %(worker)s
      AND outcome.state NOT IN ('deferred', 'returned')
    RETURNING outbox.account_id, outbox.id, outbox.source_kind, outbox.source_id, outbox.contact_id, outbox.lane,
        outbox.email_id, outbox.stream,
        outcome.recipient, outcome.domain, outcome.state, outcome.bounce_class, outcome.code, outcome.enhanced, outcome.reply,
        outcome.attempts, outcome.size, outcome.transport_id, outcome.hard, outcome.told
),
recorded AS (
    INSERT INTO message (account_id, id, at, source_kind, source_id, contact_id, recipient, domain, state, bounce_class, smtp_code,
        enhanced_code, reply, transport_id, attempts, size_bytes, email_id, stream)
    SELECT account_id, id, %(now)s, source_kind, source_id, contact_id, recipient, domain, state, bounce_class, code, enhanced, reply,
        transport_id, attempts, size, email_id, stream
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
),
reported AS (
    INSERT INTO event (account_id, id, at, kind, contact_id, message_id, source_kind, source_id, data)
    SELECT account_id, (%(moment)s || substr(replace(id::text, '-', ''), 13))::uuid, %(now)s, 'message.' || fact, contact_id, id,
        source_kind, source_id, coalesce(told, '{}')
    FROM (
        SELECT ended.account_id, ended.id, ended.state AS fact, contact_id, source_kind, source_id, told
        FROM ended JOIN recorded USING (account_id, id) JOIN account ON account.id = ended.account_id
        WHERE CASE
            WHEN email_id IS NOT NULL THEN ended.state IN ('delivered', 'suppressed', 'canceled', 'expired')
            ELSE source_kind = 'campaign' AND ended.state = 'delivered' AND account.records_deliveries
        END
        UNION ALL
        SELECT account_id, id, 'delayed', contact_id, source_kind, source_id, told
        FROM postponed
        WHERE email_id IS NOT NULL AND state = 'deferred'
    ) AS happened
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM recorded
