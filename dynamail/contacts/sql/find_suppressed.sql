-- Which of some addresses must not be mailed at all. Run by contacts/people_of_events.py and contacts/upserting_many.py before contacts are
-- made of them.
-- Index: the primary key. Parameters: account_id, hashes, the scope, now.
SELECT address_hash FROM suppression
WHERE account_id = %s AND address_hash = ANY(%s::bytea[]) AND scope = %s AND (expires_at IS NULL OR expires_at > %s)
