-- A confirmation was asked for. Called by consent/confirming.py. Who subscribed or unsubscribed stays so until the person answers: an
-- import may subscribe whoever is pending, never who left.
-- Parameters: account_id, topic_id, contact_id, basis, now.
INSERT INTO subscription AS old (account_id, topic_id, contact_id, state, basis, tracking_allowed, changed_at)
VALUES (%s, %s, %s, 'pending', %s, NULL, %s)
ON CONFLICT (account_id, topic_id, contact_id) DO UPDATE
SET basis = excluded.basis, changed_at = excluded.changed_at
WHERE old.state = 'pending'
