-- What accepted emails say. Run by messages/email_rows.py. The contents come as one JSON text: quoting each for an array took a third of
-- the door's time. Parameters: account_id; rows: JSON array of {id, kind, content}; raw_ids, raws of whole messages, in one order.
INSERT INTO email_body (account_id, id, kind, content, raw)
SELECT %(account_id)s, new.id, new.kind, new.content, whole.raw
FROM json_to_recordset(%(rows)s::json) AS new (id uuid, kind text, content jsonb)
LEFT JOIN unnest(%(raw_ids)s::uuid[], %(raws)s::bytea[]) AS whole (id, raw) ON whole.id = new.id
