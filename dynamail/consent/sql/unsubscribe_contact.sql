-- One contact leaves a topic, subscribed or not. Called by consent/recording.py; no row when they had left already.
-- Tracking ends with the subscription: old pixels and links of this topic record nothing any more (P8.4), because
-- tracking/sql/settle_hits.sql asks for a standing one.
-- Parameters: account_id, topic_id, contact_id, basis, now.
INSERT INTO subscription AS old (account_id, topic_id, contact_id, state, basis, tracking_allowed, changed_at)
VALUES (%s, %s, %s, 'unsubscribed', %s, NULL, %s)
ON CONFLICT (account_id, topic_id, contact_id) DO UPDATE
SET state = 'unsubscribed', changed_at = excluded.changed_at
WHERE old.state <> 'unsubscribed'
