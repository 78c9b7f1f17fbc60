-- Remove a batch of deliveries that are over and older than their time, with their attempts; of each person what was handed to whom stays,
-- as counts. Called by webhooks/retention.py. Key used: webhook_delivery_age. Parameters: before (time), batch, not_sent (codes of attempts
-- that never left).
WITH old AS (
    SELECT account_id, id, endpoint_id, kind, contact_id, sent_fields
    FROM webhook_delivery
    WHERE created_at < %(before)s AND claim IS NULL
    ORDER BY created_at
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
),
tried AS (
    DELETE FROM webhook_attempt AS attempt USING old
    WHERE attempt.account_id = old.account_id AND attempt.delivery_id = old.id
    RETURNING attempt.account_id, attempt.delivery_id, attempt.at, attempt.error
),
folded AS (
    INSERT INTO webhook_disclosure AS kept (account_id, contact_id, endpoint_id, kind, first_at, last_at, times, fields)
    SELECT old.account_id, old.contact_id, old.endpoint_id, old.kind, min(tried.at), max(tried.at), count(DISTINCT (tried.delivery_id, tried.at)),
        coalesce(array_agg(DISTINCT field.name) FILTER (WHERE field.name IS NOT NULL), '{}')
    FROM old
    JOIN tried ON tried.account_id = old.account_id AND tried.delivery_id = old.id AND NOT tried.error = ANY(%(not_sent)s)
    LEFT JOIN LATERAL unnest(old.sent_fields) AS field (name) ON true
    WHERE old.contact_id IS NOT NULL
    GROUP BY old.account_id, old.contact_id, old.endpoint_id, old.kind
    ON CONFLICT (account_id, contact_id, endpoint_id, kind) DO UPDATE SET
        first_at = least(kept.first_at, excluded.first_at),
        last_at = greatest(kept.last_at, excluded.last_at),
        times = kept.times + excluded.times,
        fields = ARRAY(SELECT DISTINCT name FROM unnest(kept.fields || excluded.fields) AS name ORDER BY name)
)
DELETE FROM webhook_delivery AS delivery USING old
WHERE delivery.account_id = old.account_id AND delivery.id = old.id
