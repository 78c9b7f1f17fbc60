-- What programs asked to send, as it was accepted. Run by messages/email_rows.py. Parameters: account_id, at, source_kind, key_id,
-- is_test; rows: JSON array of the other columns.
INSERT INTO email (account_id, at, source_kind, api_key_id, is_test, id, stream, from_email, from_name, reply_to, subject, recipients,
    tags, metadata, template_uid, topic_id, track_opens, track_clicks, send_at, header_id, size_bytes, one_time)
SELECT %(account_id)s, %(at)s, %(source_kind)s, %(key_id)s::bigint, %(is_test)s, id, stream, from_email, from_name, reply_to, subject,
    recipients, ARRAY(SELECT json_array_elements_text(tags)), metadata, template_uid, topic_id, track_opens, track_clicks, send_at,
    header_id, size_bytes, one_time
FROM json_to_recordset(%(rows)s::json) AS new (
    id uuid, stream text, from_email text, from_name text, reply_to jsonb, subject text, recipients jsonb, tags json, metadata jsonb,
    template_uid uuid, topic_id bigint, track_opens boolean, track_clicks boolean, send_at timestamptz, header_id text,
    size_bytes integer, one_time boolean
)
