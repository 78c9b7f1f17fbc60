-- Many contacts leave a topic, subscribed or not. Called by consent/recording.py: withdraw_consents; returns those who had not
-- left already. Tracking ends with the subscription, as in unsubscribe_contact.sql. Primary key.
-- Parameters: account_id, topic_id, basis, now, contact ids.
INSERT INTO subscription AS old (account_id, topic_id, contact_id, state, basis, tracking_allowed, changed_at)
SELECT %s, %s, contact_id, 'unsubscribed', %s, NULL, %s
FROM unnest(%s::uuid[]) AS contact_id
ON CONFLICT (account_id, topic_id, contact_id) DO UPDATE
SET state = 'unsubscribed', changed_at = excluded.changed_at
WHERE old.state <> 'unsubscribed'
RETURNING contact_id
