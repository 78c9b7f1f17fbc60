-- The heart of the chunk lane, once per 25 to 50 messages: record the outcomes of what was declared, declare what comes next, renew
-- the lease, all or nothing. Fenced: a worker that lost its lease changes nothing and gets no row. Running it twice with the same
-- parameters changes nothing the second time, and how ever late that is, it shortens no lease. Keys used: primary keys of chunk,
-- message, outbox, rollup_hour, campaign, account.
-- Parameters: shard, id, worker, epoch; done, started; ending: '' to go on, 'finished', 'released'; lease_until, run_at; now, hour;
-- counter_shard; moment: the first 12 hexadecimal digits of an id of this moment, for the events of accounts that want to know of
-- each delivery; outcomes: JSON array of {id, contact_id, recipient, domain, state, bounce_class, code, enhanced, reply, attempts,
-- size, run_at, transport_id, hard}. Bounces that are hard are counted a second time, for the guard rails. Whether what waits belongs to
-- a paused campaign is read from the chunk's row, which is locked here: a worker may have heard of a pause that is over.
WITH held AS (
    UPDATE chunk
    SET done = %(done)s,
        started = %(started)s,
        lease_until = CASE WHEN %(ending)s = '' THEN greatest(lease_until, %(lease_until)s::timestamptz) END,
        worker = CASE WHEN %(ending)s = '' THEN worker END,
        run_at = coalesce(%(run_at)s, run_at),
        state = CASE WHEN %(ending)s = 'finished' THEN 3 WHEN %(ending)s = 'released' AND state = 1 THEN 0 ELSE state END
    WHERE shard = %(shard)s AND id = %(id)s AND worker = %(worker)s AND epoch = %(epoch)s
    RETURNING shard, account_id, source_id, lane, state
),
before AS (
    SELECT done FROM chunk WHERE shard = %(shard)s AND id = %(id)s
),
outcome AS (
    SELECT held.shard, held.account_id, held.source_id, held.lane, held.state AS chunk_state, o.*
    FROM held CROSS JOIN before CROSS JOIN json_to_recordset(%(outcomes)s::json) AS o (
        id uuid, contact_id uuid, recipient text, domain text, state text, bounce_class text, code smallint, enhanced text,
        reply text, attempts smallint, size integer, run_at timestamptz, transport_id bigint, hard boolean
    )
    WHERE before.done < %(done)s -- else all of it is recorded, and who was put into the outbox may have left it since
),
recorded AS (
    INSERT INTO message (account_id, id, at, source_kind, source_id, contact_id, recipient, domain, state, bounce_class, smtp_code,
        enhanced_code, reply, transport_id, attempts, size_bytes)
    SELECT account_id, id, %(now)s, 'campaign', source_id, contact_id, recipient, domain, state, bounce_class, code, enhanced, reply,
        transport_id, attempts, size
    FROM outcome WHERE state <> 'deferred'
    ON CONFLICT DO NOTHING
    RETURNING id, state
),
waiting AS (
    INSERT INTO outbox (shard, id, account_id, source_kind, source_id, contact_id, recipient, priority, lane, run_at, attempts,
        in_doubt, last_code, last_reply, created_at)
    SELECT shard, id, account_id, 'campaign', source_id, contact_id, recipient, CASE WHEN chunk_state = 2 THEN 9 ELSE 1 END, lane,
        run_at, attempts, false, code, reply, %(now)s
    FROM outcome WHERE state = 'deferred'
    ON CONFLICT DO NOTHING
),
counted AS (
    INSERT INTO rollup_hour AS counter (account_id, source_id, kind, hour, domain_lane, shard, n)
    SELECT held.account_id, held.source_id, fact.kind, %(hour)s, held.lane, %(counter_shard)s, count(*)
    FROM held CROSS JOIN (
        SELECT state AS kind FROM recorded
        UNION ALL
        SELECT 'hard_bounced' FROM recorded JOIN outcome USING (id) WHERE recorded.state = 'bounced' AND outcome.hard
    ) AS fact
    GROUP BY held.account_id, held.source_id, held.lane, fact.kind
    ON CONFLICT (account_id, source_id, kind, hour, domain_lane, shard) DO UPDATE SET n = counter.n + excluded.n
),
reported AS (
    INSERT INTO event (account_id, id, at, kind, contact_id, message_id, source_kind, source_id, data)
    SELECT outcome.account_id, (%(moment)s || substr(replace(outcome.id::text, '-', ''), 13))::uuid, %(now)s, 'message.delivered',
        outcome.contact_id, outcome.id, 'campaign', outcome.source_id, '{}'
    FROM recorded JOIN outcome ON outcome.id = recorded.id JOIN account ON account.id = outcome.account_id
    WHERE account.records_deliveries AND recorded.state = 'delivered'
    ON CONFLICT DO NOTHING
)
SELECT held.state, campaign.state, account.state
FROM held
LEFT JOIN campaign ON campaign.uid = held.source_id
LEFT JOIN account ON account.id = held.account_id
