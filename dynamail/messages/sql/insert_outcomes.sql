-- Copies of single emails that nobody will carry (refused at the door, canceled), and their number in the roll-up. Run by
-- messages/email_outcomes.py. Keys: primary keys of message and rollup_hour. Parameters: account_id, now, hour, source_kind, state; the
-- others as arrays in one order.
WITH outcome AS (
    SELECT * FROM unnest(
        %(ids)s::uuid[], %(source_ids)s::uuid[], %(contact_ids)s::uuid[], %(recipients)s::text[], %(domains)s::text[],
        %(lanes)s::smallint[], %(replies)s::text[], %(attempts)s::smallint[], %(email_ids)s::uuid[], %(streams)s::text[]
    ) AS new (id, source_id, contact_id, recipient, domain, lane, reply, attempts, email_id, stream)
),
counted AS (
    INSERT INTO rollup_hour AS counter (account_id, source_id, kind, hour, domain_lane, shard, n)
    SELECT %(account_id)s, source_id, %(state)s, %(hour)s, lane, 0, count(*)
    FROM outcome
    GROUP BY source_id, lane
    ORDER BY source_id, lane
    ON CONFLICT (account_id, source_id, kind, hour, domain_lane, shard) DO UPDATE SET n = counter.n + excluded.n
)
INSERT INTO message (account_id, id, at, source_kind, source_id, contact_id, recipient, domain, state, bounce_class, smtp_code,
    enhanced_code, reply, transport_id, attempts, size_bytes, email_id, stream)
SELECT %(account_id)s, id, %(now)s, %(source_kind)s, source_id, contact_id, recipient, domain, %(state)s, '', 0, '', reply, NULL,
    attempts, 0, email_id, stream
FROM outcome
