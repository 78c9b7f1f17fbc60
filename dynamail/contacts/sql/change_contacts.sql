-- What changes of contacts that the caller has locked. Run by contacts/upserting_many.py. Index: the primary key.
UPDATE contact SET name = row.name, language = row.language, timezone = row.timezone, attributes = row.attributes,
    tags = row.tags, updated_at = %(now)s::timestamptz
FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS row (id uuid, name text, language text, timezone text, attributes jsonb, tags bigint[])
WHERE contact.account_id = %(account_id)s::bigint AND contact.id = row.id
