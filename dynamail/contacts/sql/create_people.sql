-- New contacts, of an address and whatever else is known. Run by contacts/people_of_events.py, for events about people who were not
-- known, and by contacts/upserting_many.py; sorted by address, so that two batches with the same people wait for each other in one
-- order. Who is there already is left alone.
INSERT INTO contact (account_id, id, email, email_key, name, language, timezone, attributes, tags, state, lane, sample,
    findings, source_kind, source_id, source_label, created_at, updated_at)
SELECT %(account_id)s::bigint, id, email, email_key, coalesce(name, ''), coalesce(language, ''), coalesce(timezone, ''),
    coalesce(attributes, '{}'::jsonb), coalesce(tags, '{}'::bigint[]), state, lane, sample, coalesce(findings, 0::smallint),
    %(kind)s::text, %(id)s::text, %(label)s::text, %(now)s::timestamptz, %(now)s::timestamptz
FROM jsonb_to_recordset(%(rows)s::jsonb) AS row (
    id uuid, email text, email_key text, name text, language text, timezone text, attributes jsonb, tags bigint[], state text,
    lane smallint, sample smallint, findings smallint
)
ORDER BY email_key
ON CONFLICT (account_id, email_key) DO NOTHING
RETURNING id
