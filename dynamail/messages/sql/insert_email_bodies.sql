-- What accepted emails say. Run by messages/email_rows.py. Parameters: account_id; ids, kinds, contents (JSON), raws, in one order.
INSERT INTO email_body (account_id, id, kind, content, raw)
SELECT %(account_id)s, new.*
FROM unnest(%(ids)s::uuid[], %(kinds)s::text[], %(contents)s::jsonb[], %(raws)s::bytea[]) AS new
