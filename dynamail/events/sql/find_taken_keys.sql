-- The event behind each of a batch's ids that was taken before. Run by events/own.py when fewer rows were new than were sent.
-- Index: the primary key. Parameters: account_id, keys.
SELECT key, event_id FROM custom_event_key WHERE account_id = %s AND key = ANY(%s::uuid[])
