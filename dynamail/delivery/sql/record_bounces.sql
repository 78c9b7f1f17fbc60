-- What follows from bounces, in the transaction that records them: an event for each; an address that does not exist is suppressed
-- (the first reason stays, one that ran out is replaced) and its contact with it. Ids are given, so running it twice changes nothing.
-- Keys used: event's, suppression's, contact_email_once. Parameters: account_id, source_kind, now; bounces: JSON array of {event_id,
-- suppression_event_id, message_id, source_id, contact_id, email_key, address_hash (hex), hard, class, code, reply, told, is_played}.
-- `told` is what else the event of a single message says; what the Mailbox played suppresses nobody.
WITH bounce AS (
    SELECT * FROM json_to_recordset(%(bounces)s::json) AS b (
        event_id uuid, suppression_event_id uuid, message_id uuid, source_id uuid, contact_id uuid, email_key text,
        address_hash text, hard boolean, class text, code integer, reply text, told jsonb, is_played boolean
    )
),
suppressed AS (
    INSERT INTO suppression AS old (account_id, address_hash, scope, email, reason, detail, at, source_kind, source_id)
    SELECT DISTINCT ON (address_hash) %(account_id)s::bigint, decode(address_hash, 'hex'), 'all', email_key, 'hard_bounce', reply,
        %(now)s::timestamptz, 'message', message_id::text
    FROM bounce WHERE hard AND NOT is_played
    ON CONFLICT (account_id, address_hash, scope) DO UPDATE SET
        email = excluded.email, reason = excluded.reason, detail = excluded.detail, at = excluded.at,
        source_kind = excluded.source_kind, source_id = excluded.source_id, expires_at = NULL
    WHERE old.expires_at <= excluded.at
    RETURNING email
),
mirrored AS (
    UPDATE contact SET state = 'suppressed', updated_at = %(now)s
    WHERE account_id = %(account_id)s AND state = 'active' AND email_key IN (SELECT email FROM suppressed)
)
INSERT INTO event (account_id, id, at, kind, contact_id, message_id, source_kind, source_id, data)
SELECT %(account_id)s::bigint, event_id, %(now)s::timestamptz, 'message.bounced', contact_id, message_id, %(source_kind)s, source_id,
    jsonb_build_object('class', class, 'code', code, 'reply', reply, 'hard', hard) || coalesce(told, '{}')
FROM bounce
UNION ALL
SELECT %(account_id)s::bigint, suppression_event_id, %(now)s::timestamptz, 'contact.suppressed', contact_id, NULL, '', NULL,
    jsonb_build_object('reason', 'hard_bounce', 'scope', 'all')
FROM bounce JOIN suppressed ON suppressed.email = bounce.email_key
WHERE hard
ON CONFLICT DO NOTHING
