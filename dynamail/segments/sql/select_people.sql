-- What the rows of contacts say themselves. Run by segments/loading.py. contact's primary key.
SELECT id, email_key, created_at, name, language, timezone, state, attributes::text, tags, source_kind, source_id, findings
FROM contact
WHERE account_id = %(account_id)s AND id = ANY(%(ids)s::uuid[])
