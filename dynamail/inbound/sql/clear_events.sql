-- Take out of the log of events who wrote these letters and what about; that each came stays. An event is written in the moment of its letter, so
-- that both ids begin alike and the search is one of the key. Called by inbound/erasing.py. Key used: that of event.
-- Parameters: account_id, ids, public_ids (in the same order).
UPDATE event SET data = event.data - ARRAY['from', 'from_name', 'to', 'subject', 'attachments']
FROM unnest(%(ids)s::uuid[], %(public_ids)s::text[]) AS letter (id, public_id)
WHERE event.account_id = %(account_id)s
    AND event.id >= (left(letter.id::text, 13) || '-0000-0000-000000000000')::uuid
    AND event.id <= (left(letter.id::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
    AND event.kind IN ('message.received', 'message.replied')
    AND event.data ->> 'id' = letter.public_id
