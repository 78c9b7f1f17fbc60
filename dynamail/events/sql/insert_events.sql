-- Append facts of one account. Called by events/log.py in the transaction of what happened.
-- Parameters: account_id, then arrays of id, at, kind, contact_id, message_id, source_kind, source_id, data.
INSERT INTO event (account_id, id, at, kind, contact_id, message_id, source_kind, source_id, data)
SELECT %s, fact.*
FROM unnest(
    %s::uuid[], %s::timestamptz[], %s::text[], %s::uuid[], %s::uuid[], %s::text[], %s::uuid[], %s::jsonb[]
) AS fact
