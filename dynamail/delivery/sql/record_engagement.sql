-- A finished chunk's deliveries reach the contacts' own rows, which segments read. Run once a chunk in the transaction that finishes
-- it, so that each delivery counts once. Keys used: message's primary key, engagement's primary key.
-- Parameters: account_id, message_ids uuid[].
INSERT INTO engagement AS known (account_id, contact_id, last_sent_at, sent, opened, clicked)
SELECT account_id, contact_id, at, 1, 0, 0
FROM message
WHERE account_id = %(account_id)s AND id = ANY(%(message_ids)s::uuid[]) AND state = 'delivered' AND contact_id IS NOT NULL
ON CONFLICT (account_id, contact_id) DO UPDATE
SET last_sent_at = greatest(known.last_sent_at, excluded.last_sent_at), sent = known.sent + 1
