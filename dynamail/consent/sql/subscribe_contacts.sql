-- An import states consent for many contacts. Called by consent/recording.py: import_consent. Returns those who were not
-- subscribed before. Who unsubscribed stays out: the state is compared under the row's lock, so a person who leaves while
-- the import runs stays out too.
-- Parameters: account_id, topic_id, basis, now, contact ids.
INSERT INTO subscription AS old (account_id, topic_id, contact_id, state, basis, tracking_allowed, changed_at)
SELECT %s, %s, contact_id, 'subscribed', %s, NULL, %s
FROM unnest(%s::uuid[]) AS contact_id
ON CONFLICT (account_id, topic_id, contact_id) DO UPDATE
SET state = 'subscribed', basis = excluded.basis, changed_at = excluded.changed_at
WHERE old.state = 'pending'
RETURNING contact_id
