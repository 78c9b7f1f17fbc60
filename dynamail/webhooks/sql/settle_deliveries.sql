-- Write down how a set of attempts went: a row for each, the deliveries that are still ours, and of endpoints that took something that they
-- are well. Returns account and delivery of those that were ours; where a lease had ended, another worker's outcome counts.
-- Called by webhooks/outcomes.py. Keys used: the primary keys. Parameters: outcomes (JSON: a list of objects as below), now, not_sent (codes of
-- attempts that never left), stale_before
-- (the row of an endpoint that goes on being well is written once a minute). `attempt_id` is null where nothing was sent, `person_id` where
-- nobody's data left for the receiver, `is_well` says
-- that its endpoint took an event.
WITH told AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(outcomes)s::jsonb) AS told (
        account_id bigint, id uuid, claim uuid, attempt_id uuid, state text, attempts smallint, next_at timestamptz, status smallint, ms integer,
        error text, answer text, sent_fields text[], person_id uuid, authorization_id bigint, is_well boolean
    )
),
tried AS (
    INSERT INTO webhook_attempt (account_id, id, at, delivery_id, status, ms, error, answer, authorization_id, person_id, fields)
    SELECT account_id, attempt_id, %(now)s, id, status, ms, error, answer, authorization_id, person_id,
        CASE WHEN NOT error = ANY(%(not_sent)s) THEN sent_fields END
    FROM told
    WHERE attempt_id IS NOT NULL
),
settled AS (
    UPDATE webhook_delivery AS delivery
    SET attempts = told.attempts, claim = NULL, status = told.status, ms = told.ms, error = told.error, answer = told.answer, state = told.state,
        next_at = told.next_at, sent_fields = told.sent_fields,
        delivered_at = CASE WHEN told.state = 'delivered' THEN %(now)s ELSE delivery.delivered_at END
    FROM told
    WHERE delivery.account_id = told.account_id AND delivery.id = told.id AND delivery.claim = told.claim
    RETURNING delivery.account_id, delivery.id, delivery.endpoint_id, told.is_well
),
well AS (
    SELECT id FROM webhook_endpoint
    WHERE id IN (SELECT endpoint_id FROM settled WHERE is_well)
      AND (succeeded_at IS NULL OR succeeded_at < %(stale_before)s OR failing_since IS NOT NULL)
    ORDER BY id
    FOR NO KEY UPDATE
),
noted AS (
    UPDATE webhook_endpoint AS endpoint SET failing_since = NULL, held_until = NULL, succeeded_at = %(now)s
    FROM well
    WHERE endpoint.id = well.id
)
SELECT account_id, id FROM settled
