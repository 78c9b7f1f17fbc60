-- Contacts of nothing but an address, for events about people who were not known. Run by contacts/people_of_events.py, sorted by
-- address, so that two batches with the same people wait for each other in one order. Who is there already is left alone.
INSERT INTO contact (account_id, id, email, email_key, name, language, timezone, attributes, tags, state, lane, sample,
    findings, source_kind, source_id, source_label, created_at, updated_at)
SELECT %(account_id)s::bigint, id, email, email_key, '', '', '', '{}'::jsonb, '{}'::bigint[], state, lane, sample, 0, %(kind)s::text, %(id)s::text,
    %(label)s::text, %(now)s::timestamptz, %(now)s::timestamptz
FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS row (id uuid, email text, email_key text, state text, lane smallint, sample smallint)
ORDER BY email_key
ON CONFLICT (account_id, email_key) DO NOTHING
RETURNING id
