-- Suppress the staged addresses; returns those that were not suppressed before. Called by consent/mass_suppressing.py.
-- The first reason stays, one that ran out is replaced. Contacts with such an address carry the state too (scope `all`), and their
-- timeline says so. Keys used: suppression's, contact_email_once. Rows are locked in the order of the key, so that two imports
-- cannot wait for each other. Parameters: account_id, source_kind, source_id, event_source (uuid or null), now.
WITH put AS (
    INSERT INTO suppression AS old (
        account_id, address_hash, scope, email, reason, detail, at, source_kind, source_id, expires_at
    )
    SELECT %(account_id)s, address_hash, scope, email, reason, detail, at, %(source_kind)s, %(source_id)s, expires_at
    FROM pg_temp.suppression_staging
    ORDER BY address_hash, scope
    ON CONFLICT (account_id, address_hash, scope) DO UPDATE SET
        email = excluded.email, reason = excluded.reason, detail = excluded.detail, at = excluded.at,
        source_kind = excluded.source_kind, source_id = excluded.source_id, expires_at = excluded.expires_at
    WHERE old.expires_at <= %(now)s
    RETURNING address_hash, scope, email, reason
),
mirrored AS (
    UPDATE contact SET state = 'suppressed', updated_at = %(now)s
    FROM put
    WHERE contact.account_id = %(account_id)s AND contact.email_key = put.email AND contact.state = 'active'
        AND put.scope = 'all'
),
told AS (
    INSERT INTO event (account_id, id, at, kind, contact_id, source_kind, source_id, data)
    SELECT %(account_id)s, staged.event_id, %(now)s, 'contact.suppressed', contact.id,
        CASE WHEN %(event_source)s::uuid IS NULL THEN '' ELSE %(source_kind)s END, %(event_source)s::uuid,
        jsonb_build_object('reason', put.reason, 'scope', put.scope)
    FROM put
    JOIN pg_temp.suppression_staging AS staged USING (address_hash, scope)
    JOIN contact ON contact.account_id = %(account_id)s AND contact.email_key = put.email
)
SELECT address_hash, scope FROM put
