-- Claim deliveries that are due, a few of each endpoint: first for those that have the fewest on their way, so that a slow one or a long
-- queue holds up nobody else. A claim lasts until next_at; one whose worker was killed is due again then. Each row comes with what its
-- endpoint says now, whether its person may be spoken of, and whose claim was `before` it, of which nobody knows whether it was sent. Called by webhooks/sending.py.
-- Keys used: webhook_delivery_due, webhook_delivery_claimed, contact's primary key. Parameters: now, lease_until, claim (uuid), room (rows
-- at most), healthy and failing (claimed at once for an endpoint that answers, and for one that does not).
WITH ready AS (
    SELECT endpoint.id,
        CASE WHEN endpoint.failing_since IS NULL THEN %(healthy)s ELSE %(failing)s END AS allowed,
        (
            SELECT count(*) FROM webhook_delivery AS busy
            WHERE busy.endpoint_id = endpoint.id AND busy.claim IS NOT NULL AND busy.next_at > %(now)s
        ) AS busy
    FROM webhook_endpoint AS endpoint
    WHERE endpoint.state = 'active' AND endpoint.removed_at IS NULL AND endpoint.authorized_at IS NOT NULL
      AND (endpoint.held_until IS NULL OR endpoint.held_until <= %(now)s)
),
candidate AS (
    SELECT due.account_id, due.id, due.next_at, ready.busy + row_number() OVER (PARTITION BY ready.id ORDER BY due.next_at, due.id) AS place
    FROM ready
    CROSS JOIN LATERAL (
        SELECT delivery.account_id, delivery.id, delivery.next_at
        FROM webhook_delivery AS delivery
        WHERE delivery.endpoint_id = ready.id AND delivery.state IN ('waiting', 'failed') AND delivery.next_at <= %(now)s
        ORDER BY delivery.next_at
        LIMIT greatest(ready.allowed - ready.busy, 0)
    ) AS due
),
chosen AS (
    SELECT account_id, id FROM candidate ORDER BY place, next_at LIMIT %(room)s
),
held AS (
    SELECT delivery.account_id, delivery.id, delivery.claim AS before
    FROM webhook_delivery AS delivery
    JOIN chosen USING (account_id, id)
    WHERE delivery.state IN ('waiting', 'failed') AND delivery.next_at <= %(now)s
    FOR UPDATE OF delivery SKIP LOCKED
)
UPDATE webhook_delivery AS delivery SET claim = %(claim)s, next_at = %(lease_until)s
FROM held, webhook_endpoint AS endpoint
WHERE delivery.account_id = held.account_id AND delivery.id = held.id AND endpoint.id = delivery.endpoint_id
RETURNING delivery.account_id, delivery.id, delivery.endpoint_id, delivery.event_id, delivery.kind, delivery.contact_id, delivery.payload::text,
    delivery.attempts, delivery.created_at, delivery.requested_by, delivery.address_id, held.before,
    endpoint.url, endpoint.fields, endpoint.version, endpoint.keys_sealed, endpoint.old_keys_until, endpoint.authorization_id,
    EXISTS (
        SELECT FROM contact
        WHERE contact.account_id = delivery.account_id AND contact.id = delivery.contact_id AND contact.state = 'restricted'
    ) AS is_restricted
