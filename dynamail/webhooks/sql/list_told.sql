-- Attempts that handed data of one person to a receiver, the latest first. Called by webhooks/disclosures.py. Keys used:
-- webhook_attempt_person (for each id a range from its end), the primary key of deliveries. Parameters: account_id, person_ids, before (an
-- id), most (rows).
WITH told AS (
    SELECT found.* FROM unnest(%(person_ids)s::uuid[]) AS person (id)
    CROSS JOIN LATERAL (
        SELECT id, at, delivery_id, status, error, authorization_id, fields FROM webhook_attempt
        WHERE account_id = %(account_id)s AND person_id = person.id AND id < %(before)s
        ORDER BY id DESC
        LIMIT %(most)s
    ) AS found
    ORDER BY found.id DESC
    LIMIT %(most)s
)
SELECT told.id, told.at, delivery.endpoint_id, delivery.kind, told.authorization_id, coalesce(told.fields, '{}'), told.status, told.error
FROM told
JOIN webhook_delivery AS delivery ON delivery.account_id = %(account_id)s AND delivery.id = told.delivery_id
ORDER BY told.id DESC
