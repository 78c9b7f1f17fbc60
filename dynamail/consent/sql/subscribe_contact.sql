-- One contact subscribes to a topic. Called by consent/recording.py; no row comes back when they were subscribed already.
-- Parameters: account_id, topic_id, contact_id, basis, tracking_allowed (null: not asked), now.
INSERT INTO subscription AS old (account_id, topic_id, contact_id, state, basis, tracking_allowed, changed_at)
VALUES (%s, %s, %s, 'subscribed', %s, %s, %s)
ON CONFLICT (account_id, topic_id, contact_id) DO UPDATE
SET state = 'subscribed', basis = excluded.basis, changed_at = excluded.changed_at,
    tracking_allowed = coalesce(excluded.tracking_allowed, old.tracking_allowed)
WHERE old.state <> 'subscribed'
