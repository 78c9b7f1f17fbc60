-- Remove a batch of deliveries that are over and older than their time, with their attempts; of each person what was handed to whom stays,
-- as counts. Called by webhooks/retention.py. Key used: webhook_delivery_age. Parameters: before (time), batch.
WITH old AS (
    SELECT account_id, id, endpoint_id, kind
    FROM webhook_delivery
    WHERE created_at < %(before)s AND claim IS NULL
    ORDER BY created_at
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
),
tried AS (
    DELETE FROM webhook_attempt AS attempt USING old
    WHERE attempt.account_id = old.account_id AND attempt.delivery_id = old.id
    RETURNING attempt.account_id, attempt.delivery_id, attempt.id, attempt.at, attempt.status, attempt.error, attempt.person_id, attempt.fields,
        attempt.authorization_id
),
folded AS (
    INSERT INTO webhook_disclosure AS kept (
        account_id, contact_id, endpoint_id, kind, authorization_id, first_at, last_at, times, taken, doubtful, fields
    )
    SELECT old.account_id, tried.person_id, old.endpoint_id, old.kind, coalesce(tried.authorization_id, 0), min(tried.at), max(tried.at),
        count(DISTINCT tried.id), count(DISTINCT tried.id) FILTER (WHERE tried.error = ''), count(DISTINCT tried.id) FILTER (WHERE tried.status = 0),
        coalesce(array_agg(DISTINCT field.name) FILTER (WHERE field.name IS NOT NULL), '{}')
    FROM old
    JOIN tried ON tried.account_id = old.account_id AND tried.delivery_id = old.id
    LEFT JOIN LATERAL unnest(tried.fields) AS field (name) ON true
    WHERE tried.person_id IS NOT NULL
    GROUP BY old.account_id, tried.person_id, old.endpoint_id, old.kind, coalesce(tried.authorization_id, 0)
    ON CONFLICT (account_id, contact_id, endpoint_id, kind, authorization_id) DO UPDATE SET
        first_at = least(kept.first_at, excluded.first_at),
        last_at = greatest(kept.last_at, excluded.last_at),
        times = kept.times + excluded.times,
        taken = kept.taken + excluded.taken,
        doubtful = kept.doubtful + excluded.doubtful,
        fields = ARRAY(SELECT DISTINCT name FROM unnest(kept.fields || excluded.fields) AS name ORDER BY name)
)
DELETE FROM webhook_delivery AS delivery USING old
WHERE delivery.account_id = old.account_id AND delivery.id = old.id
