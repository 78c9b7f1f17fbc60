-- The oldest ids of senders' events. Run by events/own.py until nothing is left of them. Index: custom_event_key_age.
-- Parameters: the moment, the most rows.
DELETE FROM custom_event_key
WHERE ctid = ANY(ARRAY(SELECT ctid FROM custom_event_key WHERE at < %s ORDER BY at LIMIT %s))
