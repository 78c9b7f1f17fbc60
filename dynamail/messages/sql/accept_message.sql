-- One message that waits for a deliver worker, who hears of it at COMMIT. Called by messages/accepting.py.
-- Keys used: primary key; the same id again changes nothing. Parameters by name.
WITH accepted AS (
    INSERT INTO outbox (shard, id, account_id, source_kind, source_id, contact_id, recipient, payload, priority, lane, run_at,
        attempts, in_doubt, last_code, last_reply, created_at)
    VALUES (%(shard)s, %(id)s, %(account_id)s, %(source_kind)s, %(source_id)s, %(contact_id)s, %(recipient)s, %(payload)s::jsonb,
        %(priority)s, 0, %(now)s, 0, false, 0, '', %(now)s)
    ON CONFLICT DO NOTHING
)
SELECT pg_notify('dynamail_outbox', '')
