-- The log's rows for a segment. Run by tracking/shipping.py. Machine hits are kept, and marked.
INSERT INTO event (account_id, id, at, kind, contact_id, message_id, source_kind, source_id, data)
SELECT account_id, id, at, 'message.' || kind, nullif(contact_id, '00000000-0000-0000-0000-000000000000'),
    message_id, source_kind, source_id,
    jsonb_strip_nulls(jsonb_build_object(
        'link', CASE WHEN link_number >= 0 THEN link_number END,
        'url', nullif(url, ''),
        'machine', CASE WHEN machine THEN true END
    ))
FROM kept_hit
