-- Names of own events as the writer of a batch needs them. Run by events/own_names.py. Index: event_name_once.
-- Parameters: account_id, names.
SELECT name, id, properties::text, last_at FROM event_name WHERE account_id = %s AND name = ANY(%s::text[])
